//! `chaveiro database`

use clap::Subcommand;

use super::output::say;
use super::{CliError, Common};
use crate::vault::Inspection;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a vault where there is none, and bring its tables up to date. Serving does it too.
    Migrate,
    /// Look, without writing: does the database answer, is it up to date, is the root key its own?
    Check,
}

pub(super) fn run(common: &Common, command: Command) -> Result<(), CliError> {
    match command {
        Command::Migrate => {
            common.vault_or_new()?.close();
            Ok(say("the database is up to date")?)
        }
        Command::Check => {
            let found = Inspection::of(&common.place()?)?;
            let problem = |text: &str| Err(CliError::Check(text.into()));
            match found {
                Inspection { used: false, .. } => problem("the database is empty; chaveiro serve initialises it"),
                Inspection { pending: 1.., .. } => {
                    problem("the database is not up to date; run: chaveiro database migrate")
                }
                Inspection { used: true, pending: 0 } => {
                    Ok(say("the database answers, is up to date, and is sealed under this root key")?)
                }
            }
        }
    }
}
