//! The places from which accounts have logged in: a bounded number for each account, so that one that logs in from everywhere
//! takes neither the places of others nor the room of counters.

use std::collections::HashMap;

use super::counters::Key;
use crate::store::login_attempt::{CountedLogins, LoginAttemptRow};

/// How long a place is known, in microseconds.
const MEMORY: i64 = 30 * 24 * 3600 * 1_000_000;
/// A known place is written again when this much of its time has passed.
const RENEWAL: i64 = 24 * 3600 * 1_000_000;
/// The most places of an account; the one that expires first makes room.
pub(in crate::vault) const MAX_PLACES: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Place {
    expires_at: i64,
    is_changed: bool,
}

/// The places by account.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<Key, HashMap<Key, Place>>);

impl Places {
    /// Whether a place of an account is known.
    pub(super) fn knows(&self, account: &Key, place: &Key, now: i64) -> bool {
        self.0.get(account).and_then(|places| places.get(place)).is_some_and(|place| place.expires_at > now)
    }

    /// Remembers a place of an account.
    pub(super) fn remember(&mut self, account: Key, place: Key, now: i64) {
        self.insert(account, place, Place { expires_at: now + MEMORY, is_changed: true }, now);
    }

    /// Takes over a place of the database.
    pub(super) fn merge(&mut self, row: &LoginAttemptRow, now: i64) {
        let account = row.account.as_deref().and_then(|account| account.try_into().ok());
        if let (Some(account), Ok(place)) = (account, row.digest.as_slice().try_into()) {
            self.insert(account, place, Place { expires_at: row.expires_at, is_changed: false }, now);
        }
    }

    fn insert(&mut self, account: Key, place: Key, new: Place, now: i64) {
        let places = self.0.entry(account).or_default();
        // A renewal is worth a write once a day.
        let worth = if new.is_changed { RENEWAL } else { 1 };
        if places.get(&place).is_some_and(|known| new.expires_at - known.expires_at < worth) {
            return;
        }
        places.insert(place, new);
        if places.len() > MAX_PLACES {
            places.retain(|_, place| place.expires_at > now);
        }
        while places.len() > MAX_PLACES
            && let Some(first) = places.iter().min_by_key(|(key, place)| (place.expires_at, **key)).map(|(key, _)| *key)
        {
            places.remove(&first);
        }
    }

    /// Drops what has expired.
    pub(super) fn prune(&mut self, now: i64) {
        self.0.retain(|_, places| {
            places.retain(|_, place| place.expires_at > now);
            !places.is_empty()
        });
    }

    /// Returns at most `most` places that the database does not have.
    pub(super) fn take_changes(&mut self, most: usize, now: i64) -> Vec<CountedLogins> {
        let all = self.0.iter_mut().flat_map(|(account, places)| places.iter_mut().map(move |place| (account, place)));
        let take = |(account, (key, place)): (&Key, (&Key, &mut Place))| {
            place.is_changed = false;
            let row = LoginAttemptRow {
                digest: key.to_vec(),
                failures: 0,
                counted_at: place.expires_at - MEMORY,
                expires_at: place.expires_at,
                is_known: true,
                changed_at: now,
                account: Some(account.to_vec()),
            };
            CountedLogins { row, grows: true }
        };
        all.filter(|(_, (_, place))| place.is_changed).take(most).map(take).collect()
    }

    /// Puts back a change that could not be written.
    pub(super) fn put_back(&mut self, row: &LoginAttemptRow) {
        let account = row.account.as_deref().and_then(|account| Key::try_from(account).ok());
        let places = account.and_then(|account| self.0.get_mut(&account));
        let place = places.and_then(|places| places.get_mut(&Key::try_from(row.digest.as_slice()).ok()?));
        if let Some(place) = place {
            place.is_changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        let mut key = Key::default();
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn a_place_is_remembered_and_written_once_a_day() {
        let (mut places, account) = (Places::default(), key(0));
        places.remember(account, key(1), 0);
        assert!(places.knows(&account, &key(1), MEMORY - 1) && !places.knows(&account, &key(1), MEMORY));
        let changes = places.take_changes(9, 0);
        assert_eq!((changes.len(), places.take_changes(9, 0).len()), (1, 0));
        places.put_back(&changes[0].row);
        assert_eq!(places.take_changes(9, 0), changes);
        places.remember(account, key(1), RENEWAL - 1);
        assert_eq!(places.take_changes(9, 0).len(), 0);
        places.remember(account, key(1), RENEWAL);
        assert_eq!(places.take_changes(9, 0).len(), 1);
        let mut other_node = Places::default();
        other_node.merge(&changes[0].row, 0);
        assert!(other_node.knows(&account, &key(1), 0) && other_node.take_changes(9, 0).is_empty());
        other_node.prune(MEMORY);
        assert!(other_node.0.is_empty());
    }

    #[test]
    fn an_account_has_so_many_places_and_takes_none_of_another() {
        let mut places = Places::default();
        places.remember(key(1), key(0), 0);
        (0..100_000).for_each(|number| places.remember(key(2), key(number), i64::try_from(number).unwrap()));
        assert!(places.knows(&key(1), &key(0), 1));
        assert_eq!(places.0[&key(2)].len(), MAX_PLACES);
        assert!(places.knows(&key(2), &key(99_999), 100_000) && !places.knows(&key(2), &key(0), 1));
    }
}
