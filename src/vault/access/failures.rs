//! Failed authentications and requests over a limit, merged by network, family, name and reason, and recorded once a second, so
//! that a flood fills neither the log nor the memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use super::Origin;
use crate::network::subscriber_network;

/// Maximum number of entries between two records; further failures are counted together under 0.0.0.0, by family
/// and reason alone.
const MAX_ENTRIES: usize = 4096;

/// The failures since the last record.
#[derive(Default)]
pub(in crate::vault) struct Failures(Mutex<HashMap<Key, Count>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    network: ipnet::IpNet,
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
    network: ipnet::IpNet,
    single: Option<IpAddr>,
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
            let anywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            let key = Key { network: anywhere.into(), tried: String::new(), ..key };
            (key, Count { source: Some(anywhere), ..more })
        } else {
            (key, more)
        };
        let count = counts.entry(key).or_insert(Count { times: 0, ..more });
        count.source = count.source.filter(|source| Some(*source) == more.source);
        count.times = count.times.saturating_add(more.times);
    }

    /// Removes and returns the counted failures.
    pub(in crate::vault) fn take(&self) -> Vec<MergedFailure> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let merged = |(key, count): (Key, Count)| MergedFailure {
            source: count.source.map_or_else(|| key.network.to_string(), |source| source.to_string()),
            family: key.family,
            tried: key.tried,
            reason: key.reason,
            times: count.times,
            network: key.network,
            single: count.source,
        };
        counts.into_iter().map(merged).collect()
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

    fn from(number: u32) -> Origin {
        Origin { source: IpAddr::V4(Ipv4Addr::from(number)), ..Origin::local() }
    }

    #[test]
    fn failures_of_one_network_are_merged_and_named_by_it() {
        let failures = Failures::default();
        (0..3).for_each(|_| failures.add(&from(1), "a", "wrong-secret"));
        let taken = failures.take();
        assert_eq!((taken[0].source.as_str(), taken[0].times, taken.len()), ("0.0.0.1", 3, 1));
        (1..5).for_each(|number| failures.add(&from(number), "a", "wrong-secret"));
        failures.add(&from(1), "b", "wrong-secret");
        let mut taken = failures.take();
        taken.sort_by(|a, b| a.tried.cmp(&b.tried));
        assert_eq!((taken[0].source.as_str(), taken[0].times), ("0.0.0.0/24", 4));
        assert_eq!((taken[1].source.as_str(), taken[1].tried.as_str()), ("0.0.0.1", "b"));
        failures.put_back(taken.clone());
        let mut again = failures.take();
        again.sort_by(|a, b| a.tried.cmp(&b.tried));
        assert_eq!(again, taken);
    }

    #[test]
    fn failures_of_two_families_are_recorded_apart() {
        let failures = Failures::default();
        for family in ["pam", "ccp", "ccp"] {
            failures.add(&Origin { family, ..from(1) }, "a", "wrong-secret");
        }
        let mut taken = failures.take();
        taken.sort_by_key(|failure| failure.times);
        assert_eq!(
            taken.iter().map(|failure| (failure.family, failure.times)).collect::<Vec<_>>(),
            [("pam", 1), ("ccp", 2)]
        );
        failures.put_back(taken.clone());
        let mut again = failures.take();
        again.sort_by_key(|failure| failure.times);
        assert_eq!(again, taken);
    }

    #[test]
    fn a_storm_is_bounded_and_loses_no_count() {
        let failures = Failures::default();
        (0..10_000).for_each(|number| failures.add(&from(number * 256), "", "wrong-secret"));
        let taken = failures.take();
        assert_eq!(taken.len(), MAX_ENTRIES + 1);
        assert_eq!(taken.iter().map(|failure| failure.times).sum::<i32>(), 10_000);
    }
}
