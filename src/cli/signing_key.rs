//! `chaveiro authorization create-signing-key`, `list-signing-keys` and `revoke-signing-key`

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::operator::permit;
use super::output::{OutputError, print_json, print_line, print_table};
use super::time::{moment, rfc_3339};
use crate::vault::Vault;
use crate::vault::access::request_signing_key::{NewSigningKey, SigningKeySummary};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["token", "client_id", "name", "created", "expires"];

#[derive(Args)]
pub(super) struct Create {
    /// The client that it belongs to.
    #[arg(long)]
    client_id: String,
    /// A name for the list, such as the program that gets it.
    #[arg(long)]
    name: String,
    /// When it expires: 2027-01-31 (valid to the end of that day in UTC), 2027-01-31T18:00:00Z, or from now: 90d, 12h.
    /// Default: never.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    expires: Option<DateTime<Utc>>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct List {
    /// The client whose keys are listed. Default: all.
    #[arg(long)]
    client_id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The token of the key, as listed.
    #[arg(long)]
    token: String,
}

/// Creates a signing key, and prints the four values of an OAuth 1.0 client. The secrets are not shown again.
pub(super) async fn create(vault: &Vault, options: Create) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_CREATE_SIGNING_KEY).await?;
    let created = vault.create_signing_key(permit, &options.client_id, &options.name, options.expires).await?;
    let printed = print(&options.client_id, &created, options.expires.map(rfc_3339), options.json);
    printed.map_err(|_| CliError::SecretNotShown)
}

fn print(client_id: &str, created: &NewSigningKey, expires: Option<String>, json: bool) -> Result<(), OutputError> {
    let (consumer_secret, token_secret) = (created.key.consumer_secret(), created.key.token_secret());
    if json {
        return print_json(&json!({
            "consumer_key": client_id,
            "consumer_secret": consumer_secret,
            "token": created.token,
            "token_secret": token_secret,
            "expires": expires,
        }));
    }
    print_line(&format!("consumer_key     {client_id}"))?;
    print_line(&format!("consumer_secret  {consumer_secret}"))?;
    print_line(&format!("token            {}", created.token))?;
    print_line(&format!("token_secret     {token_secret}"))?;
    if let Some(expires) = expires {
        print_line(&format!("expires          {expires}"))?;
    }
    print_line("The secrets are not shown again.")
}

/// Lists signing keys, without their secrets.
pub(super) async fn list(vault: &Vault, options: List) -> Result<(), CliError> {
    let row = |row: SigningKeySummary| {
        json!({
            "token": row.token,
            "client_id": row.client_id,
            "name": row.name,
            "created": rfc_3339(row.created_at),
            "expires": row.expires_at.map(rfc_3339),
        })
    };
    let permit = permit(vault, Action::AUTHORIZATION_LIST_SIGNING_KEYS).await?;
    let rows: Vec<Value> = vault.signing_keys(permit, options.client_id).await?.into_iter().map(row).collect();
    Ok(print_table(options.json, COLUMNS, &rows)?)
}

/// Revokes a signing key.
pub(super) async fn revoke(vault: &Vault, options: Revoke) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_REVOKE_SIGNING_KEY).await?;
    vault.revoke_signing_key(permit, &options.token).await?;
    Ok(print_line(&format!("signing key {} revoked", options.token))?)
}
