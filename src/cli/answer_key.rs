//! How the secrets in a client's answers are encrypted: options of `chaveiro authorization create`, and `chaveiro
//! authorization answer-key`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::CliError;
use super::output::{say, say_json};
use crate::crypto::{AnswerForm, AnswerKey, AnswerKeyPair, SecretText};
use crate::vault::Vault;
use crate::vault::admin::AdminError;

/// The options of a client that is made.
#[derive(Args)]
pub(super) struct AtCreation {
    /// Encrypt the secrets in its answers: vendor (unless said) or jwe. Prints, this once, the private key of a new
    /// pair, unless a public key is handed in.
    #[arg(
        long, value_parser = form, value_name = "FORM",
        num_args = 0..=1, require_equals = true, default_missing_value = "vendor"
    )]
    encrypt_answers: Option<AnswerForm>,
    /// Encrypt the secrets in its answers under this public key (PEM).
    #[arg(long, value_name = "FILE")]
    answer_public_key: Option<PathBuf>,
}

/// `chaveiro authorization answer-key`; without a change it shows what is.
#[derive(Args)]
pub(super) struct Options {
    /// Its id.
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    change: Change,
    /// The form of the secrets: vendor or jwe.
    #[arg(long, value_parser = form, conflicts_with = "remove")]
    form: Option<AnswerForm>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(multiple = false)]
struct Change {
    /// Make a new key pair and print, this once, its private key.
    #[arg(long)]
    generate: bool,
    /// Take this public key (PEM); the vault never has the private one.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Do not encrypt any more.
    #[arg(long)]
    remove: bool,
}

/// The key of a client, with the private half when the pair was made here.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) public: Option<Arc<AnswerKey>>,
    pub(super) private_pem: Option<SecretText>,
}

impl AtCreation {
    pub(super) fn choose(&self) -> Result<Chosen, CliError> {
        match (&self.answer_public_key, self.encrypt_answers) {
            (Some(file), form) => handed_in(file, form),
            (None, Some(form)) => generated(form),
            (None, None) => Ok(Chosen::default()),
        }
    }
}

pub(super) async fn run(vault: &Vault, options: Options) -> Result<(), CliError> {
    let Options { client_id, change, form, json } = options;
    let chosen = match (change, form) {
        (Change { remove: true, .. }, _) => {
            vault.remove_answer_key(&client_id).await?;
            Chosen::default()
        }
        (Change { public_key: Some(file), .. }, form) => handed_in(&file, form)?,
        (Change { generate: true, .. }, form) => generated(form.unwrap_or(AnswerForm::Vendor))?,
        (_, Some(form)) => {
            vault.set_answer_form(&client_id, form).await?;
            Chosen::default()
        }
        (_, None) => Chosen::default(),
    };
    let kept = match chosen.public {
        None => vault.answer_key(&client_id).await?.map(Arc::new),
        Some(key) => {
            vault.set_answer_key(&client_id, Arc::clone(&key)).await?;
            Some(key)
        }
    };
    show(&client_id, kept.as_deref(), chosen.private_pem.as_ref(), json)
}

/// What is now; and the one time that the private key is shown.
fn show(client_id: &str, key: Option<&AnswerKey>, private: Option<&SecretText>, json: bool) -> Result<(), CliError> {
    if json {
        let mut shown = json!({
            "client_id": client_id,
            "form": key.map(|key| key.form().name()),
            "kid": key.map(AnswerKey::thumbprint),
            "public_key": key.map(AnswerKey::pem),
        });
        if let Some(private) = private {
            shown["private_key"] = private.expose().into();
        }
        return Ok(say_json(&shown)?);
    }
    let Some(key) = key else { return Ok(say(&format!("authorization {client_id} gets plain secrets"))?) };
    say(&format!("authorization {client_id} gets encrypted secrets"))?;
    say(&format!("form  {}", key.form().name()))?;
    say(&format!("kid   {}", key.thumbprint()))?;
    say(key.pem().trim_end())?;
    private.map_or(Ok(()), say_private)
}

/// The private key, this once.
pub(super) fn say_private(pem: &SecretText) -> Result<(), CliError> {
    say(pem.expose().trim_end())?;
    Ok(say("The private key is not kept by the vault, and not shown again.")?)
}

fn generated(form: AnswerForm) -> Result<Chosen, CliError> {
    let pair = AnswerKeyPair::generate(form).map_err(AdminError::from)?;
    Ok(Chosen { public: Some(Arc::new(pair.public)), private_pem: Some(pair.private_pem) })
}

fn handed_in(file: &Path, form: Option<AnswerForm>) -> Result<Chosen, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::Unreadable(file.into(), error.kind()))?;
    let key = AnswerKey::parse(&text, form).map_err(AdminError::from)?;
    Ok(Chosen { public: Some(Arc::new(key)), private_pem: None })
}

fn form(name: &str) -> Result<AnswerForm, String> {
    AnswerForm::named(name).ok_or_else(|| "expected vendor or jwe".into())
}
