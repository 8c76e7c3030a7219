//! Accounts: identities that authenticate with a password.

use super::Rights;
use crate::store::id::IdentityId;

/// An authenticated identity.
#[derive(Clone, Debug)]
pub struct Account {
    /// The id of the identity.
    pub identity: IdentityId,
    /// `DOMAIN\name`.
    pub name: String,
    /// Permissions granted by its roles.
    pub rights: Rights,
}
