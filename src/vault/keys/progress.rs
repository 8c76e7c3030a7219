//! The progress of re-sealing, for metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::vault::Vault;

/// What this node has re-sealed, for metrics.
#[derive(Default)]
pub(in crate::vault) struct ResealProgress {
    resealed: AtomicU64,
    remaining: AtomicI64,
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
