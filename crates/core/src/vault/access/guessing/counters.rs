//! The counters in memory: bounded, and shared with other nodes through the database.

use std::collections::HashMap;

use crate::store::login_attempt::{CountedLogins, LoginAttemptRow};

/// The length of a window, in microseconds.
const WINDOW: i64 = 60_000_000;
/// The longest delay after a failure.
const MAX_DELAY: i64 = 60 * WINDOW;
/// How long failures of an account count together.
const ACCOUNT_MEMORY: i64 = 7 * 24 * 60 * WINDOW;
/// The most counters in memory.
pub(super) const MAX_COUNTERS: usize = 65_536;
/// The fewest counters that are dropped when there is no room.
const MAKE_ROOM: usize = MAX_COUNTERS / 4;

/// The digest of what is counted.
pub(super) type Key = [u8; 32];

/// How failures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// In a window of a minute.
    Window,
    /// Until a week has passed without one; each failure over the limit doubles the delay before the next attempt.
    Growing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    failures: i32,
    /// Those that the database does not have yet.
    unsent: i32,
    counted_at: i64,
    expires_at: i64,
    grows: bool,
    is_known: bool,
    is_changed: bool,
}

/// The counters by key.
#[derive(Debug, Default)]
pub(super) struct Counters(HashMap<Key, Counter>);

impl Counters {
    /// Returns how long attempts are refused, in microseconds, if so many failures are allowed.
    pub(super) fn delay(&self, key: &Key, rule: Rule, limit: i32, now: i64) -> Option<i64> {
        let counter = self.0.get(key).filter(|counter| counter.expires_at > now && counter.failures >= limit)?;
        let delay = match rule {
            Rule::Window => WINDOW,
            Rule::Growing => growing_delay(counter.failures - limit),
        };
        // A clock that was set back prolongs nothing.
        let left = (counter.counted_at + delay - now).min(delay);
        (left > 0).then_some(left)
    }

    /// Counts a failure.
    pub(super) fn add(&mut self, key: Key, rule: Rule, is_known: bool, now: i64) {
        self.make_room(now);
        let counter = self.0.entry(key).or_default();
        if counter.expires_at <= now {
            *counter = Counter { counted_at: now, expires_at: now + WINDOW, ..Counter::default() };
        }
        if rule == Rule::Growing {
            (counter.counted_at, counter.expires_at, counter.grows) = (now, now + ACCOUNT_MEMORY, true);
        }
        counter.failures = counter.failures.saturating_add(1);
        counter.unsent = counter.unsent.saturating_add(1);
        counter.is_known |= is_known;
        counter.is_changed = true;
    }

    /// Drops counters when there is no room: expired ones, then those of unknown names and networks that expire first.
    fn make_room(&mut self, now: i64) {
        if self.0.len() < MAX_COUNTERS {
            return;
        }
        self.0.retain(|_, counter| counter.expires_at > now);
        if self.0.len() <= MAX_COUNTERS - MAKE_ROOM {
            return;
        }
        let mut order: Vec<_> =
            self.0.iter().map(|(key, counter)| (counter.is_known, counter.expires_at, *key)).collect();
        order.sort_unstable();
        for (_, _, key) in order.iter().take(MAKE_ROOM) {
            self.0.remove(key);
        }
    }

    /// Returns at most `most` changes that the database does not have, those with the most failures first.
    pub(super) fn take_changes(&mut self, most: usize, now: i64) -> Vec<CountedLogins> {
        let mut changed: Vec<_> = self.0.iter_mut().filter(|(_, counter)| counter.is_changed).collect();
        changed.sort_unstable_by_key(|(_, counter)| (!counter.is_known, std::cmp::Reverse(counter.unsent)));
        let take = |(key, counter): (&Key, &mut Counter)| {
            let failures = std::mem::take(&mut counter.unsent);
            counter.is_changed = false;
            let Counter { counted_at, expires_at, is_known, grows, .. } = *counter;
            let digest = key.to_vec();
            let row =
                LoginAttemptRow { digest, failures, counted_at, expires_at, is_known, changed_at: now, account: None };
            CountedLogins { row, grows }
        };
        changed.into_iter().take(most).map(take).collect()
    }

