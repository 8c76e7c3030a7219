//! The wall clock and the monotonic clock. No other module reads them, so tests can use a fixed clock.
//!
//! Times are UTC, truncated to microseconds, the resolution of both database engines.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};

/// A source of wall time and monotonic time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<Fixed>),
}

/// A fixed clock: both times in microseconds.
#[derive(Debug)]
struct Fixed {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

/// Reads the system's monotonic clock, for measurements and timeouts.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

impl Clock {
    /// Returns the system clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Creates a clock that stands still at `moment` until [`Clock::advance`] moves it.
    pub fn fixed(moment: DateTime<Utc>) -> Self {
        let fixed = Fixed { wall: AtomicI64::new(to_micros(moment)), monotonic: AtomicU64::new(0) };
        Self(Source::Fixed(Arc::new(fixed)))
    }

    /// Returns the wall time.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => utc_now().trunc_subsecs(6),
            Source::Fixed(fixed) => from_micros(fixed.wall.load(Ordering::SeqCst)),
        }
    }

    /// Returns the time since a fixed moment in the past. Unaffected by changes of the wall clock.
    pub fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            Source::System => START.get_or_init(instant).elapsed(),
            Source::Fixed(fixed) => Duration::from_micros(fixed.monotonic.load(Ordering::SeqCst)),
        }
    }

    /// Advances the wall time of a fixed clock. Does nothing to the system clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let step = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            fixed.wall.fetch_add(step, Ordering::SeqCst);
        }
    }

    /// Advances the monotonic time of a fixed clock. Does nothing to the system clock.
    pub fn advance_monotonic(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let step = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            fixed.monotonic.fetch_add(step, Ordering::SeqCst);
        }
    }
}

/// Returns microseconds since 1970, as stored in every table.
pub fn to_micros(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_micros()
}

/// Converts microseconds since 1970 to a time. A number out of range gives 1970.
pub fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(from_micros(1_000_000));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(2));
        assert_eq!(to_micros(clock.now()), 3_000_000);
    }

    #[test]
    fn the_system_clock_keeps_whole_microseconds() {
        let now = Clock::system().now();
        assert_eq!(from_micros(to_micros(now)), now);
    }
}
