//! `chaveiro role`

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::operator::permit;
use super::output::print_table;
use crate::vault::Vault;
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["id", "name", "permissions"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the roles. They are created over HTTP.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    let Command::List { json } = command;
    let permit = permit(vault, Action::ROLE_SUMMARY).await?;
    let rows = vault.roles(permit).await?.into_iter();
    let rows: Vec<Value> =
        rows.map(|row| json!({ "id": row.id, "name": row.name, "permissions": row.permissions })).collect();
    Ok(print_table(json, COLUMNS, &rows)?)
}
