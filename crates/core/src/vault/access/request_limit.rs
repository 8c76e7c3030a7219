//! The limit on requests of one caller: an API client, an account, or a network without valid authentication.
//!
//! Requests are counted in the memory of a node, in windows of one minute of the wall clock: all windows end together, so an
//! expired count needs no time of its own and is dropped with the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::{Origin, check};
use crate::network::subscriber_network;
use crate::store::id::{AuthorizationId, IdentityId};
use crate::vault::Vault;
use crate::vault::operation::{Principal, Request};

/// The length of a window in seconds.
const WINDOW_SECONDS: i64 = 60;
/// Maximum number of callers in a window; further ones share one count.
const MAX_CALLERS: usize = 8192;

/// The reason in the audit log; stable.
const EXCEEDED: &str = "too-many-requests";

/// The state of a caller's window after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestWindow {
    /// The maximum number of requests in a window.
    pub limit: u32,
    /// The number of requests that are left in this window.
    pub remaining: u32,
    /// The end of the window.
    pub resets_at: DateTime<Utc>,
    /// Whether the counted request is over the limit.
    pub is_exceeded: bool,
}

/// The requests of this minute. Callers without valid authentication are counted apart: their number is not bounded, and they
/// must not push a client into the shared count.
#[derive(Default)]
pub(in crate::vault) struct RequestCounts {
    authenticated: Mutex<Counts<(&'static str, Authenticated)>>,
    unauthenticated: Mutex<Counts<(&'static str, IpNet)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Authenticated {
    Client(AuthorizationId),
    Account(IdentityId),
    /// The operator and the system.
    Local,
}

impl From<&Principal> for Authenticated {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Client(client) => Self::Client(client.id),
            Principal::Account(account) => Self::Account(account.identity),
            Principal::Operator | Principal::System => Self::Local,
        }
    }
}

/// Counts of one window.
struct Counts<K> {
    window: i64,
    counts: HashMap<K, u32>,
    /// The count of all callers beyond [`MAX_CALLERS`].
    others: u32,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { window: 0, counts: HashMap::new(), others: 0 }
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// Counts a request, and returns the state of the caller's window.
    fn add(&mut self, caller: K, limit: u32, now: DateTime<Utc>) -> RequestWindow {
        let window = now.timestamp().div_euclid(WINDOW_SECONDS);
        if window != self.window {
            *self = Self { window, ..Self::default() };
        }
        let is_full = self.counts.len() >= MAX_CALLERS && !self.counts.contains_key(&caller);
        let count = if is_full { &mut self.others } else { self.counts.entry(caller).or_insert(0) };
        *count = count.saturating_add(1);
        RequestWindow {
            limit,
            remaining: limit.saturating_sub(*count),
            resets_at: DateTime::from_timestamp((window + 1) * WINDOW_SECONDS, 0).unwrap_or(now),
            is_exceeded: *count > limit,
        }
    }
}

impl Vault {
    /// Counts an authenticated request against `limit` requests a minute in the family of its origin. A request over the limit
    /// is counted for the audit log, merged with others.
    ///
    /// A request from an origin that its client is not allowed is counted by the network of its source: whoever has stolen a token
    /// must not use up the requests of its owner.
    pub fn count_request(&self, request: &Request, limit: u32) -> RequestWindow {
        let (origin, now) = (request.origin(), self.0.clock.now());
        if !check::is_admitted(request.principal(), origin) {
            return self.count_unauthenticated(origin, limit);
        }
        let caller = (origin.family, request.principal().into());
        let counts = &self.0.requests.authenticated;
        let window = counts.lock().unwrap_or_else(PoisonError::into_inner).add(caller, limit, now);
        self.note_excess(window, origin, request.principal().actor());
        window
    }

    /// As [`Vault::count_request`], for a request without valid authentication, by the network of its source.
    pub fn count_unauthenticated(&self, origin: &Origin, limit: u32) -> RequestWindow {
        let caller = (origin.family, subscriber_network(origin.source));
        let (counts, now) = (&self.0.requests.unauthenticated, self.0.clock.now());
        let window = counts.lock().unwrap_or_else(PoisonError::into_inner).add(caller, limit, now);
        self.note_excess(window, origin, "");
        window
    }

    fn note_excess(&self, window: RequestWindow, origin: &Origin, caller: &str) {
        if window.is_exceeded {
            self.0.failures.add(origin, caller, EXCEEDED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_window_ends_at_its_minute() {
        let mut counts = Counts::default();
        for (second, remaining, is_exceeded) in [(61, 1, false), (119, 0, false), (119, 0, true), (120, 1, false)] {
            let window = counts.add("a", 2, at(second));
            assert_eq!((window.remaining, window.is_exceeded), (remaining, is_exceeded), "{second}");
            assert_eq!(window.resets_at, at(if second < 120 { 120 } else { 180 }));
        }
        // A clock that was set back begins a window too.
        assert_eq!(counts.add("a", 2, at(61)).remaining, 1);
    }

    #[test]
    fn callers_are_counted_apart_and_in_bounded_memory() {
        let mut counts = Counts::default();
        for caller in 0..MAX_CALLERS {
            assert_eq!(counts.add(caller, 2, at(0)).remaining, 1);
        }
        for further in 0..3 {
            let window = counts.add(MAX_CALLERS + further, 2, at(0));
            assert_eq!(window.is_exceeded, further == 2);
        }
        assert_eq!(counts.counts.len(), MAX_CALLERS);
        assert_eq!(counts.add(7, 2, at(0)).remaining, 0);
        assert_eq!(counts.add(MAX_CALLERS, 2, at(60)).remaining, 1);
    }
}
