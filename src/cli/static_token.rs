//! `chaveiro authorization create-token`, `list-tokens` and `revoke-token`

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::operator::permit;
use super::output::{OutputError, print_json, print_line, print_table};
use super::time::{moment, rfc_3339};
use crate::vault::Vault;
use crate::vault::access::static_token::{NewToken, StaticTokenSummary};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["token_id", "client_id", "name", "created", "expires"];

#[derive(Args)]
pub(super) struct Create {
    /// The client that it belongs to. It has to be bound to source addresses or certificates.
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
    /// The client whose tokens are listed. Default: all.
    #[arg(long)]
    client_id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The id of the token, as listed.
    #[arg(long)]
    token_id: String,
}

/// Creates a static token, and prints it. It is not shown again.
pub(super) async fn create(vault: &Vault, options: Create) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_CREATE_TOKEN).await?;
    let created = vault.create_static_token(permit, &options.client_id, &options.name, options.expires).await?;
    print(&created, options.expires.map(rfc_3339), options.json).map_err(|_| CliError::SecretNotShown)
}

fn print(created: &NewToken, expires: Option<String>, json: bool) -> Result<(), OutputError> {
    let (id, token) = (&created.id, created.token.text().expose());
    if json {
        return print_json(&json!({ "token_id": id, "token": token, "expires": expires }));
    }
    print_line(&format!("token_id  {id}"))?;
    print_line(&format!("token     {token}"))?;
    if let Some(expires) = expires {
        print_line(&format!("expires   {expires}"))?;
    }
    print_line("The token is not shown again.")
}

/// Lists static tokens, without their secrets.
pub(super) async fn list(vault: &Vault, options: List) -> Result<(), CliError> {
    let row = |row: StaticTokenSummary| {
        json!({
            "token_id": row.id,
            "client_id": row.client_id,
            "name": row.name,
            "created": rfc_3339(row.created_at),
            "expires": row.expires_at.map(rfc_3339),
        })
    };
    let permit = permit(vault, Action::AUTHORIZATION_LIST_TOKENS).await?;
    let rows: Vec<Value> = vault.static_tokens(permit, options.client_id).await?.into_iter().map(row).collect();
    Ok(print_table(options.json, COLUMNS, &rows)?)
}

/// Revokes a static token.
pub(super) async fn revoke(vault: &Vault, options: Revoke) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_REVOKE_TOKEN).await?;
    vault.revoke_static_token(permit, &options.token_id).await?;
    Ok(print_line(&format!("token {} revoked", options.token_id))?)
}
