//! `chaveiro backup`

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::operator::permit;
use super::output::{print_json, print_line};
use super::{CliError, Common, Unobserved};
use crate::crypto::age::{Identity, Recipient};
use crate::store::CommitObserver;
use crate::text::encoding;
use crate::vault::Vault;
use crate::vault::backup::{self, BackupReport, DrillReport};
use crate::vault::operation::Action;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a recovery key: a private key for a safe place, and its public key, which backups are encrypted to.
    Key {
        /// The new file for the private key.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write a backup of the whole vault to a new file. The server can run meanwhile.
    Create(Create),
    /// Check a backup: its counts and digest, every sealed value, and the audit log. Needs no vault.
    Verify(Verify),
    /// Restore a backup into an empty data directory, and an empty database of either engine.
    Restore(Verify),
    /// Restore a backup into a scratch directory, verify the vault there, and remove it again.
    Drill(Drill),
}

#[derive(Args)]
pub(super) struct Create {
    /// A public key that may open the backup, of `chaveiro backup key` or age-keygen. Default: backup.recipients of the settings.
    #[arg(long = "recipient", value_name = "AGE_PUBLIC_KEY")]
    recipients: Vec<Recipient>,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file with the private key of a recipient.
    #[arg(long, value_name = "KEYFILE")]
    identity: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Drill {
    /// The backup. Default: the newest one in backup.directory of the settings.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The file with the private key of a recipient.
    #[arg(long, value_name = "KEYFILE")]
    identity: PathBuf,
    /// The directory below which the scratch directory is made. Default: that of temporary files.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), CliError> {
    match command {
        Command::Key { output } => create_key(&output),
        Command::Create(options) => create(&common.vault()?, options).await,
        Command::Verify(options) => verify(&options),
        Command::Restore(options) => restore(common, &options).await,
        Command::Drill(options) => drill(&common.vault()?, options).await,
    }
}

fn create_key(path: &Path) -> Result<(), CliError> {
    let identity = Identity::generate();
    let recipient = identity.recipient().map_err(|error| CliError::Check(error.to_string()))?;
    let text = Zeroizing::new(format!("# public key: {recipient}\n{}\n", *identity.expose()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error: std::io::Error| CliError::Unwritable(path.into(), error.kind()))?;
    Ok(print_line(&recipient.to_string())?)
}

async fn create(vault: &Vault, options: Create) -> Result<(), CliError> {
    let permit = permit(vault, Action::BACKUP_CREATE).await?;
    let configured = || vault.settings().backup.recipients.iter().filter_map(|text| text.parse().ok()).collect();
    let recipients = if options.recipients.is_empty() { configured() } else { options.recipients };
    let made = vault.create_backup(permit, options.output, recipients, progress("backup")).await?;
    print(&made, options.json, "created")
}

fn verify(options: &Verify) -> Result<(), CliError> {
    let identities = identities(&options.identity)?;
    let found = backup::verify(&options.file, &identities, &mut progress("verify"))?;
    print(&found, options.json, "verified")
}

async fn restore(common: &Common, options: &Verify) -> Result<(), CliError> {
    let identities = identities(&options.identity)?;
    let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
    let (location, settings) = (common.location()?, common.command_settings()?);
    let mut progress = progress("restore");
    let restored =
        Vault::restore_backup(&options.file, &identities, &location, &settings, &observer, &mut progress).await;
    let (vault, found) = restored?;
    vault.close();
    print(&found, options.json, "restored")?;
    if !options.json {
        let point = found.created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        print_line(&format!("recovery point: {point}; what was written later is not here"))?;
    }
    Ok(())
}

async fn drill(vault: &Vault, options: Drill) -> Result<(), CliError> {
    let permit = permit(vault, Action::BACKUP_DRILL).await?;
    let found = super::operator::recorded(vault, &permit, drilled_backup(vault, &options)).await;
    let (file, identities) = found?;
    let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
    let mut progress = progress("drill");
    let scratch = options.scratch.unwrap_or_else(std::env::temp_dir);
    let drilled = vault.drill_backup(permit, &file, &identities, &scratch, &observer, &mut progress).await?;
    print_drill(&drilled, options.json)
}

fn drilled_backup(vault: &Vault, options: &Drill) -> Result<(PathBuf, Vec<Identity>), CliError> {
    let file = match &options.file {
        Some(file) => file.clone(),
        None => vault.newest_backup()?,
    };
    Ok((file, identities(&options.identity)?))
}

fn identities(path: &Path) -> Result<Vec<Identity>, CliError> {
    let unreadable = |kind: ErrorKind| CliError::Unreadable(path.into(), kind);
    let bytes = Zeroizing::new(fs::read(path).map_err(|error| unreadable(error.kind()))?);
    let text = encoding::document(&bytes).map_err(|error| CliError::Encoding(path.into(), error))?;
    Identity::parse_file(text).map_err(|error| CliError::Identity(path.into(), error))
}

fn print(report: &BackupReport, json: bool, done: &str) -> Result<(), CliError> {
    if json {
        return Ok(print_json(&as_json(report))?);
    }
    let time = report.created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    print_line(&format!(
        "{done} {}: {} rows of vault {}, at {time}",
        report.file.display(),
        report.rows,
        report.vault_id
    ))?;
    if report.chains.is_empty() {
        return Ok(());
    }
    print_line(&format!("{} sealed values open", report.secrets))?;
    for (name, records) in &report.chains {
        print_line(&format!("audit chain {name}: {records} records verify"))?;
    }
    Ok(())
}

fn print_drill(report: &DrillReport, json: bool) -> Result<(), CliError> {
    if json {
        let mut value = as_json(&report.backup);
        value["heads"] = json!(report.heads);
        value["seconds"] = json!(report.took.as_secs_f64());
        return Ok(print_json(&value)?);
    }
    print(&report.backup, false, "restored and verified")?;
    print_line(&format!("{} authenticated heads compared", report.heads))?;
    Ok(print_line(&format!("the drill took {:.1} s", report.took.as_secs_f64()))?)
}

fn as_json(report: &BackupReport) -> Value {
    let chains: Vec<Value> =
        report.chains.iter().map(|(name, records)| json!({"chain": name, "records": records})).collect();
    json!({
        "file": report.file.display().to_string(),
        "created_at": report.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "vault_id": report.vault_id,
        "product_version": report.product_version,
        "schema_version": report.schema_version,
        "rows": report.rows,
        "secrets": report.secrets,
        "chains": chains,
    })
}

/// Shows the progress on standard error, if it is a terminal.
fn progress(title: &'static str) -> impl FnMut(u64, u64) + Send + 'static {
    const WIDTH: u64 = 30;
    let is_shown = std::io::stderr().is_terminal();
    move |done, all| {
        if !is_shown {
            return;
        }
        let filled = (done * WIDTH).checked_div(all).unwrap_or(WIDTH);
        let bar: String = (0..WIDTH).map(|place| if place < filled { '#' } else { '.' }).collect();
        let end = if done == all { "\n" } else { "" };
        let _ = write!(std::io::stderr().lock(), "\r{title} [{bar}] {done}/{all} rows{end}");
    }
}
