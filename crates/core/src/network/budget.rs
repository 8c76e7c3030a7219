//! A bounded resource that the networks of callers share: one network gets no more than its part, so that it takes many to hold all
//! of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::counted_networks;

/// A number of units, and the part that one network may hold. Its clones are one budget.
#[derive(Clone, Debug)]
pub struct NetworkBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    total: usize,
    per_network: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    units: usize,
    by_network: HashMap<IpNet, usize>,
}

impl NetworkBudget {
    /// Creates a budget of `total` units, of which one network may hold `per_network`.
    pub fn new(total: usize, per_network: usize) -> Self {
        Self(Arc::new(Budget { total, per_network, held: Mutex::default() }))
    }

    /// Returns an empty share of the network of a source: the largest one that one subscriber may have.
    pub fn share(&self, source: IpAddr) -> Share {
        let network = counted_networks(source).last().unwrap_or_else(|| source.into());
        Share { budget: self.clone(), network, units: 0 }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one caller holds of a budget, until it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: NetworkBudget,
    network: IpNet,
    units: usize,
}

impl Share {
    /// Takes so many units more. Returns `false` if they are not there, or if the network has its part.
    pub fn grow(&mut self, units: usize) -> bool {
        let mut held = self.budget.held();
        let of_network = held.by_network.get(&self.network).copied().unwrap_or_default();
        if held.units + units > self.budget.0.total || of_network + units > self.budget.0.per_network {
            return false;
        }
        held.units += units;
        held.by_network.insert(self.network, of_network + units);
        self.units += units;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.units == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.units -= self.units;
        let of_network = held.by_network.remove(&self.network).unwrap_or_default() - self.units;
        if of_network > 0 {
            held.by_network.insert(self.network, of_network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_gets_its_part_and_all_is_given_back() {
        let budget = NetworkBudget::new(16, 4);
        let taken = |sources: &[String]| {
            let mut shares: Vec<_> = sources.iter().map(|source| budget.share(source.parse().unwrap())).collect();
            let grown = shares.iter_mut().filter_map(|share| share.grow(1).then_some(())).count();
            (shares, grown)
        };
        let many = |source: &dyn Fn(usize) -> String| (0..20).map(source).collect::<Vec<_>>();
        let neighbours = taken(&many(&|host| format!("10.0.0.{host}")));
        let customer = taken(&many(&|link| format!("2001:db8:1:{link}::1")));
        assert_eq!((neighbours.1, customer.1), (4, 4));
        let others = taken(&many(&|network| format!("10.1.{network}.1")));
        assert_eq!(others.1, 8, "the rest");
        drop(neighbours);
        assert!(budget.share("10.0.0.9".parse().unwrap()).grow(4));
        drop((customer, others));
        let held = budget.held();
        assert!(held.units == 0 && held.by_network.is_empty());
    }
}