    /// Puts back changes that could not be written.
    pub(super) fn put_back(&mut self, changes: &[CountedLogins]) {
        for CountedLogins { row, .. } in changes {
            let counter = row.digest.as_slice().try_into().ok().and_then(|key: Key| self.0.get_mut(&key));
            if let Some(counter) = counter {
                counter.unsent = counter.unsent.saturating_add(row.failures);
                counter.is_changed = true;
            }
        }
    }

    /// Takes over a counter of the database, which has the failures of all nodes.
    pub(super) fn merge(&mut self, row: &LoginAttemptRow, now: i64) {
        let Ok(key) = Key::try_from(row.digest.as_slice()) else { return };
        self.make_room(now);
        let counter = self.0.entry(key).or_default();
        // A window that began here after that of the row had ended.
        if row.expires_at <= counter.counted_at {
            return;
        }
        counter.failures = row.failures.saturating_add(counter.unsent);
        counter.counted_at = counter.counted_at.max(row.counted_at);
        counter.expires_at = counter.expires_at.max(row.expires_at);
        counter.is_known |= row.is_known;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The delay after so many failures over the limit: a minute, doubled by each, up to an hour.
fn growing_delay(over: i32) -> i64 {
    let doublings = u32::try_from(over).unwrap_or(0).min(10);
    (WINDOW << doublings).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn key(number: usize) -> Key {
        let mut key = Key::default();
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn a_window_ends_a_minute_after_its_first_failure() {
        let mut counters = Counters::default();
        (0..3).for_each(|second| counters.add(key(1), Rule::Window, false, second * SECOND));
        let delay = |counters: &Counters, second| counters.delay(&key(1), Rule::Window, 3, second * SECOND);
        assert_eq!((delay(&counters, 10), delay(&counters, 60)), (Some(50 * SECOND), None));
        assert_eq!(delay(&counters, -1000), Some(60 * SECOND), "a clock that was set back");
        counters.add(key(1), Rule::Window, false, 61 * SECOND);
        assert_eq!(delay(&counters, 61), None);
    }

    #[test]
    fn the_delay_doubles_with_each_failure_up_to_an_hour() {
        let (mut counters, mut now) = (Counters::default(), 0);
        (0..3).for_each(|_| counters.add(key(1), Rule::Growing, true, now));
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            let delay = counters.delay(&key(1), Rule::Growing, 3, now);
            assert_eq!(delay, Some(minutes * 60 * SECOND));
            now += delay.unwrap_or_default();
            assert_eq!(counters.delay(&key(1), Rule::Growing, 3, now), None);
            counters.add(key(1), Rule::Growing, true, now);
        }
        now += ACCOUNT_MEMORY;
        counters.add(key(1), Rule::Growing, true, now);
        assert_eq!(counters.delay(&key(1), Rule::Growing, 3, now), None, "forgotten after a week");
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_drops_no_counter_of_an_account() {
        let mut counters = Counters::default();
        counters.add(key(0), Rule::Growing, true, 0);
        (1..200_000).for_each(|number| counters.add(key(number), Rule::Growing, false, 0));
        assert!(counters.len() <= MAX_COUNTERS);
        assert!(counters.delay(&key(0), Rule::Growing, 1, 0).is_some());
    }

    #[test]
    fn two_nodes_count_together_and_a_failed_write_loses_nothing() {
        let (mut here, mut there) = (Counters::default(), Counters::default());
        (0..2).for_each(|_| here.add(key(1), Rule::Window, false, 0));
        let changes = here.take_changes(9, 0);
        assert_eq!((changes.len(), changes[0].row.failures, here.take_changes(9, 0).len()), (1, 2, 0));
        here.put_back(&changes);
        let changes = here.take_changes(9, 0);
        there.add(key(1), Rule::Window, false, SECOND);
        there.merge(&changes[0].row, SECOND);
        assert!(there.delay(&key(1), Rule::Window, 3, SECOND).is_some());
        assert_eq!(there.take_changes(9, SECOND)[0].row.failures, 1, "its own alone");
    }
}
