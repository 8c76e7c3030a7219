//! Failed authentications, merged per source and reason until they are recorded, once a second: a storm of them must
//! not flood the log, nor the memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

/// Beyond so many sources in one second, the rest are counted together under 0.0.0.0.
const MOST_SOURCES: usize = 4096;

/// The failures since the last record.
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<(IpAddr, &'static str), i32>>);

impl Failures {
    /// Counts a failure.
    pub(super) fn add(&self, source: IpAddr, reason: &'static str) {
        self.add_many(source, reason, 1);
    }

    fn add_many(&self, source: IpAddr, reason: &'static str, times: i32) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= MOST_SOURCES && !counts.contains_key(&(source, reason));
        let source = if full { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { source };
        let count = counts.entry((source, reason)).or_default();
        *count = count.saturating_add(times);
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> Vec<(IpAddr, &'static str, i32)> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        counts.into_iter().map(|((source, reason), times)| (source, reason, times)).collect()
    }

    /// Puts back what could not be recorded.
    pub(super) fn put_back(&self, counted: Vec<(IpAddr, &'static str, i32)>) {
        for (source, reason, times) in counted {
            self.add_many(source, reason, times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_failures_are_one_and_a_storm_is_bounded() {
        let failures = Failures::default();
        let source = |number: u32| IpAddr::V4(Ipv4Addr::from(number));
        (0..3).for_each(|_| failures.add(source(1), "wrong-secret"));
        assert_eq!(failures.take(), [(source(1), "wrong-secret", 3)]);
        assert!(failures.take().is_empty());
        (1..10_001).for_each(|number| failures.add(source(number), "wrong-secret"));
        let taken = failures.take();
        assert!(taken.len() <= MOST_SOURCES + 1);
        assert_eq!(taken.iter().map(|(_, _, times)| times).sum::<i32>(), 10_000);
    }
}
