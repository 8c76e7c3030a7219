//! `chaveiro audit`

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::operator::permit;
use super::output::{print_json, print_line, print_table};
use super::time::beginning;
use crate::vault::Vault;
use crate::vault::audit_log::{AuditRecord, Verification};
use crate::vault::operation::Action;

const COLUMNS: &[&str] = &["at", "actor", "source", "family", "action", "object", "outcome", "times", "request_id"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Verify every record of every chain, and name the first bad one.
    Verify(Verify),
    /// Move old records to a file, which frees the space that they take. The log verifies from where they end.
    Prune(Prune),
    /// Show the last records.
    Tail(Page),
    /// Show the last records about one object.
    Show {
        /// The object: its kind and its id, as in device:5.
        #[arg(long, value_parser = subject, value_name = "KIND:ID")]
        subject: String,
        #[command(flatten)]
        page: Page,
    },
}

#[derive(Args)]
pub(super) struct Verify {
    /// The file of authenticated heads. A copy kept elsewhere shows an end that was cut off here.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Succeed also when there are no heads to compare with. A cut-off end does not show then.
    #[arg(long, conflicts_with = "heads")]
    without_heads: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Prune {
    /// Records from before this time: a day such as 2026-01-31 (its beginning in UTC), or a time with its zone.
    #[arg(long, value_parser = beginning, value_name = "TIME")]
    before: DateTime<Utc>,
    /// The new file for these records, one JSON object each, with their MACs.
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
}

#[derive(Args)]
pub(super) struct Page {
    /// The number of records.
    #[arg(long, short = 'n', default_value_t = 20)]
    count: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Verify(options) => verify(vault, options).await,
        Command::Prune(options) => prune(vault, &options).await,
        Command::Tail(page) => show(vault, page, None).await,
        Command::Show { subject, page } => show(vault, page, Some(subject)).await,
    }
}

async fn show(vault: &Vault, Page { count, json }: Page, subject: Option<String>) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUDIT_READ).await?;
    let records = vault.last_records(permit, count.into(), subject).await?;
    let rows: Vec<Value> = records.into_iter().map(row).collect();
    Ok(print_table(json, COLUMNS, &rows)?)
}

async fn prune(vault: &Vault, options: &Prune) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUDIT_PRUNE).await?;
    let pruned = vault.prune_audit(permit, options.before, &options.archive).await?;
    Ok(print_line(&format!("{pruned} records moved to {}", options.archive.display()))?)
}

async fn verify(vault: &Vault, options: Verify) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUDIT_VERIFY).await?;
    let path = options.heads.unwrap_or_else(|| vault.heads_file());
    let found = vault.verify_audit(permit, &path).await?;
    print(&found, options.json)?;
    match found.broken {
        Some(broken) => Err(CliError::Broken(broken)),
        None if found.heads == 0 && !options.without_heads => Err(CliError::NoHeads(path)),
        None => Ok(()),
    }
}

fn print(found: &Verification, json: bool) -> Result<(), CliError> {
    if json {
        let chains: Vec<Value> =
            found.chains.iter().map(|(name, records)| json!({"chain": name, "records": records})).collect();
        let broken = found.broken.as_ref().map(ToString::to_string);
        let printed = json!({"verified": broken.is_none(), "chains": chains, "heads": found.heads, "broken": broken});
        return Ok(print_json(&printed)?);
    }
    if found.broken.is_none() {
        for (name, records) in &found.chains {
            print_line(&format!("chain {name}: {records} records verify"))?;
        }
        print_line(&format!("{} authenticated heads compared", found.heads))?;
    }
    Ok(())
}

fn row(row: AuditRecord) -> Value {
    json!({
        "at": row.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "actor": row.actor,
        "source": row.source,
        "family": row.family,
        "action": row.action,
        "object": row.object,
        "outcome": row.outcome,
        "reason": row.reason,
        "times": row.times,
        "request_id": row.request_id,
        "chain": row.chain,
        "seq": row.seq,
    })
}

/// Checks the form of an object in audit records.
fn subject(text: &str) -> Result<String, String> {
    let is_subject = text.split_once(':').is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty());
    if is_subject { Ok(text.into()) } else { Err("expected a kind and an id, as in device:5".into()) }
}
