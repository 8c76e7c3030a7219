//! The wall clock and the monotonic clock. No other module reads them, so tests can use a fixed clock.
//!
//! Times are UTC, truncated to microseconds, the resolution of both database engines.
//!
//! Several nodes decide by the times of shared rows, so they share one clock: that of the database. A node asks it often
//! ([`Clock::follow`]), and in between its time runs by the monotonic clock. SQLite has no other clock than the machine's; there a
//! jump of the machine's clock while the server runs is what a difference to the database is elsewhere.

mod mark;

pub use mark::ClockMark;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};

/// The most by which the clock of a machine may differ from that of the database.
pub const MAX_SKEW: Duration = Duration::from_secs(60);
/// How much longer than needed rows are kept that have expired, in microseconds: a clock that was wrong for a while deletes nothing
/// that the right one still needs.
pub const EXPIRY_MARGIN: i64 = 24 * 3600 * 1_000_000;
/// From this difference on, the log names it.
const NOTED_SKEW: Duration = Duration::from_secs(5);
/// The monotonic clock stands still while a virtual machine is paused. After so many looks at which the clocks of the database and
/// of the machine agree, they are believed.
const AGREEMENTS: u64 = 10;
/// An answer of the database that took longer tells its time too inaccurately, unless the difference is larger still.
const ACCURATE: Duration = Duration::from_millis(100);

/// A source of wall time and monotonic time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Arc<Followed>),
    Fixed(Arc<Fixed>),
}

/// A clock that follows another one. All times in microseconds.
#[derive(Debug)]
struct Followed {
    /// The followed time minus the monotonic time.
    offset: AtomicI64,
    /// The time of the machine minus the followed time, when they were last compared.
    skew: AtomicI64,
    /// What a test adds to the time of the machine.
    shift: AtomicI64,
    has_followed: AtomicU64,
    /// How often in a row the database and the machine have agreed on another time than the followed one.
    agreements: AtomicU64,
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

/// Reads the machine's wall clock, for the lines of the log. Whatever else has a time takes it from a [`Clock`].
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

/// Microseconds since the machine was started, including the time in which it was suspended.
fn since_boot() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

impl Followed {
    fn new(shift: i64) -> Self {
        let followed = Self {
            offset: 0.into(),
            skew: 0.into(),
            shift: shift.into(),
            has_followed: 0.into(),
            agreements: 0.into(),
        };
        followed.offset.store(followed.of_machine() - since_boot(), Ordering::SeqCst);
        followed
    }

    fn of_machine(&self) -> i64 {
        to_micros(utc_now()).saturating_add(self.shift.load(Ordering::SeqCst))
    }

    fn now(&self) -> i64 {
        since_boot().saturating_add(self.offset.load(Ordering::SeqCst))
    }

    /// Compares with the `reference`, that was asked for at `asked_at`, and takes it over unless it has jumped.
    fn follow(&self, reference: Option<i64>, asked_at: i64) {
        let (answered_at, of_machine) = (since_boot(), self.of_machine());
        let took = answered_at - asked_at;
        let is_witness = reference.is_some();
        let reference = reference.map_or(of_machine, |reference| reference.saturating_add(took / 2));
        let is_first = self.has_followed.swap(1, Ordering::SeqCst) == 0;
        let jump = reference.saturating_sub(answered_at + self.offset.load(Ordering::SeqCst));
        let is_accurate = took < micros(ACCURATE) || jump.abs() > took;
        let agrees =
            is_witness && jump.abs() > micros(MAX_SKEW) && (reference - of_machine).abs() <= micros(NOTED_SKEW);
        let agreements = if agrees { self.agreements.load(Ordering::SeqCst) + 1 } else { 0 };
        self.agreements.store(agreements, Ordering::SeqCst);
        let is_outvoted = agreements >= AGREEMENTS;
        if is_outvoted {
            log::error!(
                "the database and this machine agree on another time, as after a pause of the machine; it is taken over"
            );
        }
        if is_first || is_outvoted || is_accurate && jump.abs() <= micros(MAX_SKEW) {
            self.offset.store(reference.saturating_sub(answered_at), Ordering::SeqCst);
        }
        // A reference that jumps is no better than a machine that does: then the larger difference counts.
        let skew = of_machine.saturating_sub(self.now());
        let skew = if !is_first && !is_outvoted && jump.abs() > micros(MAX_SKEW) && skew.abs() < jump.abs() {
            -jump
        } else {
            skew
        };
        self.note_skew(skew);
    }

    /// Logs a difference when it becomes noteworthy, grows, or ends.
    fn note_skew(&self, skew: i64) {
        let before = self.skew.swap(skew, Ordering::SeqCst);
        let class = |skew: i64| match skew.saturating_abs() {
            small if small <= micros(NOTED_SKEW) => 0,
            noted if noted <= micros(MAX_SKEW) => 1,
            _ => 2,
        };
        let seconds = (skew + skew.signum() * 500_000) / 1_000_000;
        match (class(before), class(skew)) {
            (before, now) if before == now => {}
            (_, 0) => log::warn!("the clock of this machine agrees with that of the database again"),
            (_, 1) => log::warn!(
                "the clock of this machine differs from that of the database by {seconds} s; synchronize them (NTP)"
            ),
            _ => log::error!(
                "the clock of this machine differs from that of the database, or has jumped, by {seconds} s; requests are \
                 refused until it is set right or Chaveiro is restarted"
            ),
        }
    }
}

impl Clock {
    /// Returns the system clock.
    pub fn system() -> Self {
        Self::shifted(0)
    }

