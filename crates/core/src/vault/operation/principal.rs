//! Principals: API clients, accounts, the operator at the command line, and the system itself.

use std::sync::Arc;

use crate::store::Lane;
use crate::store::id::{AuthorizationId, IdentityId};
use crate::vault::access::{Account, Client, Rights};

/// The principal of a request.
#[derive(Clone, Debug)]
pub enum Principal {
    /// An API client with an access token.
    Client(Arc<Client>),
    /// An identity that authenticated with a password.
    Account(Arc<Account>),
    /// The person at the command line, who holds the data directory and its root key.
    Operator,
    /// Background work.
    System,
}

impl Principal {
    /// The actor in the audit log.
    pub fn actor(&self) -> &str {
        match self {
            Principal::Client(client) => &client.client_id,
            Principal::Account(account) => &account.name,
            Principal::Operator => "command-line",
            Principal::System => "system",
        }
    }

    /// The id of the client's authorization; `None` for other principals.
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Principal::Client(client) => Some(client.id),
            Principal::Account(_) | Principal::Operator | Principal::System => None,
        }
    }

    /// The id of the account's identity; `None` for other principals.
    pub fn identity(&self) -> Option<IdentityId> {
        match self {
            Principal::Account(account) => Some(account.identity),
            Principal::Client(_) | Principal::Operator | Principal::System => None,
        }
    }

    /// The permissions that roles grant the principal; `None` for principals that need no role.
    pub fn rights(&self) -> Option<&Rights> {
        match self {
            Principal::Client(client) => Some(&client.rights),
            Principal::Account(account) => Some(&account.rights),
            Principal::Operator | Principal::System => None,
        }
    }

    /// The lane of the fair queue for the principal's jobs.
    pub(in crate::vault) fn lane(&self) -> Lane {
        match self {
            Principal::Client(client) => Lane::Client(client.id),
            Principal::Account(account) => Lane::Account(account.identity),
            Principal::Operator => Lane::Operator,
            Principal::System => Lane::System,
        }
    }

    /// Whether the principal's requests come over the network.
    pub(in crate::vault) fn is_remote(&self) -> bool {
        matches!(self, Principal::Client(_) | Principal::Account(_))
    }
}
