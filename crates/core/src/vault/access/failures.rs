//! Failed authentications and requests over a limit, merged by network, family, name and reason, and recorded once a second, in
//! a limited number of records a minute, so that a flood fills neither the log nor the memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::Origin;
use crate::network::subscriber_network;

/// Maximum number of entries between two records; further failures are counted together under 0.0.0.0, by family
/// and reason alone.
const MAX_ENTRIES: usize = 4096;
/// Maximum number of records in a minute.
const MAX_RECORDS: usize = 512;

/// The failures since the last record.
#[derive(Default)]
pub(in crate::vault) struct Failures(Mutex<HashMap<Key, Count>>, Mutex<Budget>);

/// The records of a minute.
#[derive(Default)]
struct Budget {
    minute: i64,
    spent: usize,
}

impl Budget {
    /// Returns how many records this minute has left.
    fn left(&mut self, now: DateTime<Utc>) -> usize {
        let minute = now.timestamp().div_euclid(60);
        if minute != self.minute {
            *self = Self { minute, spent: 0 };
        }
        MAX_RECORDS.saturating_sub(self.spent)
    }

    fn spend(&mut self, records: usize) {
        self.spent += records;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    network: IpNet,
    family: &'static str,
    tried: String,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// The source; `None` for several sources.
    source: Option<IpAddr>,
    times: i32,
}

/// Failures of one network with the same family, tried name and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vault) struct MergedFailure {
    /// The source address, or the network of several.
    pub(in crate::vault) source: String,
    /// The protocol family of the requests.
    pub(in crate::vault) family: &'static str,
    /// The tried client id or account, if it exists; otherwise empty.
    pub(in crate::vault) tried: String,
    pub(in crate::vault) reason: &'static str,
    pub(in crate::vault) times: i32,
    network: IpNet,
    single: Option<IpAddr>,
}

/// Keeps about `most` counts, of names that exist before others and those with most failures first, and merges the rest by
/// larger networks, or by family and reason alone if these are as many.
fn merged_further(counts: HashMap<Key, Count>, most: usize) -> HashMap<Key, Count> {
    let mut ordered: Vec<(Key, Count)> = counts.into_iter().collect();
    ordered.sort_unstable_by_key(|(key, count)| (key.tried.is_empty(), std::cmp::Reverse(count.times)));
    let rest = ordered.split_off(most.min(ordered.len()));
    let by = |network: fn(IpNet) -> IpNet| {
        let mut merged = HashMap::new();
        for (key, count) in &rest {
            let key = Key { network: network(key.network), tried: String::new(), ..key.clone() };
            let source = Some(anywhere().addr()).filter(|_| key.network == anywhere());
            add_count(&mut merged, key, Count { source, ..*count });
        }
        merged
    };
    let larger = by(larger_network);
    let mut merged = if larger.len() > most { by(|_| anywhere()) } else { larger };
    for (key, count) in ordered {
        add_count(&mut merged, key, count);
    }
    merged
}

fn add_count(counts: &mut HashMap<Key, Count>, key: Key, more: Count) {
    let count = counts.entry(key).or_insert(Count { times: 0, ..more });
    count.source = count.source.filter(|source| Some(*source) == more.source);
    count.times = count.times.saturating_add(more.times);
}

/// The /16 of an IPv4 network, the /48 of an IPv6 network.
fn larger_network(network: IpNet) -> IpNet {
    let prefix = if network.addr().is_ipv4() { 16 } else { 48 };
    IpNet::new(network.addr(), prefix.min(network.prefix_len())).map_or(network, |network| network.trunc())
}

fn anywhere() -> IpNet {
    IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()
}

impl Failures {
    /// Counts a failure of `tried` from `origin`.
    pub(in crate::vault) fn add(&self, origin: &Origin, tried: &str, reason: &'static str) {
        let (network, family) = (subscriber_network(origin.source), origin.family);
        self.merge(
            Key { network, family, tried: tried.into(), reason },
            Count { source: Some(origin.source), times: 1 },
        );
    }

