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
    pub(super) versions: Walks<SecretVersion>,
    pub(super) results: Walks<StoredResult>,
}

/// The walks over the rows of one table, by key.
pub(super) type Walks<R> = HashMap<DataKeyId, Walk<R>>;

/// How far a pass has come in the rows of a table under one key.
pub(super) struct Walk<R> {
    pub(super) position: Position<R>,
    /// The rows that do not open, so far.
    pub(super) unopened: usize,
}

/// Where the next run of a pass begins.
#[derive(Clone)]
pub(super) enum Position<R> {
    /// After a row; at the beginning without one.
    After(Option<R>),
    /// Nowhere.
    End,
}

impl<R> Default for Walk<R> {
    fn default() -> Self {
        Self { position: Position::After(None), unopened: 0 }
    }
}

impl Pass {
    /// The rows that do not open, so far.
    pub(super) fn unopened(&self) -> usize {
        let versions = self.versions.values().map(|walk| walk.unopened).sum::<usize>();
        versions + self.results.values().map(|walk| walk.unopened).sum::<usize>()
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
