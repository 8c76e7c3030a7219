//! `chaveiro totp`: prints the current one-time code of a credential.

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::connection::{Connection, ConnectionOptions};
use super::error::ClientError;
use super::output::write_value;
use super::session::Session;
use super::values::Values;

/// Options of `totp`.
#[derive(Args)]
pub(in crate::cli) struct Options {
    /// The credential: its identifier, its id, or username@hostname.
    #[arg(value_name = "CREDENTIAL")]
    name: String,
    /// Print JSON, with the seconds for which the code is valid.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Prints the code.
pub(in crate::cli) fn run(options: Options) -> Result<(), ClientError> {
    let connection = Connection::resolve(options.connection)?;
    let mut values = Values::new(Session::new(connection)?, false);
    let code = values.code(&options.name)?;
    if !options.json {
        return write_value(code.code.expose(), None);
    }
    let text = json!({ "code": code.code.expose(), "seconds_left": code.seconds_left });
    write_value(&Zeroizing::new(format!("{text:#}\n")), None)
}
