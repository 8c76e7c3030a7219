//! `chaveiro user`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::operator::permit;
use super::output::{print_line, print_table};
use crate::vault::Vault;
use crate::vault::operation::Action;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register a platform user.
    Add {
        /// The name, as clients will send it.
        name: String,
    },
    /// List the platform users.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add { name } => {
            let permit = permit(vault, Action::USER_ADD).await?;
            vault.add_user(permit, &name).await?;
            Ok(print_line(&format!("user {name} added"))?)
        }
        Command::List { json } => {
            let permit = permit(vault, Action::USER_LIST).await?;
            let rows: Vec<_> = vault.users(permit).await?.into_iter().map(|name| json!({ "name": name })).collect();
            Ok(print_table(json, &["name"], &rows)?)
        }
    }
}
