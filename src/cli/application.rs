//! `chaveiro application`

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::operator::permit;
use super::output::{print_line, print_table};
use crate::vault::Vault;
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["name", "active", "authorizations"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Register an application.
    Create {
        /// The name.
        #[arg(long)]
        name: String,
    },
    /// List the applications.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Disable an application and all of its clients.
    Disable {
        /// The name.
        #[arg(long)]
        name: String,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create { name } => {
            let permit = permit(vault, Action::APPLICATION_CREATE).await?;
            vault.create_application(permit, &name).await?;
            print_line(&format!("application {name} created"))?;
        }
        Command::Disable { name } => {
            let permit = permit(vault, Action::APPLICATION_DISABLE).await?;
            vault.disable_application(permit, &name).await?;
            print_line(&format!("application {name} disabled"))?;
        }
        Command::List { json } => {
            let permit = permit(vault, Action::APPLICATION_LIST).await?;
            let applications = vault.applications(permit).await?.into_iter();
            let rows: Vec<_> = applications
                .map(|row| json!({"name": row.name, "active": row.active, "authorizations": row.authorizations}))
                .collect();
            print_table(json, COLUMNS, &rows)?;
        }
    }
    Ok(())
}
