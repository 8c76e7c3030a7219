//! `chaveiro user`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::output::{say, table};
use crate::vault::Vault;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register a user.
    Add {
        /// The name, as clients will send it.
        name: String,
    },
    /// List the users.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add { name } => {
            vault.add_user(&name).await?;
            Ok(say(&format!("user {name} added"))?)
        }
        Command::List { json } => {
            let rows: Vec<_> = vault.users().await?.into_iter().map(|name| json!({ "name": name })).collect();
            let columns = ["name"];
            Ok(table(json, &columns, &rows, |row| super::cells(row, &columns))?)
        }
    }
}
