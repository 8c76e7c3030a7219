//! What an error of the vault means to a client that reads items, for the families that read them.

use super::server::is_temporary;
use crate::vault::{DenyReason, Field, Noun, VaultError};

/// The meaning of an error. What does not exist and what the client may not read are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemError {
    /// There is no such item, or the client may not read it.
    NotFound,
    /// The client may not ask at all.
    Denied,
    /// Several items match.
    Ambiguous,
    /// There are too many items to list.
    TooMany,
    /// The header `Accept-Encryption` cannot be met; with the reason.
    ResponseEncryption(&'static str),
    /// The request may succeed later.
    Temporary,
    /// An error that no request of these families causes.
    Internal,
}

impl From<&VaultError> for ItemError {
    fn from(error: &VaultError) -> Self {
        match error {
            error if is_temporary(error) => Self::Temporary,
            VaultError::NotFound(Noun::Item | Noun::ItemSecret | Noun::Version)
            | VaultError::NoAccess(Noun::Item)
            | VaultError::Denied(DenyReason::ExclusiveCustody) => Self::NotFound,
            VaultError::NotFound(Noun::ResponseKey) => {
                Self::ResponseEncryption("Accept-Encryption needs a response key")
            }
            VaultError::Invalid(invalid) if invalid.field == Field::ResponseEncryption => {
                Self::ResponseEncryption("the response key does not support this Accept-Encryption")
            }
            VaultError::Denied(
                DenyReason::Resource
                | DenyReason::Source
                | DenyReason::Referer
                | DenyReason::Certificate
                | DenyReason::ReadOnly
                | DenyReason::Permission
                | DenyReason::OperatorOnly
                | DenyReason::Revoked
                | DenyReason::Replayed,
            ) => Self::Denied,
            VaultError::Ambiguous(_) => Self::Ambiguous,
            VaultError::TooMany(_) => Self::TooMany,
            VaultError::NotFound(_)
            | VaultError::Unavailable(_)
            | VaultError::Invalid(_)
            | VaultError::Missing(_)
            | VaultError::MissingParameterValue { .. }
            | VaultError::NoAccess(_)
            | VaultError::WrongKind(_)
            | VaultError::Inactive(_)
            | VaultError::AlreadyActive(_)
            | VaultError::Taken(_)
            | VaultError::InUse(_)
            | VaultError::Protected(_)
            | VaultError::TooManyLists
            | VaultError::NotHeld
            | VaultError::BeingChanged
            | VaultError::AccountAbsent(_)
            | VaultError::AccountNotMade(_)
            | VaultError::Precondition(_)
            | VaultError::Store(_)
            | VaultError::Seal(_)
            | VaultError::Token(_) => Self::Internal,
        }
    }
}
