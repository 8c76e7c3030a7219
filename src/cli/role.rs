//! `chaveiro role`

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::output::table;
use crate::vault::Vault;

const COLUMNS: &[&str] = &["id", "name", "permissions"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the roles. They are made on the Keyfactor routes.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    let Command::List { json } = command;
    let rows = vault.roles().await?.into_iter();
    let rows: Vec<Value> =
        rows.map(|row| json!({ "id": row.id, "name": row.name, "permissions": row.permissions })).collect();
    Ok(table(json, COLUMNS, &rows, |row| super::cells(row, COLUMNS))?)
}