    /// Returns the system clock of a machine that is ahead by `seconds`, for tests.
    pub fn shifted(seconds: i64) -> Self {
        Self(Source::System(Arc::new(Followed::new(seconds.saturating_mul(1_000_000)))))
    }

    /// Moves the clock of the machine by `seconds`, for tests; the monotonic time stays. Does nothing to a fixed clock.
    pub fn shift(&self, seconds: i64) {
        if let Source::System(followed) = &self.0 {
            followed.shift.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }

    /// Creates a clock that stands still at `moment` until [`Clock::advance`] moves it.
    pub fn fixed(moment: DateTime<Utc>) -> Self {
        let fixed = Fixed { wall: AtomicI64::new(to_micros(moment)), monotonic: AtomicU64::new(0) };
        Self(Source::Fixed(Arc::new(fixed)))
    }

    /// Returns the wall time.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System(followed) => from_micros(followed.now()).trunc_subsecs(6),
            Source::Fixed(fixed) => from_micros(fixed.wall.load(Ordering::SeqCst)),
        }
    }

    /// Returns the time since a fixed moment in the past. Unaffected by changes of the wall clock.
    pub fn monotonic(&self) -> Duration {
        static START: OnceLock<i64> = OnceLock::new();
        match &self.0 {
            Source::System(_) => {
                let since = since_boot() - *START.get_or_init(since_boot);
                Duration::from_micros(u64::try_from(since).unwrap_or(0))
            }
            Source::Fixed(fixed) => Duration::from_micros(fixed.monotonic.load(Ordering::SeqCst)),
        }
    }

    /// Follows the database: `ask` returns its time in microseconds, or `None` when it has no clock of its own. Does nothing to
    /// a fixed clock, which is a time of its own.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn follow<E>(&self, ask: impl FnOnce() -> Result<Option<i64>, E>) -> Result<(), E> {
        if let Source::System(followed) = &self.0 {
            let asked_at = since_boot();
            followed.follow(ask()?, asked_at);
        }
        Ok(())
    }

    /// Returns by how much the clock of this machine is ahead of the time that it follows, in microseconds.
    pub fn skew(&self) -> i64 {
        match &self.0 {
            Source::System(followed) => followed.skew.load(Ordering::SeqCst),
            Source::Fixed(_) => 0,
        }
    }

    /// Returns what the clock says now, to be compared at the next start. `None` for a fixed clock, and without an id of this start
    /// of the machine.
    pub fn mark(&self) -> Option<ClockMark> {
        let Source::System(followed) = &self.0 else { return None };
        let boot = mark::boot()?;
        let since_boot = since_boot();
        Some(ClockMark { boot, since_boot, at: since_boot.saturating_add(followed.offset.load(Ordering::SeqCst)) })
    }

    /// Whether the clock of this machine is right enough to serve by.
    pub fn is_right(&self) -> bool {
        self.skew().saturating_abs() <= micros(MAX_SKEW)
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

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
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

    /// A node whose machine is ahead by `shift` seconds, after it has asked a database whose clock is right.
    fn node(shift: i64) -> Clock {
        let clock = Clock::shifted(shift);
        follow(&clock, 0);
        clock
    }

    /// Asks a database whose clock is ahead by `shift` seconds.
    fn follow(clock: &Clock, shift: i64) {
        clock.follow(|| Ok::<_, ()>(Some(to_micros(utc_now()) + shift * 1_000_000))).unwrap();
    }

    /// The seconds by which a clock is ahead.
    fn ahead(clock: &Clock) -> i64 {
        (clock.now() - utc_now()).as_seconds_f64().round() as i64
    }

    #[test]
    fn a_node_follows_the_database_and_is_wrong_from_a_minute_on() {
        for (shift, is_right) in [(0, true), (59, true), (-59, true), (62, false), (-62, false), (86_400, false)] {
            let node = node(shift);
            assert_eq!((ahead(&node), node.is_right()), (0, is_right), "{shift}");
            assert_eq!((node.skew() as f64 / 1e6).round() as i64, shift);
        }
    }

    #[test]
    fn a_jump_of_the_machine_moves_no_time_and_is_noticed() {
        for database in [true, false] {
            let node = Clock::system();
            let ask = || node.follow(|| Ok::<_, ()>(database.then(|| to_micros(utc_now())))).unwrap();
            ask();
            for jump in [86_400, -86_400] {
                node.shift(jump);
                ask();
                assert_eq!((ahead(&node), node.is_right()), (0, false), "{jump}");
                node.shift(-jump);
                ask();
                assert_eq!((ahead(&node), node.is_right()), (0, true), "{jump}");
            }
        }
    }

    #[test]
    fn a_jump_of_the_database_moves_no_time_and_is_noticed() {
        let node = node(0);
        follow(&node, 86_400);
        assert_eq!((ahead(&node), node.is_right()), (0, false));
        follow(&node, 2);
        assert_eq!((ahead(&node), node.is_right()), (2, true));
    }

    #[test]
    fn a_database_and_a_machine_that_agree_are_believed_in_the_end() {
        let node = node(0);
        // As after a pause of a day, during which the monotonic clock stood still.
        node.shift(86_400);
        for _ in 1..AGREEMENTS {
            follow(&node, 86_400);
            assert_eq!((ahead(&node), node.is_right()), (0, false));
        }
        follow(&node, 86_400);
        assert_eq!((ahead(&node), node.is_right()), (86_400, true));
    }

    #[test]
    fn the_system_clock_keeps_whole_microseconds() {
        let now = Clock::system().now();
        assert_eq!(from_micros(to_micros(now)), now);
    }
}
