//! What a sealed value is bound to: its kind, its owner and its version.

use serde::{Deserialize, Serialize};

/// The kind of a secret. Sealed values are bound to its name, so a name in use never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SecretKind {
    /// A credential's password.
    Password,
    /// A credential's TOTP seed.
    TotpSeed,
    /// A credential's additional authentication fields, as one JSON array.
    AuthenticationFields,
    /// A credential's notes.
    Notes,
    /// The text of a protected-information record.
    Information,
    /// The private part of an SSH key.
    SshPrivateKey,
    /// The passphrase of an SSH key.
    SshPassphrase,
    /// The private half of a token signing key.
    TokenSigningKey,
    /// The private half of the key that clients encrypt for what they write.
    TransitKey,
    /// The secret value of a PAM provider's parameter.
    ProviderParameter,
    /// The secret of an entry of a local PAM provider.
    ProviderEntry,
    /// The secrets of a key by which a client signs requests.
    RequestSigningKey,
    /// The values of a secret of an application, as one JSON document.
    ApplicationSecret,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [SecretKind; 13] = [
        SecretKind::Password,
        SecretKind::TotpSeed,
        SecretKind::AuthenticationFields,
        SecretKind::Notes,
        SecretKind::Information,
        SecretKind::SshPrivateKey,
        SecretKind::SshPassphrase,
        SecretKind::TokenSigningKey,
        SecretKind::TransitKey,
        SecretKind::ProviderParameter,
        SecretKind::ProviderEntry,
        SecretKind::RequestSigningKey,
        SecretKind::ApplicationSecret,
    ];

    /// Returns the kind of a name, as stored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            SecretKind::Password => "credential.password",
            SecretKind::TotpSeed => "credential.totp",
            SecretKind::AuthenticationFields => "credential.authentication_fields",
            SecretKind::Notes => "credential.notes",
            SecretKind::Information => "information.content",
            SecretKind::SshPrivateKey => "ssh_key.private_key",
            SecretKind::SshPassphrase => "ssh_key.passphrase",
            SecretKind::TokenSigningKey => "token.signing_key",
            SecretKind::TransitKey => "transit.key",
            SecretKind::ProviderParameter => "provider.parameter",
            SecretKind::ProviderEntry => "provider.entry",
            SecretKind::RequestSigningKey => "authorization.signing_key",
            SecretKind::ApplicationSecret => "application_secret.data",
        }
    }
}

/// The associated data that binds a sealed value to its row and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretBinding {
    /// The kind of the secret.
    pub kind: SecretKind,
    /// The id of the row that owns the secret.
    pub owner: i32,
    /// The version of the secret, from 1.
    pub version: i32,
}

impl SecretBinding {
    /// Returns the associated data of a value that is bound so.
    pub(super) fn associated_data(self) -> Vec<u8> {
        let mut data = Vec::with_capacity(48);
        data.extend_from_slice(b"chaveiro/value/");
        data.extend_from_slice(self.kind.as_str().as_bytes());
        data.push(0);
        data.extend_from_slice(&self.owner.to_be_bytes());
        data.extend_from_slice(&self.version.to_be_bytes());
        data
    }
}
