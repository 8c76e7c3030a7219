//! Parameters of a request to save a credential, and the protocol's policy for it.

use serde::{Deserialize, Serialize};

use super::settings::SettingsInput;
use crate::crypto::SecretText;
use crate::store::credential_lock::SentType;
use crate::store::id::CredentialId;
use crate::store::lookup::LookupValue;
use crate::vault::device::DeviceFields;
use crate::vault::identifier::IdentifierPolicy;
use crate::vault::operation::ETag;

/// The username of a credential that was created without one.
pub(super) const DEFAULT_USERNAME: &str = "usr";
pub(super) const DEFAULT_TYPE: &str = "Local User";

/// The policy of a protocol for saving credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePolicy {
    /// The policy for identifiers.
    pub identifiers: IdentifierPolicy,
    /// Whether a username is required.
    pub username_required: bool,
    /// Whether just-in-time settings must be complete.
    pub jit_complete: bool,
}

/// The change of a credential's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentChange {
    /// Removes the parent.
    Remove,
    /// Sets the parent.
    Set(CredentialId),
}

/// Parameters of a request to create or update a credential. `None`: not sent.
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
    /// Whether only one client at a time may hold the credential.
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
    /// The identifier to search by; `None` when missing or empty.
    pub(super) fn key(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    /// The identifier to assign: the one in the settings, else the one to search by.
    pub(super) fn assigned_identifier(&self) -> Option<&str> {
        self.settings.identifier.as_deref().or(self.key())
    }

    /// The username that was sent; the default when it is empty.
    pub(super) fn sent_username(&self) -> Option<&str> {
        self.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
    }

    /// The username to search by.
    pub(super) fn searched_username(&self) -> &str {
        self.sent_username().unwrap_or(DEFAULT_USERNAME)
    }

    /// The type that was sent.
    ///
    /// `type` is the type of the device. One published client sends the credential type there: without `credential_type`, a
    /// registered credential type in `type` is the type of the credential (contract, section 5.3).
    pub(super) fn sent_type(&self) -> Option<SentType> {
        let non_empty = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        match (non_empty(&self.credential_type), non_empty(&self.device.device_type)) {
            (Some(name), _) => Some(SentType::Credential(name)),
            (None, name) => name.map(SentType::CredentialOrDevice),
        }
    }

    /// The fields of the device that are sent, in a request that names this registered type of credential, or none that is registered.
    pub(super) fn device_fields(&self, credential_type: Option<&LookupValue>) -> DeviceFields {
        if credential_type.is_some() { self.certain_device_fields() } else { self.device.clone().non_empty() }
    }

    /// The fields of the device that are sent whatever an ambiguous type turns out to be.
    pub(super) fn certain_device_fields(&self) -> DeviceFields {
        let mut fields = self.device.clone().non_empty();
        if matches!(self.sent_type(), Some(SentType::CredentialOrDevice(_))) {
            fields.device_type = None;
        }
        fields
    }

    /// The password that was sent; `None` when missing or empty.
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
