//! Age of the grants in memory. A node that cannot check for revocations refuses requests: it fails closed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::vault::operation::Principal;
use crate::vault::{Dependency, Inner, VaultError};

/// Maximum age of the grants in memory.
const MAX_AGE: Duration = Duration::from_secs(3);

/// Monotonic time of the last check that found the grants current, in microseconds.
pub(in crate::vault) struct Freshness(AtomicU64);

impl Freshness {
    /// Freshness of grants that are current now.
    pub(in crate::vault) fn new(clock: &Clock) -> Self {
        Self(AtomicU64::new(micros(clock.monotonic())))
    }

    /// Notes that the grants were current at `looked_at`, the monotonic time before the database query.
    pub(in crate::vault) fn note(&self, looked_at: Duration) {
        self.0.fetch_max(micros(looked_at), Ordering::SeqCst);
    }

    /// The age of the grants in memory.
    pub(in crate::vault) fn age(&self, clock: &Clock) -> Duration {
        clock.monotonic().saturating_sub(Duration::from_micros(self.0.load(Ordering::SeqCst)))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Inner {
    /// Refuses a remote principal while the grants in memory are too old, or the clock is wrong.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub(in crate::vault) fn require_fresh_grants(&self, principal: &Principal) -> Result<(), VaultError> {
        if principal.is_remote() { self.require_current() } else { Ok(()) }
    }

    /// Refuses while the grants in memory are too old, or the clock is wrong.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub(in crate::vault) fn require_current(&self) -> Result<(), VaultError> {
        if !self.is_clock_right() {
            return Err(VaultError::Unavailable(Dependency::Clock));
        }
        if self.are_grants_fresh() { Ok(()) } else { Err(VaultError::Unavailable(Dependency::Grants)) }
    }

    /// Whether the clock of this machine agrees with that of the database.
    pub(in crate::vault) fn is_clock_right(&self) -> bool {
        self.clock.is_right()
    }

    /// Whether the grants in memory are fresh enough for a decision.
    pub(in crate::vault) fn are_grants_fresh(&self) -> bool {
        self.freshness.age(&self.clock) <= MAX_AGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;

    #[test]
    fn the_age_counts_from_before_the_look_and_never_runs_backwards() {
        let clock = Clock::fixed(from_micros(0));
        let freshness = Freshness::new(&clock);
        clock.advance_monotonic(Duration::from_secs(2));
        let looked_at = clock.monotonic();
        clock.advance_monotonic(Duration::from_secs(1));
        assert_eq!(freshness.age(&clock), Duration::from_secs(3));
        freshness.note(looked_at);
        assert_eq!(freshness.age(&clock), Duration::from_secs(1));
        freshness.note(Duration::ZERO);
        assert_eq!(freshness.age(&clock), Duration::from_secs(1));
    }
}
