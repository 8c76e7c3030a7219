//! `chaveiro application`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::output::{say, table};
use crate::vault::Vault;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register an application.
    Create {
        /// Its name.
        #[arg(long)]
        name: String,
    },
    /// List the applications.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Switch an application off, and all of its clients with it.
    Disable {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create { name } => {
            vault.create_application(&name).await?;
            say(&format!("application {name} created"))?;
        }
        Command::Disable { name } => {
            vault.disable_application(&name).await?;
            say(&format!("application {name} disabled"))?;
        }
        Command::List { json } => {
            let rows: Vec<_> = vault
                .applications()
                .await?
                .into_iter()
                .map(|row| json!({"name": row.name, "active": row.active, "authorizations": row.authorizations}))
                .collect();
            let cells = |row: &serde_json::Value| super::cells(row, &["name", "active", "authorizations"]);
            table(json, &["name", "active", "authorizations"], &rows, cells)?;
        }
    }
    Ok(())
}
