//! `chaveiro key`: the root key, the data keys and the keys of access tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::operator::{permit, recorded};
use super::output::{print_json, print_line, print_table};
use super::time::rfc_3339;
use super::{CliError, Common};
use crate::crypto::RootKey;
use crate::vault::keys::{DataKeyStatus, KeyStatus, RootKeyRotation, RootKeyRotationError, SigningKeyStatus};
use crate::vault::operation::Action;
use crate::vault::{StartError, Vault};

mod split;

const DATA_KEY_COLUMNS: &[&str] = &["id", "purpose", "state", "created", "values", "resealed", "progress"];
const SIGNING_KEY_COLUMNS: &[&str] = &["kid", "state", "created", "accepted_until"];

#[derive(Subcommand)]
#[expect(clippy::doc_markdown, reason = "a help text is shown as it is written")]
pub(super) enum Command {
    /// Show the keys, without key material: data keys with the number of values under each, the root key's location and id, and
    /// the keys of access tokens.
    Status(Status),
    /// Generate a data key. New values are sealed under it at once, older ones are re-sealed in the background.
    Rotate(Rotate),
    /// Wrap the data keys under a new root key. A root key in a file is generated and replaced; another one is taken from
    /// CHAVEIRO_ROOT_KEY_NEXT, the systemd credential chaveiro-root-key-next, or --new-key-file.
    RotateRoot(RotateRoot),
    /// Split the root key into shares, so many of which unseal a server. They are printed once, one a line.
    Split(split::Split),
    /// Combine shares to the root key and write it to a file, as when the place of the root key is lost. They are read from
    /// standard input, one a line.
    Combine(split::Combine),
    /// Generate a key of access tokens. Tokens of the former key stay valid until they expire.
    RotateSigning(Rotate),
}

