//! Limit on failed attempts to authenticate by AppID, for each source, on this node.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::password::network;

/// The time in which failures are counted together.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// How long a proven AppID is let in from its source, however many other attempts fail there.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// The most sources, and the most proven AppIDs, that are kept.
const MAX_KEPT: usize = 65_536;

/// Failed attempts by source, and AppIDs that were proven.
#[derive(Default)]
pub(in crate::vault) struct AppIdAttempts(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    failed: HashMap<IpAddr, (DateTime<Utc>, u32)>,
    proven: HashMap<(IpAddr, [u8; 32]), DateTime<Utc>>,
}

impl AppIdAttempts {
    /// Counts an attempt. Returns whether it is let in, if it is proven, or is told as it failed.
    ///
    /// A source with `limit` failures in a minute tries AppIDs out: then only those are let in that were proven from there
    /// before. So nobody at the same address can lock them out.
    pub(super) fn admits(&self, source: IpAddr, app_id: &str, is_proven: bool, limit: u32, now: DateTime<Utc>) -> bool {
        let source = network(source);
        let key = (source, Sha256::digest(app_id).into());
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = attempts.proven.get(&key).is_some_and(|at| now - *at < REMEMBERED);
        let failures =
            attempts.failed.get(&source).filter(|(since, _)| now - *since < WINDOW).map_or(0, |(_, count)| *count);
        let is_limited = failures >= limit && !(is_known && is_proven);
        if is_proven && !is_limited {
            make_room(&mut attempts.proven, |at| now - *at < REMEMBERED);
            attempts.proven.insert(key, now);
        } else {
            make_room(&mut attempts.failed, |(since, _)| now - *since < WINDOW);
            let count = attempts.failed.entry(source).or_insert((now, 0));
            *count = if now - count.0 < WINDOW { (count.0, count.1.saturating_add(1)) } else { (now, 1) };
        }
        !is_limited
    }
}

/// Drops what is outdated when a map is full, or everything: it must not grow.
fn make_room<K, V>(map: &mut HashMap<K, V>, is_current: impl Fn(&V) -> bool) {
    if map.len() >= MAX_KEPT {
        map.retain(|_, value| is_current(value));
    }
    if map.len() >= MAX_KEPT {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;

    #[test]
    fn a_source_that_tries_app_ids_out_is_limited_and_locks_out_no_program_that_worked() {
        let attempts = AppIdAttempts::default();
        let (source, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = from_micros(0);
        assert!(attempts.admits(source, "erp", true, 3, now));
        for number in 0..3 {
            assert!(attempts.admits(source, &format!("guess {number}"), false, 3, now));
        }
        assert!(!attempts.admits(source, "guess", false, 3, now), "limited");
        assert!(!attempts.admits(source, "guessed", true, 3, now), "a right guess too");
        assert!(attempts.admits(source, "erp", true, 3, now), "known from here");
        assert!(!attempts.admits(source, "erp", false, 3, now), "and only while it is proven");
        assert!(attempts.admits(other, "guessed", true, 3, now));
        assert!(attempts.admits(source, "guessed", true, 3, now + WINDOW));
    }
}
