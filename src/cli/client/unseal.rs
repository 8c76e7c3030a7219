//! `chaveiro unseal`: enters shares of the root key at a sealed server.

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::connection::{Server, ServerOptions};
use super::error::ClientError;
use super::http::{Answer, HttpClient};
use super::output::write_value;
use crate::cli::input::{MAX_LINE, read_share};

const PATH: &str = "/unseal";

/// Options of `unseal`.
#[derive(Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    server: ServerOptions,
}

/// What the server says of its seal.
#[derive(Deserialize)]
struct Status {
    sealed: bool,
    threshold: Option<u8>,
    progress: Option<u8>,
}

/// Enters shares until the server is unsealed, or until the input ends.
///
/// # Errors
/// [`ClientError::Refused`] for the first text that is no share of its root key.
pub(in crate::cli) fn run(options: Options) -> Result<(), ClientError> {
    let client = HttpClient::new(&Server::resolve(options.server)?)?;
    loop {
        let read = read_share("A share of the root key");
        let read = read.map_err(|_| ClientError::NoSecret("standard input".into(), MAX_LINE))?;
        let Some(share) = read else { return Ok(()) };
        let body = Zeroizing::new(json!({ "share": share.expose() }).to_string());
        let status = status(&client.post_json(PATH, &body)?)?;
        write_value(&describe(&status), None)?;
        if !status.sealed {
            return Ok(());
        }
    }
}

fn status(answer: &Answer) -> Result<Status, ClientError> {
    match answer.status {
        200 => serde_json::from_slice(answer.body.expose()).map_err(|_| ClientError::UnknownAnswer),
        400 => Err(ClientError::Refused("the share is not accepted".into())),
        _ => Err(ClientError::UnknownAnswer),
    }
}

fn describe(status: &Status) -> String {
    match (status.sealed, status.progress, status.threshold) {
        (false, ..) => "unsealed\n".into(),
        (true, Some(progress), Some(threshold)) => format!("sealed: {progress} of {threshold} shares\n"),
        (true, ..) => "sealed\n".into(),
    }
}
