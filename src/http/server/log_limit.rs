//! Limits log lines that a client without credentials can cause.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Permits one line an interval, and counts the others.
pub(super) struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The monotonic time of the last line.
    last: Option<Duration>,
    suppressed: u64,
}

impl LogLimit {
    /// Creates a limit of one line for each `interval`.
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new(State { last: None, suppressed: 0 }) }
    }

    /// Returns the number of lines that were suppressed since the last one, if a line may be logged now.
    pub(super) fn permit(&self, clock: &Clock) -> Option<u64> {
        let now = clock.monotonic();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_sub(last) < self.interval) {
            state.suppressed = state.suppressed.saturating_add(1);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_an_interval_says_how_many_were_suppressed() {
        let (limit, clock) = (LogLimit::new(Duration::from_secs(60)), Clock::fixed(chrono::DateTime::UNIX_EPOCH));
        assert_eq!(limit.permit(&clock), Some(0));
        for _ in 0..5 {
            clock.advance_monotonic(Duration::from_secs(10));
            assert_eq!(limit.permit(&clock), None);
        }
        clock.advance_monotonic(Duration::from_secs(10));
        assert_eq!((limit.permit(&clock), limit.permit(&clock)), (Some(5), None));
        clock.advance_monotonic(Duration::from_secs(600));
        assert_eq!(limit.permit(&clock), Some(1));
    }
}
