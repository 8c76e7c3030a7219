//! `chaveiro authorization add-key`, `list-keys` and `remove-key`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::CliError;
use super::operator::{permit, recorded};
use super::output::{print_json, print_line, print_table};
use super::time::rfc_3339;
use crate::text::encoding;
use crate::token::VerifyingKey;
use crate::vault::Vault;
use crate::vault::access::client_key::{ClientKeySummary, invalid_key};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["thumbprint", "name", "created"];

#[derive(Args)]
pub(super) struct Add {
    /// The client that signs its assertions with the key.
    #[arg(long)]
    client_id: String,
    /// A name for the list, such as the host that has the private key.
    #[arg(long)]
    name: String,
    /// The file with the public key, a JWK or PEM: P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct List {
    /// The client.
    #[arg(long)]
    client_id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The client.
    #[arg(long)]
    client_id: String,
    /// The thumbprint of the key, as listed.
    #[arg(long)]
    thumbprint: String,
}

/// Adds a public key to a client.
pub(super) async fn add(vault: &Vault, options: Add) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_ADD_KEY).await?;
    let key = recorded(vault, &permit, read_key(&options.public_key)).await?;
    let thumbprint = vault.add_client_key(permit, &options.client_id, &options.name, &key).await?;
    if options.json {
        return Ok(print_json(&json!({ "thumbprint": thumbprint }))?);
    }
    Ok(print_line(&format!("thumbprint  {thumbprint}"))?)
}

/// Lists the keys of a client.
pub(super) async fn list(vault: &Vault, options: List) -> Result<(), CliError> {
    let row = |row: ClientKeySummary| json!({ "thumbprint": row.thumbprint, "name": row.name, "created": rfc_3339(row.created_at) });
    let permit = permit(vault, Action::AUTHORIZATION_LIST_KEYS).await?;
    let rows: Vec<Value> = vault.client_keys(permit, &options.client_id).await?.into_iter().map(row).collect();
    Ok(print_table(options.json, COLUMNS, &rows)?)
}

/// Removes a key from a client.
pub(super) async fn remove(vault: &Vault, options: Remove) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_REMOVE_KEY).await?;
    vault.remove_client_key(permit, &options.client_id, &options.thumbprint).await?;
    Ok(print_line(&format!("key {} removed", options.thumbprint))?)
}

fn read_key(file: &Path) -> Result<VerifyingKey, CliError> {
    // A file that holds the private key by mistake is wiped too.
    let bytes = Zeroizing::new(std::fs::read(file).map_err(|error| CliError::Unreadable(file.into(), error.kind()))?);
    let text = encoding::document(&bytes).map_err(|error| CliError::Encoding(file.into(), error))?;
    Ok(VerifyingKey::parse(text).map_err(invalid_key)?)
}
