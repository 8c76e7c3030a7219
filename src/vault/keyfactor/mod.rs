//! The rules of the Keyfactor families: PAM providers with their types and local entries, security identities, roles
//! (contract: the Keyfactor families).
//!
//! Every call first needs its permission, then the thing that it is about: who may not touch provider 5 does not learn
//! whether there is one.

pub mod administration;
pub mod entry;
pub mod filter;
pub mod granted;
pub mod identity;
pub mod listing;
pub mod permission;
pub mod provider;
pub mod provider_type;
pub mod role;
pub mod values;

mod action;
mod error;
mod input;

pub(super) mod password;
pub(super) mod signature;

pub use action::KeyfactorAction;
pub use error::KeyfactorError;

use super::{Action, Call, Vault, VaultError, Work};
use permission::{Permission, Verb};

/// The generation of the API that a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// With areas and containers; what is spoken when nothing is said.
    One,
    /// Without.
    Two,
}

impl Vault {
    /// Records that a caller has asked which endpoints there are, which needs no permission.
    pub async fn note_endpoint_list(&self, call: &Call) -> Result<(), VaultError> {
        self.look(call, Action::Keyfactor(KeyfactorAction::EndpointList), |_, _| Ok(((), None))).await
    }
}

impl Call {
    /// Whether the caller holds a permission.
    fn require(&self, permission: Permission) -> Result<(), VaultError> {
        self.client.rights.require(permission)
    }

    /// Whether the caller may do that with the provider. A number that cannot be read is told to those alone who may
    /// do it with some provider.
    fn require_for(&self, verb: Verb, provider: &Result<i32, VaultError>) -> Result<i32, VaultError> {
        match provider {
            Ok(id) => self.require(Permission::provider(verb, *id)).map(|()| *id),
            Err(unreadable) => self.client.rights.providers(verb).and(Err(unreadable.clone())),
        }
    }
}

impl Work<'_, '_> {
    fn require(&self, permission: Permission) -> Result<(), VaultError> {
        self.call.require(permission)
    }
}
