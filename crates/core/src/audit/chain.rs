//! The MAC chain of records: appending a record, and verifying a chain.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Record, checkpoint};
use crate::clock::to_micros;
use crate::crypto::DataKey;
use crate::store::audit::{AuditRow, ChainHead, Checkpoint};

/// Returns the row of `record` that follows `head`, with its MAC.
pub fn seal(key: &DataKey, head: &ChainHead, record: &Record) -> AuditRow {
    let mut row = AuditRow {
        chain: head.chain.clone(),
        seq: head.seq + 1,
        at: to_micros(record.at),
        request_id: record.request_id.clone(),
        actor: record.actor.clone(),
        source: record.source.clone(),
        family: record.family.into(),
        action: record.action.into(),
        object: record.object.clone(),
        outcome: record.outcome.clone(),
        reason: record.reason.clone(),
        times: record.times,
        previous: head.mac.clone(),
        mac: Vec::new(),
    };
    row.mac = row_mac(key, &row);
    row
}

fn row_mac(key: &DataKey, row: &AuditRow) -> Vec<u8> {
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
        mac: _,
    } = row;
    mac(
        key,
        b"chaveiro/audit/record/1",
        &[
            chain.as_bytes(),
            &seq.to_be_bytes(),
            &at.to_be_bytes(),
            request_id.as_bytes(),
            actor.as_bytes(),
            source.as_bytes(),
            family.as_bytes(),
            action.as_bytes(),
            object.as_bytes(),
            outcome.as_bytes(),
            reason.as_bytes(),
            &times.to_be_bytes(),
            previous,
        ],
    )
}

/// Computes HMAC-SHA-256 over `label` and `fields`, each preceded by its length.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(super) fn mac(key: &DataKey, label: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
    for field in std::iter::once(&label).chain(fields) {
        hmac.update(&(field.len() as u64).to_be_bytes());
        hmac.update(field);
    }
    hmac.finalize().into_bytes().to_vec()
}

/// The first defect of a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// Records are missing or out of order.
    #[error("chain {chain}: record {expected} is missing; record {found} follows")]
    Gap {
        /// The name of the chain.
        chain: String,
        /// The expected number.
        expected: i64,
        /// The number found.
        found: i64,
    },
    /// The MAC of a record does not verify, or the record does not follow its predecessor.
    #[error("chain {chain}: record {seq} was changed, or does not follow the record before it: MAC mismatch")]
    Changed {
        /// The name of the chain.
        chain: String,
        /// The number of the record.
        seq: i64,
    },
    /// The chain ends before a record that an authenticated head names.
    #[error("chain {chain}: it ends at record {end}, and record {known} is known to have been there")]
    CutOff {
        /// The name of the chain.
        chain: String,
        /// The number of the last record.
        end: i64,
        /// The number in an authenticated head, or in the head of the chain.
        known: i64,
    },
    /// The MAC of a checkpoint does not verify, or a head names another record in its place.
    #[error(
        "chain {chain}: its checkpoint at record {seq} was changed, and the records before it may have been deleted: MAC mismatch"
    )]
    ForgedCheckpoint {
        /// The name of the chain.
        chain: String,
        /// The number of the record at the checkpoint.
        seq: i64,
    },
    /// The MAC of a line in the file of heads does not verify.
    #[error("file of heads, line {line}: MAC mismatch, the line was changed")]
    ForgedHead {
        /// The line number, from 1.
        line: usize,
    },
}

/// Verifies a chain from its first record, or from its checkpoint.
pub struct ChainCheck {
    key: DataKey,
    head: ChainHead,
    /// The number of records that were verified.
    verified: i64,
    /// The MACs that are known, by the number of the record.
    known: HashMap<i64, Vec<Vec<u8>>>,
}

impl ChainCheck {
    /// Creates a check of `chain` that also expects the records that `heads` name.
    pub fn new(key: &DataKey, chain: &str, heads: Vec<ChainHead>) -> Self {
        let mut known: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for head in heads {
            known.entry(head.seq).or_default().push(head.mac);
        }
        let head = ChainHead { chain: chain.into(), seq: 0, mac: vec![0; 32] };
        Self { key: key.clone(), head, verified: 0, known }
    }

    /// Begins after a checkpoint of the chain.
    ///
    /// # Errors
    /// [`Break::ForgedCheckpoint`].
    pub fn after(mut self, checkpoint: Option<&Checkpoint>) -> Result<Self, Break> {
        let Some(checkpoint) = checkpoint else { return Ok(self) };
        let head = &checkpoint.head;
        let is_known = self.known.get(&head.seq).is_none_or(|macs| macs.iter().all(|mac| *mac == head.mac));
        if head.chain != self.head.chain || !is_known || !checkpoint::is_genuine(&self.key, checkpoint) {
            return Err(Break::ForgedCheckpoint { chain: self.head.chain, seq: head.seq });
        }
        self.head = head.clone();
        Ok(self)
    }

    /// Returns the last verified record.
    pub fn head(&self) -> &ChainHead {
        &self.head
    }

    /// Returns the number of the last verified record.
    pub fn position(&self) -> i64 {
        self.head.seq
    }

    /// Verifies the next record.
    pub fn next(&mut self, row: &AuditRow) -> Result<(), Break> {
        let chain = || self.head.chain.clone();
        let expected = self.head.seq + 1;
        if row.seq != expected {
            return Err(Break::Gap { chain: chain(), expected, found: row.seq });
        }
        let known = self.known.get(&row.seq).is_none_or(|macs| macs.iter().all(|mac| *mac == row.mac));
        let sealed: bool = row_mac(&self.key, row).ct_eq(&row.mac).into();
        if row.chain != self.head.chain || row.previous != self.head.mac || !sealed || !known {
            return Err(Break::Changed { chain: chain(), seq: row.seq });
        }
        self.head = ChainHead { chain: chain(), seq: row.seq, mac: row.mac.clone() };
        self.verified += 1;
        Ok(())
    }

    /// Ends the check: the chain must contain the record of every known head. Returns the number of verified records.
    pub fn end(self) -> Result<i64, Break> {
        match self.known.keys().copied().max() {
            Some(known) if known > self.head.seq => {
                Err(Break::CutOff { chain: self.head.chain, end: self.head.seq, known })
            }
            _ => Ok(self.verified),
        }
    }
}

#[cfg(test)]
mod tests;
