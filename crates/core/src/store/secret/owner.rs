//! The owner of a secret: its kind, and the id of the row that it belongs to.

use crate::crypto::{SecretBinding, SecretKind};
use crate::store::id::{
    ApplicationSecretId, CredentialId, EntryId, InformationId, ProviderValueId, RequestSigningKeyId, SigningKeyId,
    TransitKeyId,
};

/// Identifies a secret by its kind and the row that it belongs to. A row has at most one secret of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretOwner {
    /// The password of a credential.
    Password(CredentialId),
    /// The TOTP seed of a credential.
    TotpSeed(CredentialId),
    /// The additional authentication fields of a credential.
    AuthenticationFields(CredentialId),
    /// The notes of a credential.
    Notes(CredentialId),
    /// The text of a protected-information record.
    Information(InformationId),
    /// The private key of an SSH key.
    SshPrivateKey(CredentialId),
    /// The passphrase of an SSH key.
    SshPassphrase(CredentialId),
    /// The private half of a key that signs tokens.
    TokenSigningKey(SigningKeyId),
    /// The private half of the key that clients encrypt for.
    TransitKey(TransitKeyId),
    /// The secret value of a provider's parameter.
    ProviderParameter(ProviderValueId),
    /// The secret of an entry of a local provider.
    ProviderEntry(EntryId),
    /// The secrets of a key by which a client signs requests.
    RequestSigningKey(RequestSigningKeyId),
    /// The values of a secret of an application.
    ApplicationSecret(ApplicationSecretId),
}

impl SecretOwner {
    /// Whether it is changed on a target, by the rotation of its credential.
    pub(super) fn is_rotated(self) -> bool {
        matches!(self, Self::Password(_) | Self::SshPrivateKey(_) | Self::SshPassphrase(_))
    }

    /// The owner of a secret of this kind with this id.
    pub fn new(kind: SecretKind, id: i32) -> Self {
        match kind {
            SecretKind::Password => SecretOwner::Password(CredentialId::new(id)),
            SecretKind::TotpSeed => SecretOwner::TotpSeed(CredentialId::new(id)),
            SecretKind::AuthenticationFields => SecretOwner::AuthenticationFields(CredentialId::new(id)),
            SecretKind::Notes => SecretOwner::Notes(CredentialId::new(id)),
            SecretKind::Information => SecretOwner::Information(InformationId::new(id)),
            SecretKind::SshPrivateKey => SecretOwner::SshPrivateKey(CredentialId::new(id)),
            SecretKind::SshPassphrase => SecretOwner::SshPassphrase(CredentialId::new(id)),
            SecretKind::TokenSigningKey => SecretOwner::TokenSigningKey(SigningKeyId::new(id)),
            SecretKind::TransitKey => SecretOwner::TransitKey(TransitKeyId::new(id)),
            SecretKind::ProviderParameter => SecretOwner::ProviderParameter(ProviderValueId::new(id)),
            SecretKind::ProviderEntry => SecretOwner::ProviderEntry(EntryId::new(id)),
            SecretKind::RequestSigningKey => SecretOwner::RequestSigningKey(RequestSigningKeyId::new(id)),
            SecretKind::ApplicationSecret => SecretOwner::ApplicationSecret(ApplicationSecretId::new(id)),
        }
    }

    /// Returns the kind of the secret.
    pub fn kind(self) -> SecretKind {
        match self {
            SecretOwner::Password(_) => SecretKind::Password,
            SecretOwner::TotpSeed(_) => SecretKind::TotpSeed,
            SecretOwner::AuthenticationFields(_) => SecretKind::AuthenticationFields,
            SecretOwner::Notes(_) => SecretKind::Notes,
            SecretOwner::Information(_) => SecretKind::Information,
            SecretOwner::SshPrivateKey(_) => SecretKind::SshPrivateKey,
            SecretOwner::SshPassphrase(_) => SecretKind::SshPassphrase,
            SecretOwner::TokenSigningKey(_) => SecretKind::TokenSigningKey,
            SecretOwner::TransitKey(_) => SecretKind::TransitKey,
            SecretOwner::ProviderParameter(_) => SecretKind::ProviderParameter,
            SecretOwner::ProviderEntry(_) => SecretKind::ProviderEntry,
            SecretOwner::RequestSigningKey(_) => SecretKind::RequestSigningKey,
            SecretOwner::ApplicationSecret(_) => SecretKind::ApplicationSecret,
        }
    }

    /// Returns the id of the owner as a number, as stored and as in the MAC of a head.
    pub fn owner_id(self) -> i32 {
        match self {
            SecretOwner::Password(id)
            | SecretOwner::TotpSeed(id)
            | SecretOwner::AuthenticationFields(id)
            | SecretOwner::Notes(id)
            | SecretOwner::SshPrivateKey(id)
            | SecretOwner::SshPassphrase(id) => id.get(),
            SecretOwner::Information(id) => id.get(),
            SecretOwner::TokenSigningKey(id) => id.get(),
            SecretOwner::TransitKey(id) => id.get(),
            SecretOwner::ProviderParameter(id) => id.get(),
            SecretOwner::ProviderEntry(id) => id.get(),
            SecretOwner::RequestSigningKey(id) => id.get(),
            SecretOwner::ApplicationSecret(id) => id.get(),
        }
    }

    /// Returns the binding of a version of the secret.
    pub fn binding(self, version: i32) -> SecretBinding {
        SecretBinding { kind: self.kind(), owner: self.owner_id(), version }
    }

    /// Returns the kind and the owner's id, as stored.
    pub(super) fn columns(self) -> (&'static str, i32) {
        (self.kind().as_str(), self.owner_id())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_kinds_of_secret_share_a_key() {
        let credential = CredentialId::new(1);
        let owners = [
            SecretOwner::Password(credential),
            SecretOwner::TotpSeed(credential),
            SecretOwner::AuthenticationFields(credential),
            SecretOwner::Notes(credential),
            SecretOwner::Information(InformationId::new(1)),
            SecretOwner::SshPrivateKey(credential),
            SecretOwner::SshPassphrase(credential),
            SecretOwner::TokenSigningKey(SigningKeyId::new(1)),
            SecretOwner::TransitKey(TransitKeyId::new(1)),
            SecretOwner::ProviderParameter(ProviderValueId::new(1)),
            SecretOwner::ProviderEntry(EntryId::new(1)),
            SecretOwner::RequestSigningKey(RequestSigningKeyId::new(1)),
            SecretOwner::ApplicationSecret(ApplicationSecretId::new(1)),
        ];
        let keys: HashSet<(&str, i32)> = owners.iter().map(|owner| owner.columns()).collect();
        assert_eq!(keys.len(), owners.len());
        assert!(keys.iter().all(|(_, number)| *number == 1));
        assert_eq!(SecretKind::ALL.map(|kind| SecretOwner::new(kind, 1)), owners);
        assert_eq!(owners.map(SecretOwner::kind), SecretKind::ALL);
        assert!(SecretKind::ALL.into_iter().all(|kind| SecretKind::from_name(kind.as_str()) == Some(kind)));
    }

    #[test]
    fn a_version_is_bound_to_kind_number_and_version() {
        let binding = SecretOwner::ProviderEntry(EntryId::new(4)).binding(3);
        assert_eq!(binding, SecretBinding { kind: SecretKind::ProviderEntry, owner: 4, version: 3 });
    }
}
