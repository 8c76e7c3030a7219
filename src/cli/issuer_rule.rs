//! `chaveiro issuer add-rule`, `list-rules` and `remove-rule`

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::operator::permit;
use super::output::{print_line, print_table};
use super::time::rfc_3339;
use crate::vault::Vault;
use crate::vault::access::workload::rule::{RuleRequest, RuleSummary};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["issuer", "name", "client_id", "claims", "created"];

#[derive(Args)]
pub(super) struct Add {
    /// The name of the issuer.
    #[arg(long, value_name = "NAME")]
    issuer: String,
    /// A name of the rule. A login may name it as its role.
    #[arg(long)]
    name: String,
    /// The client that a token with these claims is of.
    #[arg(long)]
    client_id: String,
    /// A claim that a token must have, as in repository=octo-org/app; repeatable, all must hold. A value that ends in * is a
    /// prefix. A name that begins with a slash is a JSON pointer, as in /kubernetes.io/namespace=prod.
    #[arg(long = "claim", required = true, value_parser = claim, value_name = "NAME=VALUE")]
    claims: Vec<(String, String)>,
}

#[derive(Args)]
pub(super) struct List {
    /// The name of the issuer whose rules are listed. Default: all.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The name of the issuer.
    #[arg(long, value_name = "NAME")]
    issuer: String,
    /// The name of the rule.
    #[arg(long)]
    name: String,
}

fn claim(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let (name, value) = parts.ok_or("expected NAME=VALUE, as in repository=octo-org/app")?;
    Ok((name.into(), value.into()))
}

/// Adds a rule.
pub(super) async fn add(vault: &Vault, options: Add) -> Result<(), CliError> {
    let Add { issuer, name, client_id, claims } = options;
    let permit = permit(vault, Action::ISSUER_ADD_RULE).await?;
    let done = format!("rule {name} of the issuer {issuer} added");
    vault.add_issuer_rule(permit, RuleRequest { issuer, name, client_id, claims }).await?;
    Ok(print_line(&done)?)
}

/// Lists rules.
pub(super) async fn list(vault: &Vault, options: List) -> Result<(), CliError> {
    let row = |row: RuleSummary| {
        json!({
            "issuer": row.issuer,
            "name": row.name,
            "client_id": row.client_id,
            "claims": if options.json { json!(row.claims) } else { row.claims.join(" ").into() },
            "created": rfc_3339(row.created_at),
        })
    };
    let permit = permit(vault, Action::ISSUER_LIST_RULES).await?;
    let rows: Vec<Value> = vault.issuer_rules(permit, options.issuer.clone()).await?.into_iter().map(row).collect();
    Ok(print_table(options.json, COLUMNS, &rows)?)
}

/// Removes a rule.
pub(super) async fn remove(vault: &Vault, options: Remove) -> Result<(), CliError> {
    let permit = permit(vault, Action::ISSUER_REMOVE_RULE).await?;
    vault.remove_issuer_rule(permit, &options.issuer, &options.name).await?;
    Ok(print_line(&format!("rule {} of the issuer {} removed", options.name, options.issuer))?)
}