#[derive(Args)]
pub(super) struct Status {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Rotate {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct RotateRoot {
    /// The new root key: a file with 64 hexadecimal digits that only its owner can access, as of `openssl rand -hex 32`.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), CliError> {
    match command {
        Command::Status(options) => status(&common.vault()?, &options).await,
        Command::Rotate(options) => rotate(&common.vault()?, &options).await,
        Command::RotateRoot(options) => rotate_root(&common.vault()?, options).await,
        Command::Split(options) => split::split(common, &options).await,
        Command::Combine(options) => split::combine(common, options).await,
        Command::RotateSigning(options) => rotate_signing(&common.vault()?, &options).await,
    }
}

async fn status(vault: &Vault, options: &Status) -> Result<(), CliError> {
    let permit = permit(vault, Action::KEY_STATUS).await?;
    let status = vault.key_status(permit).await?;
    let data_keys: Vec<Value> = status.data_keys.iter().map(data_key).collect();
    let signing_keys: Vec<Value> = status.signing_keys.iter().map(signing_key).collect();
    if options.json {
        let shares = status.root_key_shares;
        let shares = shares.map(|scheme| json!({ "shares": scheme.shares(), "threshold": scheme.threshold() }));
        let root_key = json!({ "location": status.root_key_location, "id": status.root_key_id, "split": shares });
        let printed = json!({
            "root_key": root_key,
            "data_keys": data_keys,
            "signing_keys": signing_keys,
            "last_error": status.last_error,
        });
        return Ok(print_json(&printed)?);
    }
    print_root_key(&status)?;
    print_line("")?;
    print_table(false, DATA_KEY_COLUMNS, &data_keys)?;
    print_line("")?;
    print_table(false, SIGNING_KEY_COLUMNS, &signing_keys)?;
    if let Some(error) = status.last_error {
        print_line("")?;
        print_line(&format!("re-sealing failed and is tried again: {error}; the log names the values"))?;
    }
    Ok(())
}

fn print_root_key(status: &KeyStatus) -> Result<(), CliError> {
    let id = status.root_key_id.as_deref().unwrap_or("unknown: the root key was rotated, and this is the former one");
    print_line(&format!("root key  {}", status.root_key_location))?;
    print_line(&format!("id        {id}"))?;
    if let Some(scheme) = status.root_key_shares {
        print_line(&format!("shares    {} of {}", scheme.threshold(), scheme.shares()))?;
    }
    Ok(())
}

fn data_key(key: &DataKeyStatus) -> Value {
    json!({
        "id": key.id,
        "purpose": key.purpose,
        "state": key.state.as_str(),
        "created": rfc_3339(key.created_at),
        "retired": key.retired_at.map(rfc_3339),
        "values": key.values,
        "resealed": key.resealed,
        "progress": key.progress().map(|percent| format!("{percent}%")),
    })
}

fn signing_key(key: &SigningKeyStatus) -> Value {
    json!({
        "kid": key.kid,
        "state": key.state.as_str(),
        "created": rfc_3339(key.created_at),
        "accepted_until": key.accepted_until.map(rfc_3339),
    })
}

async fn rotate(vault: &Vault, options: &Rotate) -> Result<(), CliError> {
    let permit = permit(vault, Action::KEY_ROTATE).await?;
    let rotated = vault.rotate_data_key(permit).await?;
    if options.json {
        let printed = json!({ "former": rotated.former, "current": rotated.current, "values": rotated.values });
        return Ok(print_json(&printed)?);
    }
    print_line(&format!("data key {} is current, {} is retiring", rotated.current, rotated.former))?;
    let values = rotated.values;
    Ok(print_line(&format!("a serving node re-seals {values} rows; see the progress with chaveiro key status"))?)
}

async fn rotate_root(vault: &Vault, options: RotateRoot) -> Result<(), CliError> {
    let permit = permit(vault, Action::KEY_ROTATE_ROOT).await?;
    let given = options.new_key_file.as_deref().map(RootKey::read_file).transpose();
    let given = recorded(vault, &permit, given.map_err(|error| StartError::from(error).into())).await?;
    let rotated = vault.rotate_root_key(permit, given).await?;
    if options.json {
        let RootKeyRotation { id, location, to_configure, was_split } = rotated;
        let printed = json!({ "id": id, "location": location, "to_configure": to_configure, "was_split": was_split });
        return Ok(print_json(&printed)?);
    }
    if rotated.was_split {
        print_line("the shares of the former root key do not unseal this vault: run chaveiro key split")?;
    }
    print_line(&format!("the data keys are under the root key {}", rotated.id))?;
    let location = &rotated.location;
    if rotated.to_configure {
        let sentence =
            format!("set {location} to the new root key for the next start of every node; running nodes go on");
        return Ok(print_line(&sentence)?);
    }
    print_line(&format!("the new root key is in {location}: back it up"))?;
    print_line("nodes elsewhere need the new file")?;
    Ok(print_line(
        "the former root key stays beside it as root.key.former-…: remove it when no copy of the database needs it",
    )?)
}

async fn rotate_signing(vault: &Vault, options: &Rotate) -> Result<(), CliError> {
    let permit = permit(vault, Action::KEY_ROTATE_SIGNING).await?;
    let rotated = vault.rotate_signing_key(permit).await?;
    let (from, until) = (rfc_3339(rotated.signs_from), rfc_3339(rotated.former_accepted_until));
    if options.json {
        let printed = json!({ "kid": rotated.kid, "signs_from": from, "former_accepted_until": until });
        return Ok(print_json(&printed)?);
    }
    print_line(&format!("tokens are signed by {} from {from} on", rotated.kid))?;
    Ok(print_line(&format!("tokens of the former key are accepted until {until}"))?)
}

impl From<RootKeyRotationError> for CliError {
    fn from(error: RootKeyRotationError) -> Self {
        match error {
            RootKeyRotationError::RootKey(error) => StartError::from(error).into(),
            RootKeyRotationError::Vault(error) => error.into(),
        }
    }
}
