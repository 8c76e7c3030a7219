//! The time. Nothing else reads the wall clock, so a test can hold it still.
//!
//! Times are UTC and cut to whole microseconds, which is what both database engines keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// Where the present moment comes from.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `moment` until it is moved with [`Clock::advance`].
    pub fn fixed(moment: DateTime<Utc>) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(to_micros(moment)))))
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Fixed(micros) => from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(micros) = &self.0 {
            let step = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(step, Ordering::SeqCst);
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
