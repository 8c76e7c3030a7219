//! Whether the database takes writes, for readiness.

use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::writer::Writers;
use super::{StoreError, Ticket, meta};
use crate::clock::instant;

/// How long a commit, or the result of a probe, is evidence.
const VALID: Duration = Duration::from_secs(1);
/// How long a probe may wait for its commit.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the writers count as refused after a write found no space or could not be written. A probe tells nothing then: a
/// full disk still takes a write that needs no new page.
const REFUSED: Duration = Duration::from_secs(30);

/// What the writers of this node last experienced.
#[derive(Default)]
pub(super) struct WriteOutcomes(SyncMutex<Outcomes>);

#[derive(Clone, Copy, Default)]
struct Outcomes {
    written_at: Option<Instant>,
    refused_at: Option<Instant>,
}

impl WriteOutcomes {
    /// Notes a commit that kept the writes of a job.
    pub(super) fn note_written(&self) {
        self.lock().written_at = Some(instant());
    }

    /// Notes the error of a job. An error of reading its files says nothing of writes: one bad page must not end readiness.
    pub(super) fn note_job_failed(&self, error: &StoreError) {
        if matches!(error, StoreError::DiskFull(_)) {
            self.lock().refused_at = Some(instant());
        }
    }

    /// Notes the error of a whole transaction.
    pub(super) fn note_transaction_failed(&self, error: &StoreError) {
        if matches!(error, StoreError::DiskFull(_) | StoreError::InputOutput(_)) {
            self.lock().refused_at = Some(instant());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outcomes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcomes {
    /// Whether the database takes writes; `None` when there is no evidence.
    fn verdict(self, now: Instant) -> Option<bool> {
        let within = |at: Option<Instant>, time| at.is_some_and(|at| now.saturating_duration_since(at) < time);
        match (within(self.refused_at, REFUSED), within(self.written_at, VALID)) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        }
    }
}

/// Finds out whether the database takes writes. Concurrent callers share one probe.
#[derive(Default)]
pub(super) struct WriteProbe(Mutex<Option<(Instant, bool)>>);

impl WriteProbe {
    /// Whether a writer has written within the last second, and no write was refused lately. Without evidence, writes a row to
    /// find out, at most once a second.
    pub(super) async fn takes_writes(&self, writers: &Writers) -> bool {
        let known = || writers.outcomes().lock().verdict(instant());
        // A commit before an outage is no evidence while no writer has connected again.
        let are_reachable = writers.are_reachable();
        if let Some(known) = known()
            && (are_reachable || !known)
        {
            return known;
        }
        let mut last = self.0.lock().await;
        if let Some((at, result)) = *last
            && at.elapsed() < VALID
            && (are_reachable || !result)
        {
            return result;
        }
        let write = writers.submit_within(TIMEOUT, Ticket::system(), |transaction| {
            meta::rewrite_change_mark(transaction.connection()?)
        });
        // A job that has started is waited for without end, so the time is limited here too.
        let written = matches!(tokio::time::timeout(TIMEOUT, write).await, Ok(Ok(())));
        let result = written && known() != Some(false);
        *last = Some((instant(), result));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cause;

    #[test]
    fn a_refused_write_outweighs_later_ones_for_a_while() {
        let outcomes = WriteOutcomes::default();
        let verdict_after = |time| outcomes.lock().verdict(instant() + time);
        assert_eq!(verdict_after(Duration::ZERO), None);
        outcomes.note_written();
        assert_eq!(verdict_after(Duration::ZERO), Some(true));
        assert_eq!(verdict_after(VALID), None);
        outcomes.note_transaction_failed(&StoreError::Busy);
        outcomes.note_job_failed(&StoreError::InputOutput(Cause::default()));
        assert_eq!(verdict_after(Duration::ZERO), Some(true));
        outcomes.note_job_failed(&StoreError::DiskFull(Cause::default()));
        outcomes.note_written();
        assert_eq!(verdict_after(Duration::ZERO), Some(false));
        assert_eq!(verdict_after(REFUSED / 2), Some(false));
        assert_eq!(verdict_after(REFUSED + VALID), None);
    }
}
