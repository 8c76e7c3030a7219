//! Tells at a start that the clock of the machine is wrong. PostgreSQL has a clock to compare it with; SQLite has none, so the vault
//! notes what the clock said, and when that was by the time since the machine was started, which nobody sets.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, ClockMark, MAX_SKEW, from_micros};
use crate::store::{AnyConnection, StoreError, Transaction, meta};
use crate::vault::{Vault, VaultError};

/// How much later than now the newest audit record may be, and how much earlier the last mark without a warning.
const MAX_DIFFERENCE: TimeDelta = TimeDelta::days(1);
/// The name of the mark in the table of facts.
const CLOCK_MARK: &str = "clock_mark";

/// Says when the clock is behind what was recorded.
pub(super) fn warn_of_clock(newest: Option<i64>, now: DateTime<Utc>) {
    let newest = newest.map(from_micros).filter(|newest| *newest - now > MAX_DIFFERENCE);
    if let Some(newest) = newest {
        log::error!(
            "the newest audit record is of {newest:.0?}, more than a day after now, {now:.0?}: the clock of this machine is \
             wrong, or was wrong then; set it right and restart, or tokens and custody that have ended count again"
        );
    }
}

/// Compares the clock with the last mark, and says when it was set since, or may be ahead.
pub(super) fn check(connection: &mut AnyConnection, clock: &Clock) -> Result<(), StoreError> {
    let Some(now) = clock.mark().filter(|_| connection.has_one_writer()) else { return Ok(()) };
    let last = meta::bytes(connection, CLOCK_MARK)?;
    if let Some(message) = last.and_then(|bytes| ClockMark::from_bytes(&bytes)).and_then(|last| difference(last, now)) {
        log::error!("{message}");
    }
    Ok(())
}

/// Describes what is wrong with the clock at `now`, as far as the `last` mark shows.
fn difference(last: ClockMark, now: ClockMark) -> Option<String> {
    let (then, at) = (from_micros(last.at), from_micros(now.at));
    let Some(jump) = last.jump_until(now) else {
        // Started again meanwhile: how much time has passed is only known from the clock itself.
        let days = (at - then).num_days();
        return (at - then > MAX_DIFFERENCE).then(|| {
            format!(
                "this vault was last open at {then:.0?}, {days} days before now: if it was not closed for that long, the clock of \
                 this machine is ahead; set it right and restart, or tokens and custody end too early"
            )
        });
    };
    let is_wrong = jump.unsigned_abs() > MAX_SKEW.as_micros().try_into().unwrap_or(u64::MAX);
    let (seconds, direction) = (jump.unsigned_abs() / 1_000_000, if jump > 0 { "ahead" } else { "back" });
    is_wrong.then(|| {
        format!(
            "the clock of this machine was set {direction} by {seconds} s since this vault was last open, at {then:.0?}; if it is \
             wrong now, {at:.0?}, set it right and restart: tokens and custody end by it"
        )
    })
}

impl Vault {
    /// Notes what the clock says, for the next start.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub(in crate::vault) async fn mark_clock(&self) -> Result<(), VaultError> {
        let Some(mark) = self.0.clock.mark().filter(|_| self.0.store.has_one_writer()) else { return Ok(()) };
        let write = move |transaction: &mut Transaction<'_>| {
            meta::set_bytes(transaction.connection()?, CLOCK_MARK, &mark.to_bytes())
        };
        Ok(self.write_in_background(write).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * 1_000_000;

    fn mark(boot: i64, since_boot: i64, at: i64) -> ClockMark {
        ClockMark { boot, since_boot: since_boot * HOUR, at: at * HOUR }
    }

    #[test]
    fn a_clock_that_was_set_between_two_starts_is_named() {
        let last = mark(1, 5, 1000);
        let said = |now| difference(last, now).unwrap_or_default();
        assert_eq!(said(mark(1, 5, 1000)), "");
        assert_eq!(said(mark(1, 105, 1100)), "", "closed for a long time");
        assert!(said(mark(1, 6, 1025)).contains("set ahead by 86400 s"), "{}", said(mark(1, 6, 1025)));
        assert!(said(mark(1, 6, 977)).contains("set back by 86400 s"), "{}", said(mark(1, 6, 977)));
        assert_eq!(said(mark(2, 1, 1023)), "", "another start of the machine");
        assert!(said(mark(2, 1, 1049)).contains("2 days before now"), "{}", said(mark(2, 1, 1049)));
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let written = mark(-7, 3, 12);
        assert_eq!(ClockMark::from_bytes(&written.to_bytes()), Some(written));
        assert_eq!(ClockMark::from_bytes(b"short"), None);
    }
}
