//! The commands of a client: `exec`, `get` and `totp`. They call a vault over HTTP, as any program does, and open none.

mod connection;
mod environment_file;
mod error;
mod exec;
mod get;
mod http;
mod output;
mod reference;
mod secret_source;
mod session;
mod template;
mod tls;
mod token_cache;
mod totp;
mod unseal;
mod values;

pub(super) use error::ClientError;

use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run a program with secrets of a vault in its environment.
    Exec(exec::Options),
    /// Print a secret of a vault, or fill in a template.
    Get(get::Options),
    /// Print the current one-time code of a credential.
    Totp(totp::Options),
    /// Enter shares of the root key at a sealed server. They are read from standard input, one a line.
    Unseal(unseal::Options),
}

/// Runs a command. `exec` returns only if the program could not be started.
pub(super) fn run(command: Command) -> Result<(), ClientError> {
    match command {
        Command::Exec(options) => Err(exec::run(options)),
        Command::Get(options) => get::run(options),
        Command::Totp(options) => totp::run(options),
        Command::Unseal(options) => unseal::run(options),
    }
}
