//! The memory that request bodies may take together, so that slow clients cannot gather bodies in it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use crate::network::counted_networks;

/// The least memory for the bodies of authenticated requests.
const AUTHENTICATED: usize = 64 << 20;
/// The least memory for bodies that are read before the request is authenticated.
const UNAUTHENTICATED: usize = 16 << 20;

/// The budgets of a server.
pub(super) struct BodyBudgets {
    authenticated: Arc<BodyBudget>,
    unauthenticated: Arc<BodyBudget>,
}

impl BodyBudgets {
    /// Creates the budgets for bodies of at most so many bytes.
    pub(super) fn new(max_body_bytes: usize) -> Self {
        // A network may have half, which holds one body at least.
        let budget = |least: usize| Arc::new(BodyBudget::new(least.max(max_body_bytes.saturating_mul(2))));
        Self { authenticated: budget(AUTHENTICATED), unauthenticated: budget(UNAUTHENTICATED) }
    }

    /// Returns the share of a body.
    pub(super) fn share(&self, is_authenticated: bool, source: IpAddr) -> Share {
        let budget = if is_authenticated { &self.authenticated } else { &self.unauthenticated };
        // The largest network that one subscriber may have.
        let network = counted_networks(source).last().unwrap_or_else(|| source.into());
        Share { budget: Arc::clone(budget), network, bytes: 0 }
    }
}

struct BodyBudget {
    total: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    by_network: HashMap<IpNet, usize>,
}

impl BodyBudget {
    fn new(total: usize) -> Self {
        Self { total, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body holds of a budget, until it is dropped.
pub(super) struct Share {
    budget: Arc<BodyBudget>,
    network: IpNet,
    bytes: usize,
}

impl Share {
    /// Takes so many bytes more. Returns `false` if they are not there, or if the network of the source has half of all.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let mut held = self.budget.held();
        let of_network = held.by_network.get(&self.network).copied().unwrap_or_default();
        if held.bytes + bytes > self.budget.total || of_network + bytes > self.budget.total / 2 {
            return false;
        }
        held.bytes += bytes;
        held.by_network.insert(self.network, of_network + bytes);
        self.bytes += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.bytes -= self.bytes;
        let of_network = held.by_network.remove(&self.network).unwrap_or_default() - self.bytes;
        if of_network > 0 {
            held.by_network.insert(self.network, of_network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_gets_half_and_all_get_the_rest_back() {
        let budgets = BodyBudgets::new(1 << 20);
        let share = |source: &str| budgets.share(false, source.parse().unwrap());
        let mut bodies: Vec<_> = (0..20).map(|host| share(&format!("10.0.0.{host}"))).collect();
        assert_eq!(bodies.iter_mut().filter_map(|body| body.grow(1 << 20).then_some(())).count(), 8);
        let mut others: Vec<_> = (0..20).map(|network| share(&format!("10.1.{network}.1"))).collect();
        assert_eq!(others.iter_mut().filter_map(|body| body.grow(1 << 20).then_some(())).count(), 8);
        assert!(budgets.share(true, "10.0.0.1".parse().unwrap()).grow(1 << 20), "apart");
        drop(bodies);
        assert!(share("10.0.0.9").grow(1 << 20));
        drop(others);
        let held = budgets.unauthenticated.held();
        assert!(held.bytes == 0 && held.by_network.is_empty());
    }

    #[test]
    fn a_network_may_send_the_largest_body() {
        assert!(BodyBudgets::new(1 << 30).share(true, "10.0.0.1".parse().unwrap()).grow(1 << 30));
    }
}
