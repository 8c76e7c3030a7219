//! Operations on the whole audit log: verification, reading the newest records, and writing the chain heads to a file
//! outside the database.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::heads_file;
use super::operation::{Done, OperationContext, Permit, Subject};
use super::{Vault, VaultError};
use crate::audit::{Break, ChainCheck};
use crate::clock::{from_micros, to_micros};
use crate::crypto::DataKey;
use crate::store::audit::{self, AuditRow, ChainHead};
use crate::store::{AnyConnection, StoreError, audit_checkpoint};

pub(super) const HEADS_FILE: &str = "audit-heads.jsonl";
const PAGE: i64 = 1000;

/// A record of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// The name of its chain.
    pub chain: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// Time of writing.
    pub at: DateTime<Utc>,
    /// The id of the request; empty for the command line.
    pub request_id: String,
    /// The principal; empty for an unauthenticated request.
    pub actor: String,
    /// The source address; empty for the command line.
    pub source: String,
    /// The protocol family that the request came through; empty for the command line.
    pub family: String,
    /// The event name.
    pub action: String,
    /// The object, as `kind:id`; empty for a collection.
    pub object: String,
    /// `ok`, `repeated`, `unchanged`, or the reason of a refusal.
    pub outcome: String,
    /// The reason that the client gave; empty when it gave none.
    pub reason: String,
    /// The number of like events that it merges.
    pub times: i32,
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            chain: row.chain,
            seq: row.seq,
            at: from_micros(row.at),
            request_id: row.request_id,
            actor: row.actor,
            source: row.source,
            family: row.family,
            action: row.action,
            object: row.object,
            outcome: row.outcome,
            reason: row.reason,
            times: row.times,
        }
    }
}

/// Result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The chains, each with its number of records, of those that are kept.
    pub chains: Vec<(String, i64)>,
    /// The number of chains that were compared with authenticated heads.
    pub heads: usize,
    /// The first break, if any.
    pub broken: Option<Break>,
}

/// Error that stops a verification.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file of heads cannot be read.
    #[error("the file of heads {0} cannot be read: {1}")]
    Heads(String, io::ErrorKind),
    /// A part of the log cannot be read from the database.
    #[error("{what} cannot be read: {error}")]
    Unreadable {
        /// The part.
        what: String,
        /// Why it cannot be read.
        error: StoreError,
    },
}

/// Names a part of the log that cannot be read.
fn unreadable(what: impl Into<String>) -> impl FnOnce(StoreError) -> VerificationError {
    |error| {
        error.log("");
        VerificationError::Unreadable { what: what.into(), error }
    }
}

impl From<StoreError> for VerificationError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl Vault {
    /// The path of the file of heads.
    pub fn heads_file(&self) -> PathBuf {
        self.0.data_dir.join(HEADS_FILE)
    }

    /// Verifies every chain from its first record, or its checkpoint, to its last, against the stored heads and the authenticated heads in
    /// `heads_file`. Its own audit record is inserted after the walk.
    ///
    /// # Errors
    /// [`VerificationError`]; a broken chain is a result.
    pub async fn verify_audit(&self, permit: Permit, heads_file: &Path) -> Result<Verification, VerificationError> {
        let found = self.walk_chains(heads_file).await;
        let reason = match &found {
            Ok(Verification { broken: None, .. }) => {
                self.query(permit, |_| Ok(Done::new(Subject::Collection, ()))).await?;
                return found;
            }
            Ok(Verification { broken: Some(_), .. }) => "audit-log-broken".into(),
            Err(VerificationError::Heads(..)) => "audit-heads-unreadable".into(),
            Err(VerificationError::Unreadable { .. }) => "audit-log-unreadable".into(),
            Err(VerificationError::Vault(error)) => error.reason(),
        };
        // A broken log may reject this record too; the result is returned anyway.
        if let Err(error) = self.record_refusal(&permit, &reason).await {
            log::error!("the verification cannot be recorded: {error}");
        }
        found
    }

