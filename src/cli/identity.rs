//! `chaveiro identity`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::input::read_password;
use super::operator::{permit, recorded};
use super::output::{print_line, print_table};
use crate::vault::Vault;
use crate::vault::access::IdentitySummary;
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["id", "account", "type", "roles", "password", "valid"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an identity of an account that the directory knows.
    Create(Account),
    /// List the identities.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set the password of a user for Basic authentication. Reads it from the first line of standard input.
    SetPassword(Account),
    /// Remove the password of a user.
    ClearPassword(Account),
    /// Grant an identity a role.
    GrantRole(Role),
    /// Revoke a role from an identity.
    RevokeRole(Role),
    /// Delete an identity.
    Delete(Account),
}

#[derive(Args)]
pub(super) struct Account {
    /// The account, as DOMAIN\name.
    #[arg(long, value_name = "DOMAIN\\NAME")]
    account: String,
}

#[derive(Args)]
pub(super) struct Role {
    #[command(flatten)]
    account: Account,
    /// The role's name.
    #[arg(long, value_name = "NAME")]
    role: String,
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(Account { account }) => {
            let permit = permit(vault, Action::IDENTITY_CREATE).await?;
            vault.create_identity(permit, &account).await?;
            Ok(print_line(&format!("identity {account} created"))?)
        }
        Command::List { json } => list(vault, json).await,
        Command::SetPassword(Account { account }) => {
            let permit = permit(vault, Action::IDENTITY_SET_PASSWORD).await?;
            let password = recorded(vault, &permit, read_password()).await?;
            vault.set_identity_password(permit, &account, &password).await?;
            Ok(print_line(&format!("identity {account} has a new password"))?)
        }
        Command::ClearPassword(Account { account }) => {
            let permit = permit(vault, Action::IDENTITY_SET_PASSWORD).await?;
            vault.clear_identity_password(permit, &account).await?;
            Ok(print_line(&format!("identity {account} has no password"))?)
        }
        Command::GrantRole(Role { account: Account { account }, role }) => {
            let permit = permit(vault, Action::IDENTITY_GRANT_ROLE).await?;
            vault.grant_identity_role(permit, &account, &role).await?;
            Ok(print_line("granted")?)
        }
        Command::RevokeRole(Role { account: Account { account }, role }) => {
            let permit = permit(vault, Action::IDENTITY_REVOKE_ROLE).await?;
            vault.revoke_identity_role(permit, &account, &role).await?;
            Ok(print_line("revoked")?)
        }
        Command::Delete(Account { account }) => {
            let permit = permit(vault, Action::IDENTITY_DELETE).await?;
            vault.delete_identity_of(permit, &account).await?;
            Ok(print_line(&format!("identity {account} deleted"))?)
        }
    }
}

async fn list(vault: &Vault, json: bool) -> Result<(), CliError> {
    let row = |row: IdentitySummary| {
        json!({
            "id": row.id,
            "account": row.account,
            "type": row.identity_type,
            "roles": row.roles.join(","),
            "password": row.has_password,
            "valid": row.valid,
        })
    };
    let permit = permit(vault, Action::IDENTITY_SUMMARY).await?;
    let rows: Vec<Value> = vault.identities(permit).await?.into_iter().map(row).collect();
    Ok(print_table(json, COLUMNS, &rows)?)
}
