//! The wall clock and the monotonic clock. Nothing else reads them, so a test can hold both still.
//!
//! Times are UTC and cut to whole microseconds, which is what both database engines keep.

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

/// A clock that stands still: both times in microseconds.
#[derive(Debug)]
struct Fixed {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

/// The machine's monotonic clock, for what is only measured or bounded.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `moment` until it is moved with [`Clock::advance`].
    pub fn fixed(moment: DateTime<Utc>) -> Self {
        let fixed = Fixed { wall: AtomicI64::new(to_micros(moment)), monotonic: AtomicU64::new(0) };
        Self(Source::Fixed(Arc::new(fixed)))
    }

    /// The wall time.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => utc_now().trunc_subsecs(6),
            Source::Fixed(fixed) => from_micros(fixed.wall.load(Ordering::SeqCst)),
        }
    }

    /// The time since a fixed moment in the past. Never jumps when the wall clock is set.
    pub fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            Source::System => START.get_or_init(instant).elapsed(),
            Source::Fixed(fixed) => Duration::from_micros(fixed.monotonic.load(Ordering::SeqCst)),
        }
    }

    /// Moves the wall time of a fixed clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let step = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            fixed.wall.fetch_add(step, Ordering::SeqCst);
        }
    }

    /// Moves the monotonic time of a fixed clock forward.
    pub fn advance_monotonic(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let step = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            fixed.monotonic.fetch_add(step, Ordering::SeqCst);
        }
    }
}

/// Microseconds since 1970, the form in which every table keeps a time.
pub fn to_micros(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_micros()
}

/// The time behind [`to_micros`]. A number outside the calendar gives 1970.
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