    async fn walk_chains(&self, heads_file: &Path) -> Result<Verification, VerificationError> {
        let (heads, forged) = heads_file::read(heads_file, &self.0.audit_key)
            .map_err(|error| VerificationError::Heads(heads_file.display().to_string(), error.kind()))?;
        let compared: HashSet<&str> = heads.iter().map(|head| head.chain.as_str()).collect();
        let mut found = Verification { chains: Vec::new(), heads: compared.len(), broken: forged };
        if found.broken.is_some() {
            return Ok(found);
        }
        let key = self.0.audit_key.clone();
        let verify = move |connection: &mut AnyConnection| {
            // Read the stored heads first: records inserted during the walk are then beyond them, not missing.
            let stored = audit::heads(connection).map_err(unreadable("the table of heads, audit_chain,"))?;
            let names = audit::chains_with_records(connection);
            let mut names = names.map_err(unreadable("the table of records, audit_record,"))?;
            names.extend(stored.iter().chain(&heads).map(|head| head.chain.clone()));
            names.sort();
            names.dedup();
            for name in names {
                let known = stored.iter().chain(&heads).filter(|head| head.chain == name && head.seq > 0).cloned();
                match verify_chain(connection, &key, &name, known.collect())? {
                    Ok(length) => found.chains.push((name, length)),
                    Err(broken) => {
                        found.broken = Some(broken);
                        break;
                    }
                }
            }
            Ok(found)
        };
        self.0.store.read(move |connection| Ok(verify(connection))).await?
    }

    /// Returns the newest `count` records of all chains, oldest first, optionally of one subject (`kind:id`).
    pub async fn last_records(
        &self,
        permit: Permit,
        count: i64,
        subject: Option<String>,
    ) -> Result<Vec<AuditRecord>, VaultError> {
        let (asked_at, own) = (to_micros(self.0.clock.now()), permit.action().name());
        let read = move |context: &mut OperationContext<'_>| {
            let mut records: Vec<AuditRow> = Vec::new();
            for chain in audit::chains_with_records(context.connection())? {
                let most = count.saturating_add(1);
                let of_chain = audit::last_records(context.connection(), &chain, subject.as_deref(), most)?;
                records.extend(of_chain);
            }
            // A list that waited for its record is read again, and would then contain this record. Other records may be
            // later than this clock says: they come from other nodes.
            records.retain(|record| record.at <= asked_at || record.action != own);
            records.sort_by(|a, b| (a.at, &a.chain, a.seq).cmp(&(b.at, &b.chain, b.seq)));
            let surplus = records.len().saturating_sub(usize::try_from(count).unwrap_or(0));
            let last = records.split_off(surplus).into_iter().map(AuditRecord::from).collect();
            Ok(Done::new(Subject::Collection, last))
        };
        self.query(permit, read).await
    }

    /// Appends the changed chain heads to the file of heads, each with a MAC. A copy of the file kept elsewhere proves a
    /// truncation of the log.
    pub async fn write_heads(&self) -> Result<(), VaultError> {
        let heads = self.0.store.read(audit::heads).await?;
        let now = to_micros(self.0.clock.now());
        let written = heads_file::append(&self.heads_file(), &self.0.audit_key, &heads, now);
        written.map_err(|error| {
            log::error!("writing {}: {}", self.heads_file().display(), error.kind());
            StoreError::Unavailable("the file of audit heads cannot be written").into()
        })
    }
}

fn verify_chain(
    connection: &mut AnyConnection,
    key: &DataKey,
    name: &str,
    known: Vec<ChainHead>,
) -> Result<Result<i64, Break>, VerificationError> {
    let checkpoint =
        audit_checkpoint::find(connection, name).map_err(unreadable(format!("the checkpoint of chain {name}")))?;
    let mut check = match ChainCheck::new(key, name, known).after(checkpoint.as_ref()) {
        Ok(check) => check,
        Err(broken) => return Ok(Err(broken)),
    };
    loop {
        let position = check.position();
        let records = audit::records_after(connection, name, position, PAGE);
        let records = records.map_err(unreadable(format!("chain {name}: a record after {position}")))?;
        if records.is_empty() {
            return Ok(check.end());
        }
        for record in &records {
            if let Err(broken) = check.next(record) {
                return Ok(Err(broken));
            }
        }
    }
}
