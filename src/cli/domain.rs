//! `chaveiro domain`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::output::{say, table};
use crate::vault::Vault;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register a domain.
    Add {
        /// Its full name, such as corp.example.
        #[arg(long)]
        name: String,
        /// Its short name, such as CORP.
        #[arg(long)]
        short_name: Option<String>,
    },
    /// List the domains.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add { name, short_name } => {
            vault.add_domain(&name, short_name.as_deref()).await?;
            Ok(say(&format!("domain {name} added"))?)
        }
        Command::List { json } => {
            let domains = vault.domains().await?;
            let rows: Vec<_> =
                domains.into_iter().map(|(name, short)| json!({"name": name, "short_name": short})).collect();
            let columns = ["name", "short_name"];
            Ok(table(json, &columns, &rows, |row| super::cells(row, &columns))?)
        }
    }
}
