//! `chaveiro identity`

use std::io::{BufRead, IsTerminal, Read};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::output::{say, table};
use crate::crypto::SecretText;
use crate::vault::Vault;

const COLUMNS: &[&str] = &["id", "account", "type", "roles", "password", "valid"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make an identity of an account that the directory knows.
    Create(Account),
    /// List the identities.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a user a password for Basic authentication; it is read from standard input, a line.
    SetPassword(Account),
    /// Take the password of a user away.
    ClearPassword(Account),
    /// Give an identity a role.
    GrantRole(Role),
    /// Take a role from an identity.
    RevokeRole(Role),
    /// Forget an identity.
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
            vault.add_identity(&account).await?;
            Ok(say(&format!("identity {account} created"))?)
        }
        Command::List { json } => list(vault, json).await,
        Command::SetPassword(Account { account }) => {
            vault.set_identity_password(&account, &read_password()?).await?;
            Ok(say(&format!("identity {account} has a new password"))?)
        }
        Command::ClearPassword(Account { account }) => {
            vault.clear_identity_password(&account).await?;
            Ok(say(&format!("identity {account} has no password"))?)
        }
        Command::GrantRole(Role { account: Account { account }, role }) => {
            vault.grant_identity_role(&account, &role).await?;
            Ok(say("granted")?)
        }
        Command::RevokeRole(Role { account: Account { account }, role }) => {
            vault.revoke_identity_role(&account, &role).await?;
            Ok(say("revoked")?)
        }
        Command::Delete(Account { account }) => {
            vault.remove_identity(&account).await?;
            Ok(say(&format!("identity {account} deleted"))?)
        }
    }
}

/// The first line of standard input. Arguments can be seen by everybody on the machine, so there is none for it.
fn read_password() -> Result<SecretText, CliError> {
    if std::io::stdin().is_terminal() {
        super::output::complain("The password, and Enter (it is shown as you type):");
    }
    let mut text = String::new();
    std::io::stdin().lock().take(4096).read_line(&mut text)?;
    let line = SecretText::new(text.trim_end_matches(['\r', '\n']).into());
    zeroize::Zeroize::zeroize(&mut text);
    Ok(line)
}

async fn list(vault: &Vault, json: bool) -> Result<(), CliError> {
    let row = |row: crate::vault::keyfactor::administration::IdentitySummary| {
        json!({
            "id": row.id,
            "account": row.account,
            "type": row.identity_type,
            "roles": row.roles.join(","),
            "password": row.has_password,
            "valid": row.valid,
        })
    };
    let rows: Vec<Value> = vault.identities().await?.into_iter().map(row).collect();
    Ok(table(json, COLUMNS, &rows, |row| super::cells(row, COLUMNS))?)
}
