//! The memory that request bodies may take together, so that slow clients cannot gather bodies in it.

use std::net::IpAddr;

use crate::network::{NetworkBudget, Share};

/// The least memory for the bodies of authenticated requests.
const AUTHENTICATED: usize = 64 << 20;
/// The number of networks that it takes to hold it.
const AUTHENTICATED_NETWORKS: usize = 2;
/// The least memory for bodies that are read before the request is authenticated.
const UNAUTHENTICATED: usize = 16 << 20;
/// The number of networks that it takes to hold it.
const UNAUTHENTICATED_NETWORKS: usize = 16;

/// The budgets of a server, in bytes.
pub(super) struct BodyBudgets {
    authenticated: NetworkBudget,
    unauthenticated: NetworkBudget,
}

impl BodyBudgets {
    /// Creates the budgets for bodies of at most so many bytes.
    pub(super) fn new(max_body_bytes: usize) -> Self {
        let budget = |least: usize, networks: usize| {
            let total = least.max(max_body_bytes.saturating_mul(2));
            // One body of the largest size at least.
            NetworkBudget::new(total, (total / networks).max(max_body_bytes))
        };
        Self {
            authenticated: budget(AUTHENTICATED, AUTHENTICATED_NETWORKS),
            unauthenticated: budget(UNAUTHENTICATED, UNAUTHENTICATED_NETWORKS),
        }
    }

    /// Returns the share of a body.
    pub(super) fn share(&self, is_authenticated: bool, source: IpAddr) -> Share {
        let budget = if is_authenticated { &self.authenticated } else { &self.unauthenticated };
        budget.share(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budgets: &BodyBudgets, is_authenticated: bool, source: &str) -> Share {
        budgets.share(is_authenticated, source.parse().unwrap())
    }

    #[test]
    fn a_network_gets_half_of_the_authenticated_memory_and_a_sixteenth_of_the_other() {
        let budgets = BodyBudgets::new(256 << 10);
        for (is_authenticated, part) in [(true, 32 << 20), (false, 1 << 20)] {
            assert!(!share(&budgets, is_authenticated, "10.0.0.1").grow(part + 1));
            assert!(share(&budgets, is_authenticated, "10.0.0.1").grow(part));
        }
    }

    #[test]
    fn a_network_may_send_the_largest_body() {
        for is_authenticated in [true, false] {
            assert!(share(&BodyBudgets::new(1 << 30), is_authenticated, "10.0.0.1").grow(1 << 30));
        }
    }
}
