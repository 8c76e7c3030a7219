//! `chaveiro domain`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::operator::permit;
use super::output::{print_line, print_table};
use crate::vault::Vault;
use crate::vault::operation::Action;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register a domain.
    Add {
        /// The full name, such as corp.example.
        #[arg(long)]
        name: String,
        /// The short name, such as CORP.
        #[arg(long)]
        short_name: Option<String>,
    },
    /// List the domains.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add { name, short_name } => {
            let permit = permit(vault, Action::DOMAIN_ADD).await?;
            vault.add_domain(permit, &name, short_name.as_deref()).await?;
            Ok(print_line(&format!("domain {name} added"))?)
        }
        Command::List { json } => {
            let permit = permit(vault, Action::DOMAIN_LIST).await?;
            let domains = vault.domains(permit).await?.into_iter();
            let rows: Vec<_> = domains.map(|(name, short)| json!({"name": name, "short_name": short})).collect();
            Ok(print_table(json, &["name", "short_name"], &rows)?)
        }
    }
}
