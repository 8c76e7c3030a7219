//! Whether the database takes writes, for readiness.

use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::writer::Writers;
use super::{Ticket, meta};
use crate::clock::instant;

/// How long a commit, or the result of a probe, is evidence.
const VALID: Duration = Duration::from_secs(1);
/// How long a probe may wait for its commit.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The time of the last commit of any writer of this node.
#[derive(Default)]
pub(super) struct LastCommit(SyncMutex<Option<Instant>>);

impl LastCommit {
    /// Notes a commit.
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(instant());
    }

    fn is_recent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < VALID)
    }
}

/// Finds out whether the database takes writes. Concurrent callers share one probe.
#[derive(Default)]
pub(super) struct WriteProbe(Mutex<Option<(Instant, bool)>>);

impl WriteProbe {
    /// Whether a writer has committed within the last second. Without a commit, writes a row to find out, at most once a
    /// second.
    pub(super) async fn takes_writes(&self, writers: &Writers) -> bool {
        if writers.last_commit().is_recent() {
            return true;
        }
        let mut last = self.0.lock().await;
        if let Some((at, result)) = *last
            && at.elapsed() < VALID
        {
            return result;
        }
        let write = writers.submit_within(TIMEOUT, Ticket::system(), |transaction| {
            meta::rewrite_change_mark(transaction.connection())
        });
        // A job that has started is waited for without end, so the time is limited here too.
        let result = matches!(tokio::time::timeout(TIMEOUT, write).await, Ok(Ok(())));
        *last = Some((instant(), result));
        result
    }
}