    fn merge(&self, key: Key, more: Count) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= MAX_ENTRIES && !counts.contains_key(&key);
        let (key, more) = if full {
            let key = Key { network: anywhere(), tried: String::new(), ..key };
            (key, Count { source: Some(anywhere().addr()), ..more })
        } else {
            (key, more)
        };
        add_count(&mut counts, key, more);
    }

    /// Removes and returns the counted failures for the audit log, in at most as many records as this minute has left. Beyond
    /// half of them, failures are merged further, and without the name that was tried. In a minute without records left, they
    /// are kept, unless `all` is set.
    pub(in crate::vault) fn take(&self, now: DateTime<Utc>, all: bool) -> Vec<MergedFailure> {
        let left = self.1.lock().unwrap_or_else(PoisonError::into_inner).left(now);
        let left = if all { left.max(MAX_RECORDS / 2) } else { left };
        if left == 0 {
            return Vec::new();
        }
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let counts = if counts.len() > left { merged_further(counts, left / 2) } else { counts };
        let merged = |(key, count): (Key, Count)| MergedFailure {
            source: count.source.map_or_else(|| key.network.to_string(), |source| source.to_string()),
            family: key.family,
            tried: key.tried,
            reason: key.reason,
            times: count.times,
            network: key.network,
            single: count.source,
        };
        let taken: Vec<_> = counts.into_iter().map(merged).collect();
        self.1.lock().unwrap_or_else(PoisonError::into_inner).spend(taken.len());
        taken
    }

    /// Puts back failures that could not be recorded.
    pub(in crate::vault) fn put_back(&self, failures: Vec<MergedFailure>) {
        for failure in failures {
            let MergedFailure { network, family, tried, reason, .. } = failure;
            let key = Key { network, family, tried, reason };
            self.merge(key, Count { source: failure.single, times: failure.times });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn from(number: u32) -> Origin {
        Origin { source: IpAddr::V4(Ipv4Addr::from(number)), ..Origin::local() }
    }

    #[test]
    fn failures_of_one_network_are_merged_and_named_by_it() {
        let failures = Failures::default();
        (0..3).for_each(|_| failures.add(&from(1), "a", "wrong-secret"));
        let taken = failures.take(at(0), false);
        assert_eq!((taken[0].source.as_str(), taken[0].times, taken.len()), ("0.0.0.1", 3, 1));
        (1..5).for_each(|number| failures.add(&from(number), "a", "wrong-secret"));
        failures.add(&from(1), "b", "wrong-secret");
        let mut taken = failures.take(at(0), false);
        taken.sort_by(|a, b| a.tried.cmp(&b.tried));
        assert_eq!((taken[0].source.as_str(), taken[0].times), ("0.0.0.0/24", 4));
        assert_eq!((taken[1].source.as_str(), taken[1].tried.as_str()), ("0.0.0.1", "b"));
        failures.put_back(taken.clone());
        let mut again = failures.take(at(0), false);
        again.sort_by(|a, b| a.tried.cmp(&b.tried));
        assert_eq!(again, taken);
    }

    #[test]
    fn failures_of_two_families_are_recorded_apart() {
        let failures = Failures::default();
        for family in ["pam", "ccp", "ccp"] {
            failures.add(&Origin { family, ..from(1) }, "a", "wrong-secret");
        }
        let mut taken = failures.take(at(0), false);
        taken.sort_by_key(|failure| failure.times);
        assert_eq!(
            taken.iter().map(|failure| (failure.family, failure.times)).collect::<Vec<_>>(),
            [("pam", 1), ("ccp", 2)]
        );
        failures.put_back(taken.clone());
        let mut again = failures.take(at(0), false);
        again.sort_by_key(|failure| failure.times);
        assert_eq!(again, taken);
    }

    #[test]
    fn a_storm_is_bounded_in_records_a_minute_and_loses_no_count() {
        let failures = Failures::default();
        failures.add(&from(1), "known", "wrong-secret");
        let storm = || (0..120_000).for_each(|number| failures.add(&from(number * 256), "", "wrong-secret"));
        let (mut records, mut times) = (0, 0);
        for second in 0..10 {
            storm();
            let taken = failures.take(at(second), false);
            assert!(second > 0 || taken.iter().any(|failure| failure.tried == "known"));
            records += taken.len();
            times += taken.iter().map(|failure| i64::from(failure.times)).sum::<i64>();
        }
        assert!((100..=MAX_RECORDS + 2).contains(&records), "{records}");
        for rest in [failures.take(at(30), true), failures.take(at(60), false)] {
            times += rest.iter().map(|failure| i64::from(failure.times)).sum::<i64>();
        }
        assert_eq!(times, 10 * 120_000 + 1);
    }

    #[test]
    fn beyond_its_records_a_flood_is_named_by_larger_networks() {
        let failures = Failures::default();
        (0..1000).for_each(|number| failures.add(&from(0x0a00_0000 | (number % 4) << 16 | (number / 4) << 8), "", "x"));
        let taken = failures.take(at(0), false);
        let large: Vec<_> = taken.iter().filter(|failure| failure.source.ends_with("/16")).collect();
        assert_eq!((taken.len(), large.len()), (MAX_RECORDS / 2 + 4, 4), "{large:?}");
    }
}
