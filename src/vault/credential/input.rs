//! What is sent to create or update a credential, and what a protocol decides about it.

use serde::{Deserialize, Serialize};

use super::settings::SettingsInput;
use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::vault::device::DeviceFields;
use crate::vault::identifier::IdentifierPolicy;
use crate::vault::operation::ETag;

/// The username of a credential that was created without one.
pub(super) const DEFAULT_USERNAME: &str = "usr";
pub(super) const DEFAULT_TYPE: &str = "Local User";

/// What a protocol decides about saving a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePolicy {
    /// Which identifiers it allows.
    pub identifiers: IdentifierPolicy,
    /// Whether a username has to be sent.
    pub username_required: bool,
    /// Whether just-in-time settings have to be complete.
    pub jit_complete: bool,
}

/// What a request does with the parent of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentChange {
    /// It removes the parent.
    Remove,
    /// It sets the parent.
    Set(CredentialId),
}

/// What is sent to create or update a credential. `None` is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 5.3")]
pub struct CredentialInput {
    pub identifier: Option<String>,
    pub username: Option<String>,
    pub content: Option<SecretText>,
    pub additional: Option<String>,
    pub tags: Option<String>,
    pub credential_type: Option<String>,
    pub domain: Option<String>,
    pub parent: Option<ParentChange>,
    /// Whether one client at a time may hold it.
    pub exclusive_custody: Option<bool>,
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub device: DeviceFields,
    pub settings: SettingsInput,
}

/// A saved credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCredential {
    /// Its id.
    pub id: CredentialId,
    /// Whether it is new.
    pub created: bool,
    /// Its identifier, as it now is.
    pub identifier: Option<String>,
    /// Its ETag, for a client that sends preconditions.
    pub etag: Option<ETag>,
}

impl CredentialInput {
    /// The identifier to search by; an empty one is none.
    pub(super) fn key(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    /// The identifier to assign: the one in the settings, else the one to search by.
    pub(super) fn assigned_identifier(&self) -> Option<&str> {
        self.settings.identifier.as_deref().or(self.key())
    }

    /// The username that was sent; an empty one is the default.
    pub(super) fn sent_username(&self) -> Option<&str> {
        self.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
    }

    /// The username to search by.
    pub(super) fn searched_username(&self) -> &str {
        self.sent_username().unwrap_or(DEFAULT_USERNAME)
    }

    /// The password that was sent; an empty one is none.
    pub(super) fn sent_content(&self) -> Option<&SecretText> {
        self.content.as_ref().filter(|content| !content.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nested_identifier_is_assigned_and_the_outer_one_searched() {
        let input = CredentialInput {
            identifier: Some("outer".into()),
            settings: SettingsInput { identifier: Some("inner".into()), ..Default::default() },
            ..Default::default()
        };
        assert_eq!((input.key(), input.assigned_identifier()), (Some("outer"), Some("inner")));
        let input = CredentialInput { identifier: Some(String::new()), ..Default::default() };
        assert_eq!((input.key(), input.assigned_identifier()), (None, None));
    }
}
