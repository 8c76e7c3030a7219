//! `chaveiro database`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{print_json, print_line};
use super::{CliError, Common, Unobserved};
use crate::store::CommitObserver;
use crate::vault::Inspection;
use crate::vault::backup::{self, PreflightReport};

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
    /// Try an upgrade on a copy: apply the migrations there, open every sealed value, and verify the audit log.
    Preflight {
        /// The directory below which the copy is made. Default: that of temporary files.
        #[arg(long, value_name = "DIR")]
        scratch: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(common: &Common, command: Command) -> Result<(), CliError> {
    match command {
        Command::Migrate { init } => {
            common.vault_or_new(init)?.close();
            Ok(print_line("the database is up to date")?)
        }
        Command::Preflight { scratch, json } => {
            let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
            let scratch = scratch.unwrap_or_else(std::env::temp_dir);
            let found = backup::preflight(&common.location()?, &common.command_settings()?, &scratch, &observer)?;
            print(&found, json)
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

fn print(found: &PreflightReport, is_json: bool) -> Result<(), CliError> {
    let PreflightReport { migrations, secrets, chains } = found;
    if is_json {
        let chains: Vec<Value> =
            chains.iter().map(|(name, records)| json!({"chain": name, "records": records})).collect();
        return Ok(print_json(&json!({"migrations": migrations, "secrets": secrets, "chains": chains}))?);
    }
    print_line(&format!(
        "{migrations} migrations apply, {secrets} sealed values open, {} chains verify",
        chains.len()
    ))?;
    Ok(print_line("this was a copy; the database is unchanged")?)
}
