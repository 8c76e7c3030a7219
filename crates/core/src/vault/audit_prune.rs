//! Archiving and deleting old records of the audit log.
//!
//! A batch at a time: its records are verified, written to the archive and synced, and then deleted in one transaction with the new
//! checkpoint. So at any moment each record is in the log or in the archive, and the log verifies from its checkpoints.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::operation::{Done, Permit};
use super::{Vault, VaultError};
use crate::audit::{Break, ChainCheck, seal_checkpoint};
use crate::clock::to_micros;
use crate::store::audit::{self, AuditRow, ChainHead, Checkpoint};
use crate::store::lock::lock_name;
use crate::store::{AnyConnection, StoreError, Transaction, audit_checkpoint};

/// The records of a batch: a few milliseconds of the writer.
const BATCH: i64 = 500;
/// The name of the lock: two nodes must not delete the same records.
const LOCK: &str = "audit/prune";

/// Why records were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The archive is there already, or cannot be written.
    #[error("the archive {} cannot be written: {}", .0.display(), .1)]
    Archive(PathBuf, std::io::ErrorKind),
    /// The records do not verify: they are evidence, and stay.
    #[error("the audit log does not verify, and nothing more is deleted: {0}")]
    Broken(Break),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<StoreError> for PruneError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl PruneError {
    fn reason(&self) -> String {
        match self {
            Self::Archive(..) => "file-unwritable".into(),
            Self::Broken(_) => "audit-log-broken".into(),
            Self::Vault(error) => error.reason(),
        }
    }
}

/// The records of a chain that were read to be deleted, verified, with the checkpoint after them.
struct Batch {
    before: Option<Checkpoint>,
    records: Vec<AuditRow>,
    after: ChainHead,
}

impl Vault {
    /// Moves the records from before a time to a new file, except for the last one of each chain. Returns their number.
    ///
    /// # Errors
    /// [`PruneError`]; what was deleted until then is in the file.
    pub async fn prune_audit(&self, permit: Permit, before: DateTime<Utc>, archive: &Path) -> Result<u64, PruneError> {
        let unwritable = |error: std::io::Error| PruneError::Archive(archive.into(), error.kind());
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(archive).map_err(unwritable);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                self.record_refusal(&permit, &error.reason()).await?;
                return Err(error);
            }
        };
        // The record comes before any deletion.
        let object = format!("records before {}", before.to_rfc3339());
        let (_, recorded) = self.execute(permit, move |_| Ok(Done::several(object.clone(), ()))).await?;
        let mut pruned = 0;
        for chain in self.0.store.read(audit::heads).await? {
            match self.prune_chain(&chain, to_micros(before), &file, &unwritable).await {
                Ok(records) => pruned += records,
                Err(error) => {
                    self.record_refusal(recorded.permit(), &error.reason()).await?;
                    return Err(error);
                }
            }
        }
        Ok(pruned)
    }

    async fn prune_chain(
        &self,
        chain: &ChainHead,
        before: i64,
        mut file: &File,
        unwritable: &impl Fn(std::io::Error) -> PruneError,
    ) -> Result<u64, PruneError> {
        let mut pruned = 0;
        loop {
            let (key, chain) = (self.0.audit_key.clone(), chain.clone());
            let read = move |connection: &mut AnyConnection| Ok(next_batch(connection, &key, &chain, before));
            let Some(batch) = self.0.store.read(read).await?? else { return Ok(pruned) };
            let lines: String = batch.records.iter().map(line).collect();
            file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)?;
            let (known, after) = (batch.before, seal_checkpoint(&self.0.audit_key, batch.after));
            let delete = move |transaction: &mut Transaction<'_>| {
                let connection = transaction.connection()?;
                lock_name(connection, LOCK)?;
                if audit_checkpoint::find(connection, &after.head.chain)? != known {
                    return Err(StoreError::Unavailable("another command deletes records of the audit log"));
                }
                audit_checkpoint::delete_up_to(connection, &after)
            };
            self.write_in_background(delete).await?;
            pruned += batch.records.len() as u64;
        }
    }
}

/// Reads and verifies the next records of a chain from before a time.
fn next_batch(
    connection: &mut AnyConnection,
    key: &crate::crypto::DataKey,
    chain: &ChainHead,
    before: i64,
) -> Result<Option<Batch>, PruneError> {
    let known = audit_checkpoint::find(connection, &chain.chain)?;
    let check = ChainCheck::new(key, &chain.chain, Vec::new()).after(known.as_ref());
    let mut check = check.map_err(PruneError::Broken)?;
    let last = audit_checkpoint::last_before(connection, chain, before)?;
    let wanted = last.saturating_sub(check.position()).min(BATCH);
    if wanted <= 0 {
        return Ok(None);
    }
    let records = audit::records_after(connection, &chain.chain, check.position(), wanted)?;
    records.iter().try_for_each(|record| check.next(record)).map_err(PruneError::Broken)?;
    let after = check.head().clone();
    Ok(Some(Batch { before: known, records, after }).filter(|batch| !batch.records.is_empty()))
}

/// A record as a line of JSON, with all that its MAC covers.
fn line(row: &AuditRow) -> String {
    let AuditRow {
        chain,
        seq,
        at,
        request_id,
        actor,
        source,
        family,
        action,
        object,
        outcome,
        reason,
        times,
        previous,
        mac,
    } = row;
    let (previous, mac) = (hex::encode(previous), hex::encode(mac));
    let line = json!({
        "chain": chain, "seq": seq, "at": at, "request_id": request_id, "actor": actor, "source": source, "family": family,
        "action": action, "object": object, "outcome": outcome, "reason": reason, "times": times, "previous": previous, "mac": mac,
    });
    format!("{line}\n")
}
