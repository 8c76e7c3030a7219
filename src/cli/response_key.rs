//! How the secrets in a client's responses are encrypted: options of `chaveiro authorization create`, and `chaveiro
//! authorization response-key`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::CliError;
use super::operator::{permit, recorded};
use super::output::{print_bytes, print_json, print_line};
use crate::crypto::{ResponseEncryption, ResponseKey, ResponseKeyError, ResponseKeyPair, SecretText};
use crate::text::encoding;
use crate::vault::operation::Action;
use crate::vault::{Field, Vault, VaultError};

/// The options of `authorization create`.
#[derive(Args)]
pub(super) struct CreateOptions {
    /// Encrypt the secrets in responses: vendor (the default) or jwe. Generates a key pair and prints its private key once,
    /// unless --response-public-key is given.
    #[arg(
        long, alias = "encrypt-answers", value_parser = form, value_name = "FORM",
        num_args = 0..=1, require_equals = true, default_missing_value = "vendor"
    )]
    encrypt_responses: Option<ResponseEncryption>,
    /// Encrypt the secrets in responses under the public key in this file (PEM).
    #[arg(long, alias = "answer-public-key", value_name = "FILE")]
    response_public_key: Option<PathBuf>,
}

/// The options of `authorization response-key`. Without a change it shows the key.
#[derive(Args)]
pub(super) struct Options {
    /// The client id.
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    change: Change,
    /// The form of encrypted secrets: vendor or jwe.
    #[arg(long, value_parser = form, conflicts_with = "remove")]
    form: Option<ResponseEncryption>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(multiple = false)]
struct Change {
    /// Generate a key pair and print its private key, which is not shown again.
    #[arg(long)]
    generate: bool,
    /// Set the public key in this file (PEM). The vault never has the private key.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Remove the key: secrets are no longer encrypted.
    #[arg(long)]
    remove: bool,
}

/// A public key, with its private key if the pair was generated here.
#[derive(Default)]
pub(super) struct NewKey {
    pub(super) public: Option<Arc<ResponseKey>>,
    pub(super) private_pem: Option<SecretText>,
}

impl CreateOptions {
    /// Reads or generates the key that the options ask for.
    pub(super) fn key(&self) -> Result<NewKey, CliError> {
        match (&self.response_public_key, self.encrypt_responses) {
            (Some(file), form) => read_key(file, form),
            (None, Some(form)) => generate(form),
            (None, None) => Ok(NewKey::default()),
        }
    }
}

pub(super) async fn run(vault: &Vault, options: Options) -> Result<(), CliError> {
    let Options { client_id, change, form, json } = options;
    match (change, form) {
        (Change { remove: true, .. }, _) => {
            let permit = permit(vault, Action::RESPONSE_KEY_REMOVE).await?;
            vault.remove_response_key(permit, &client_id).await?;
            print(&client_id, None, None, json)
        }
        (Change { public_key: Some(file), .. }, form) => set(vault, &client_id, || read_key(&file, form), json).await,
        (Change { generate: true, .. }, form) => {
            let form = form.unwrap_or(ResponseEncryption::Vendor);
            set(vault, &client_id, || generate(form), json).await
        }
        (_, Some(form)) => {
            let set = permit(vault, Action::RESPONSE_KEY_SET).await?;
            vault.set_response_encryption(set, &client_id, form).await?;
            show(vault, &client_id, json).await
        }
        (_, None) => show(vault, &client_id, json).await,
    }
}

async fn set(
    vault: &Vault,
    client_id: &str,
    key: impl FnOnce() -> Result<NewKey, CliError>,
    json: bool,
) -> Result<(), CliError> {
    let permit = permit(vault, Action::RESPONSE_KEY_SET).await?;
    let NewKey { public, private_pem } = recorded(vault, &permit, key()).await?;
    if let Some(public) = &public {
        vault.set_response_key(permit, client_id, Arc::clone(public)).await?;
    }
    print(client_id, public.as_deref(), private_pem.as_ref(), json)
}

async fn show(vault: &Vault, client_id: &str, json: bool) -> Result<(), CliError> {
    let permit = permit(vault, Action::RESPONSE_KEY_READ).await?;
    let key = vault.response_key(permit, client_id).await?;
    print(client_id, key.as_ref(), None, json)
}

/// Prints the key of a client, and a private key that was generated just now.
fn print(client_id: &str, key: Option<&ResponseKey>, private: Option<&SecretText>, json: bool) -> Result<(), CliError> {
    if json {
        let mut printed = json!({
            "client_id": client_id,
            "form": key.map(|key| key.form().as_str()),
            "kid": key.map(ResponseKey::thumbprint),
            "public_key": key.map(ResponseKey::pem),
        });
        if let Some(private) = private {
            printed["private_key"] = private.expose().into();
        }
        return Ok(print_json(&printed)?);
    }
    let Some(key) = key else { return Ok(print_line(&format!("authorization {client_id} gets plain secrets"))?) };
    print_line(&format!("authorization {client_id} gets encrypted secrets"))?;
    print_line(&format!("form  {}", key.form().as_str()))?;
    print_line(&format!("kid   {}", key.thumbprint()))?;
    print_bytes(key.pem().as_bytes())?;
    private.map_or(Ok(()), print_private_key)
}

/// Prints a private key, which the vault does not store.
pub(super) fn print_private_key(pem: &SecretText) -> Result<(), CliError> {
    print_bytes(pem.expose().as_bytes())?;
    Ok(print_line("The private key is not stored in the vault and not shown again.")?)
}

fn generate(form: ResponseEncryption) -> Result<NewKey, CliError> {
    let pair = ResponseKeyPair::generate(form).map_err(invalid)?;
    Ok(NewKey { public: Some(Arc::new(pair.public)), private_pem: Some(pair.private_pem) })
}

fn read_key(file: &Path, form: Option<ResponseEncryption>) -> Result<NewKey, CliError> {
    // A file that holds the private key by mistake is wiped too.
    let bytes = std::fs::read(file).map_err(|error| CliError::Unreadable(file.into(), error.kind()))?;
    let bytes = Zeroizing::new(bytes);
    let text = encoding::document(&bytes).map_err(|error| CliError::Encoding(file.into(), error))?;
    let key = ResponseKey::parse(text, form).map_err(invalid)?;
    Ok(NewKey { public: Some(Arc::new(key)), private_pem: None })
}

fn invalid(error: ResponseKeyError) -> CliError {
    VaultError::invalid(Field::PublicKey, error.expected()).into()
}

fn form(name: &str) -> Result<ResponseEncryption, String> {
    name.parse::<ResponseEncryption>().map_err(|error| error.to_string())
}
