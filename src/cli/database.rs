//! `chaveiro database`

use clap::Subcommand;

use super::output::print_line;
use super::{CliError, Common};
use crate::vault::Inspection;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create the vault if there is none, and apply the migrations that are missing. `serve` does it too.
    Migrate {
        /// Make a new vault also where a root key or audit heads lie already.
        #[arg(long)]
        init: bool,
    },
    /// Check, without writing, that the database answers, has all migrations, and is sealed under the root key.
    Check,
}

pub(super) fn run(common: &Common, command: Command) -> Result<(), CliError> {
    match command {
        Command::Migrate { init } => {
            common.vault_or_new(init)?.close();
            Ok(print_line("the database is up to date")?)
        }
        Command::Check => {
            let problem = |text: &str| Err(CliError::Check(text.into()));
            match Inspection::inspect(&common.location()?)? {
                Inspection { used: false, .. } => problem("the database is empty; chaveiro serve initialises it"),
                Inspection { pending: 1.., .. } => {
                    problem("the database is not up to date; run: chaveiro database migrate")
                }
                Inspection { used: true, pending: 0 } => {
                    Ok(print_line("the database answers, is up to date, and is sealed under this root key")?)
                }
            }
        }
    }
}
