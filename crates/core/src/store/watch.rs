//! Notices a PostgreSQL that does not answer: how long a thread has waited for the answer to a statement.
//!
//! Neither TCP nor the server ends a wait for a server that is frozen: its kernel still acknowledges what arrives, and its
//! timeouts do not run. So the thread of such a connection is given up, and another one takes its place. It ends with its
//! connection.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::{Connection, InstrumentationEvent};

use crate::clock::instant;

/// How long PostgreSQL may take to answer. Longer than `statement_timeout`, which a server that runs keeps.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);
/// How long the connections to all addresses may take to fail, in microseconds.
const LONGEST_CONNECTING: u64 = 30_000_000;
/// The interval in which a caller looks whether its answer still can come.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

thread_local! {
    static CURRENT: RefCell<Option<Arc<Watch>>> = const { RefCell::new(None) };
}

/// The statement that a thread waits for.
pub(super) struct Watch {
    /// Microseconds of the monotonic clock at which the statement was sent; 0 when none is under way.
    sent_at: AtomicU64,
    longest: Duration,
    /// Whether a statement was answered later than that.
    was_late: AtomicBool,
    given_up: AtomicBool,
}

impl Watch {
    /// Creates the watch of a thread whose statements take at most `longest`.
    pub(super) fn new(longest: Duration) -> Arc<Self> {
        let (was_late, given_up) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { sent_at: AtomicU64::new(0), longest, was_late, given_up })
    }

    /// Watches the statements of this thread from now on.
    pub(super) fn follow_thread(self: &Arc<Self>) {
        CURRENT.with_borrow_mut(|current| *current = Some(Arc::clone(self)));
    }

    /// Ends the watch of this thread.
    pub(super) fn leave_thread() {
        CURRENT.with_borrow_mut(|current| *current = None);
    }

    /// Whether the thread waits for a server that does not answer.
    pub(super) fn is_hanging(&self) -> bool {
        self.is_late(self.sent_at.load(Ordering::Acquire))
    }

    fn is_late(&self, sent_at: u64) -> bool {
        sent_at != 0 && Duration::from_micros(micros().saturating_sub(sent_at)) > self.longest
    }

    /// Begins a transaction, none of whose statements has been answered late.
    pub(super) fn begin(&self) {
        self.was_late.store(false, Ordering::Release);
    }

    /// Whether a statement of the transaction was answered so late that callers have been told that there was no answer.
    pub(super) fn was_late(&self) -> bool {
        self.was_late.load(Ordering::Acquire)
    }

    /// Gives the thread up: another one has taken its place. It ends when it wakes.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Whether another thread has taken the place of this one.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }
}

/// Notes on the watch of this thread that it connects. libpq has a timeout of its own for each address.
pub(super) fn note_connecting() {
    note(micros() + LONGEST_CONNECTING);
}

/// Notes on the watch of this thread that a statement is sent, or answered.
pub(super) fn note_waiting(waiting: bool) {
    note(if waiting { micros() } else { 0 });
}

fn note(now: u64) {
    CURRENT.with_borrow(|current| {
        if let Some(watch) = current {
            let before = watch.sent_at.swap(now, Ordering::AcqRel);
            if watch.is_late(before) {
                watch.was_late.store(true, Ordering::Release);
            }
        }
    });
}

/// Notes the statements of a connection on the watch of the thread that sends them.
pub(super) fn note_statements(connection: &mut PgConnection) {
    connection.set_instrumentation(|event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartQuery { .. } => note_waiting(true),
        InstrumentationEvent::FinishQuery { .. } => note_waiting(false),
        _ => {}
    });
}

/// Microseconds of the monotonic clock, never 0.
fn micros() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(instant).elapsed();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_hangs_from_the_statement_that_is_not_answered() {
        let (patient, impatient) = (Watch::new(Duration::from_secs(3600)), Watch::new(Duration::ZERO));
        for watch in [&patient, &impatient] {
            watch.follow_thread();
            assert!(!watch.is_hanging());
            note_waiting(true);
        }
        std::thread::yield_now();
        while !impatient.is_hanging() {
            std::thread::yield_now();
        }
        assert!(!patient.is_hanging() && !impatient.was_late());
        note_waiting(false);
        assert!(!impatient.is_hanging() && impatient.was_late());
        impatient.begin();
        assert!(!impatient.was_late());
        Watch::leave_thread();
        note_waiting(true);
        assert!(!impatient.is_hanging());
    }
}
