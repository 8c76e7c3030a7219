//! Tries an upgrade on a copy: migrates the copy, opens every sealed value, and verifies the audit log.

use std::path::Path;
use std::sync::Arc;

use super::BackupError;
use super::drill::Scratch;
use crate::clock::Clock;
use crate::config::Settings;
use crate::store::{CommitObserver, Database, DatabaseLocation};
use crate::vault::{Inspection, Vault, VaultLocation};

/// The result of a preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightReport {
    /// The number of migrations that the upgrade applies.
    pub migrations: usize,
    /// The number of sealed values, of all versions, which all open.
    pub secrets: u64,
    /// The chains of the audit log with their numbers of records, which all verify.
    pub chains: Vec<(String, i64)>,
}

/// Copies the SQLite database into a new directory below `scratch`, opens the vault there with this version, checks everything in
/// it, and removes the copy. The database itself is only read.
///
/// # Errors
/// [`BackupError`]: what the upgrade would have failed with, or what is damaged.
pub fn preflight(
    location: &VaultLocation,
    settings: &Settings,
    scratch: &Path,
    observer: &Arc<dyn CommitObserver>,
) -> Result<PreflightReport, BackupError> {
    // The root key, and whether the database is of a newer version.
    let Inspection { pending, .. } = Inspection::inspect(location)?;
    let scratch = Scratch::create(scratch)?;
    let copy = scratch.path().join("vault.sqlite");
    let Some(mut database) = Database::connect(&location.database, false)? else {
        return Err(BackupError::NoVault);
    };
    database.copy_to(&copy)?;
    drop(database);
    // The same data directory, for the root key: opening writes to the database alone.
    let place = VaultLocation { database: DatabaseLocation::Sqlite(copy), ..location.clone() };
    let vault = Vault::open(&place, settings, Clock::system(), observer)?;
    let checked = vault.check_everything();
    vault.close();
    let (secrets, chains) = checked?;
    Ok(PreflightReport { migrations: pending, secrets, chains })
}
