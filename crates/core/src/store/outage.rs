//! Whether the database could not be reached a moment ago. Meanwhile nothing waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::StoreError;
use crate::clock::instant;

/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(500);
/// How long an attempt to connect after a failed one may take before others are let through.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);

/// The connections of one kind: after a failed attempt, others are refused at once until the next one is due or has succeeded.
#[derive(Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Default)]
struct State {
    /// While others are refused. `None` once an attempt has succeeded.
    until: Option<Instant>,
    /// The number of attempts that succeeded.
    successes: u64,
}

impl Outage {
    /// Refuses while the database is known to be away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) fn refuse_during(&self) -> Result<(), StoreError> {
        let is_on = self.lock().until.is_some_and(|until| instant() < until);
        if is_on { Err(StoreError::Unavailable("it could not be reached a moment ago")) } else { Ok(()) }
    }

    /// Whether the last attempt to connect succeeded.
    pub(super) fn is_over(&self) -> bool {
        self.lock().until.is_none()
    }

    /// Connects, and notes whether that worked. While one attempt after an outage lasts, others are refused.
    pub(super) fn attempt<T>(&self, connect: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = self.lock();
        if let Some(until) = state.until.as_mut() {
            *until = instant() + LONGEST_ATTEMPT;
        }
        let successes_before = state.successes;
        drop(state);
        let result = connect();
        let mut state = self.lock();
        if result.is_ok() {
            state.until = None;
            state.successes += 1;
        } else if state.successes == successes_before {
            // Otherwise another attempt, which ended while this one lasted, knows better.
            state.until = Some(instant() + PAUSE);
        }
        drop(state);
        result
    }

    /// Notes that the database does not answer.
    pub(super) fn note(&self) {
        self.lock().until = Some(instant() + PAUSE);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_refuses_others_and_a_good_one_lets_them_through() {
        let outage = Outage::default();
        assert_eq!(outage.refuse_during(), Ok(()));
        assert!(outage.attempt(|| Err::<(), _>(StoreError::Busy)).is_err());
        assert!(outage.refuse_during().is_err());
        let during = outage.attempt(|| Ok(outage.refuse_during())).unwrap();
        assert!(during.is_err());
        assert_eq!(outage.refuse_during(), Ok(()));
    }

    #[test]
    fn an_attempt_that_fails_after_another_has_succeeded_changes_nothing() {
        let outage = Outage::default();
        let late = outage.attempt(|| {
            outage.attempt(|| Ok(())).unwrap();
            Err::<(), _>(StoreError::Busy)
        });
        assert!(late.is_err() && outage.is_over());
    }
}
