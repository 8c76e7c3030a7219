//! `chaveiro audit`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::output::{say, say_json, table};
use crate::clock::from_micros;
use crate::store::audit::AuditRow;
use crate::vault::Vault;

const COLUMNS: &[&str] = &["at", "actor", "source", "action", "object", "outcome", "times", "request_id"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Check every record of every chain; names the first bad one.
    Verify {
        /// The file of signed heads; a copy kept elsewhere shows a tail that was cut off here.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the last records.
    Tail {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 20)]
        count: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Verify { heads, json } => verify(vault, heads, json).await,
        Command::Tail { count, json } => {
            let records = vault.last_records(count.into()).await?;
            let rows: Vec<Value> = records.into_iter().map(shown).collect();
            Ok(table(json, COLUMNS, &rows, |row| super::cells(row, COLUMNS))?)
        }
    }
}

async fn verify(vault: &Vault, heads: Option<PathBuf>, json: bool) -> Result<(), CliError> {
    if let Some(missing) = heads.as_ref().filter(|heads| !heads.exists()) {
        return Err(CliError::Check(format!("there is no file of heads {}", missing.display())));
    }
    let heads = heads.unwrap_or_else(|| vault.heads_file());
    let found = vault.verify_audit(&heads).await?;
    if json {
        let chains: Vec<Value> =
            found.chains.iter().map(|(name, records)| json!({"chain": name, "records": records})).collect();
        let broken = found.broken.as_ref().map(ToString::to_string);
        say_json(&json!({"verified": broken.is_none(), "chains": chains, "heads": found.heads, "broken": broken}))?;
    } else if found.broken.is_none() {
        for (name, records) in &found.chains {
            say(&format!("chain {name}: {records} records verify"))?;
        }
        say(&format!("{} signed heads compared", found.heads))?;
    }
    found.broken.map_or(Ok(()), |broken| Err(CliError::Broken(broken)))
}

fn shown(row: AuditRow) -> Value {
    json!({
        "at": from_micros(row.at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "actor": row.actor,
        "source": row.source,
        "action": row.action,
        "object": row.object,
        "outcome": row.outcome,
        "times": row.times,
        "request_id": row.request_id,
        "chain": row.chain,
        "seq": row.seq,
    })
}
