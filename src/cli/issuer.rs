//! `chaveiro issuer`

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::issuer_rule;
use super::operator::{permit, recorded};
use super::output::{print_line, print_table};
use super::time::rfc_3339;
use crate::text::encoding;
use crate::vault::Vault;
use crate::vault::access::workload::issuer::{IssuerRequest, IssuerSummary, KeySource};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["name", "issuer", "audience", "keys", "reusable_tokens", "rules", "active"];

/// The largest file that is read, in bytes: one more than the vault stores, so that it can say so.
const MAX_FILE: u64 = 256 * 1024 + 1;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Trust the tokens of an issuer, such as GitHub Actions. It admits nobody until it has a rule.
    Create(Create),
    /// List the trusted issuers.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Disable an issuer. Its tokens are refused within a second.
    Disable {
        /// The name of the issuer.
        #[arg(long)]
        name: String,
    },
    /// Remove an issuer and its rules.
    Remove {
        /// The name of the issuer.
        #[arg(long)]
        name: String,
    },
    /// Add a rule: tokens of the issuer with these claims are of this client.
    AddRule(issuer_rule::Add),
    /// List the rules.
    ListRules(issuer_rule::List),
    /// Remove a rule.
    RemoveRule(issuer_rule::Remove),
}

#[derive(Args)]
pub(super) struct Create {
    /// A name for lists and commands, such as github.
    #[arg(long)]
    name: String,
    /// The claim iss of its tokens, exactly, with https:// and without a slash that the issuer does not write.
    #[arg(long, value_name = "ISS")]
    issuer: String,
    /// What the claim aud of its tokens must be, or contain: a name of this vault that tokens for others do not have.
    #[arg(long, value_name = "AUD")]
    audience: String,
    #[command(flatten)]
    keys: Keys,
    /// The authorities (PEM) that the server of its keys is trusted by. Default: those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Fetch its keys from private and loopback addresses, too.
    #[arg(long)]
    allow_private: bool,
    /// Accept a token several times, until it expires. Default: each token once, by its jti.
    #[arg(long)]
    reusable_tokens: bool,
}

/// Where the keys are. Default: where the configuration of the issuer, below /.well-known, says.
#[derive(Args)]
#[group(multiple = false)]
struct Keys {
    /// Fetch its keys from this URL.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    /// Take its keys from this file, a JWK set.
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(options) => create(vault, options).await,
        Command::List { json } => list(vault, json).await,
        Command::Disable { name } => {
            let permit = permit(vault, Action::ISSUER_DISABLE).await?;
            vault.disable_issuer(permit, &name).await?;
            Ok(print_line(&format!("issuer {name} disabled"))?)
        }
        Command::Remove { name } => {
            let permit = permit(vault, Action::ISSUER_REMOVE).await?;
            vault.remove_issuer(permit, &name).await?;
            Ok(print_line(&format!("issuer {name} removed"))?)
        }
        Command::AddRule(options) => issuer_rule::add(vault, options).await,
        Command::ListRules(options) => issuer_rule::list(vault, options).await,
        Command::RemoveRule(options) => issuer_rule::remove(vault, options).await,
    }
}

async fn create(vault: &Vault, options: Create) -> Result<(), CliError> {
    let permit = permit(vault, Action::ISSUER_CREATE).await?;
    let name = options.name.clone();
    let request = recorded(vault, &permit, request(options)).await?;
    vault.create_issuer(permit, request).await?;
    Ok(print_line(&format!("issuer {name} created; add a rule"))?)
}

fn request(options: Create) -> Result<IssuerRequest, CliError> {
    let keys = match (options.keys.jwks_url, options.keys.jwks_file) {
        (Some(url), _) => KeySource::Url(url),
        (None, Some(file)) => KeySource::Jwks(read(&file)?),
        (None, None) => KeySource::Discovery,
    };
    Ok(IssuerRequest {
        name: options.name,
        issuer: options.issuer,
        audience: options.audience,
        keys,
        ca_pem: options.ca_file.as_deref().map(read).transpose()?,
        allow_private: options.allow_private,
        reusable_tokens: options.reusable_tokens,
    })
}

/// Reads a text of a public document.
fn read(file: &Path) -> Result<String, CliError> {
    let unreadable = |error: std::io::Error| CliError::Unreadable(file.into(), error.kind());
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(unreadable)?.take(MAX_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = encoding::document(&bytes).map_err(|error| CliError::Encoding(file.into(), error))?;
    Ok(text.into())
}

async fn list(vault: &Vault, json: bool) -> Result<(), CliError> {
    let row = |row: IssuerSummary| {
        json!({
            "name": row.name,
            "issuer": row.issuer,
            "audience": row.audience,
            "keys": row.keys,
            "allow_private": row.allow_private,
            "reusable_tokens": row.reusable_tokens,
            "rules": row.rules,
            "active": row.active,
            "created": rfc_3339(row.created_at),
        })
    };
    let permit = permit(vault, Action::ISSUER_LIST).await?;
    let rows: Vec<Value> = vault.issuers(permit).await?.into_iter().map(row).collect();
    Ok(print_table(json, COLUMNS, &rows)?)
}
