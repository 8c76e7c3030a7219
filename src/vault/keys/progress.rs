//! The progress of re-sealing, for metrics.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::id::DataKeyId;
use crate::store::reseal::{SecretVersion, StoredResult};
use crate::vault::Vault;

/// What this node has re-sealed, for metrics, and how far its pass over the rows has come.
#[derive(Default)]
pub(in crate::vault) struct ResealProgress {
    resealed: AtomicU64,
    remaining: AtomicI64,
    pass: Mutex<Pass>,
}

/// A pass over the rows under retiring keys. It may take several runs of the job: rows that do not open stay where they are, and
/// each run begins after those of the run before.
#[derive(Default)]
pub(super) struct Pass {
    pub(super) versions: HashMap<DataKeyId, Position<SecretVersion>>,
    pub(super) results: HashMap<DataKeyId, Position<StoredResult>>,
    /// The rows that do not open, so far.
    pub(super) unopened: usize,
}

/// How far a pass has come in the rows of a table under one key.
#[derive(Clone)]
pub(super) enum Position<R> {
    /// After a row; at the beginning without one.
    After(Option<R>),
    /// At the end.
    End,
}

impl<R> Default for Position<R> {
    fn default() -> Self {
        Self::After(None)
    }
}

impl ResealProgress {
    /// The values that this node has re-sealed since it started.
    pub(in crate::vault) fn resealed(&self) -> u64 {
        self.resealed.load(Ordering::Relaxed)
    }

    /// The rows that were left when this node last ran the job.
    pub(in crate::vault) fn remaining(&self) -> i64 {
        self.remaining.load(Ordering::Relaxed)
    }

    /// The pass that is under way.
    pub(super) fn pass(&self) -> MutexGuard<'_, Pass> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the number of rows that are left.
    pub(super) fn set_remaining(&self, remaining: i64) {
        self.remaining.store(remaining, Ordering::Relaxed);
    }

    /// Counts rows that were re-sealed.
    pub(super) fn note(&self, resealed: i64) {
        self.resealed.fetch_add(u64::try_from(resealed).unwrap_or(0), Ordering::Relaxed);
        self.remaining.fetch_sub(resealed, Ordering::Relaxed);
    }
}

impl Vault {
    /// The number of values that this node has re-sealed, and of those that were left when it last did.
    pub fn reseal_progress(&self) -> (u64, i64) {
        (self.0.reseal_progress.resealed(), self.0.reseal_progress.remaining())
    }
}
