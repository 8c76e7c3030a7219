//! A request of a principal, independent of its protocol.

use std::sync::Arc;

use super::{IdempotencyKey, Preconditions, Principal};
use crate::crypto::{ResponseEncryption, ResponseKey, SecretText};
use crate::vault::access::{Origin, SingleUse};
use crate::vault::{Field, Noun, VaultError};

/// A request: its principal, origin, access token and options.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) principal: Principal,
    pub(super) origin: Origin,
    /// The id (`jti`) of the access token, used for revocation.
    pub(super) token_id: Option<Arc<str>>,
    /// A proof of the request, which must not have been used before. Taken when the request is authorized.
    pub(super) single_use: Option<SingleUse>,
    pub(super) options: RequestOptions,
    pub(super) secret_writer: SecretWriter,
}

/// Options of a request beside its action. A protocol reads them after the action is permitted.
#[derive(Clone, Debug, Default)]
pub struct RequestOptions {
    /// `If-Match` and `If-None-Match`.
    pub preconditions: Preconditions,
    /// The idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The encryption of secrets in the response, if the client requests one.
    pub response_encryption: Option<ResponseEncryption>,
    /// The representation of the response. Part of every ETag, since an ETag identifies a representation.
    pub representation: &'static str,
    /// The reason that the client gives, for the audit record.
    pub reason: String,
}

impl Request {
    /// A request without an access token, of an account, the operator or the system.
    pub fn new(principal: Principal, origin: Origin) -> Self {
        Self {
            secret_writer: SecretWriter::default_of(&principal),
            principal,
            origin,
            token_id: None,
            single_use: None,
            options: RequestOptions::default(),
        }
    }

    /// A request with the access token `token_id`, and with a proof if the token is bound to a key.
    pub(in crate::vault) fn with_token(
        principal: Principal,
        origin: Origin,
        token_id: &str,
        single_use: Option<SingleUse>,
    ) -> Self {
        Self { token_id: Some(token_id.into()), single_use, ..Self::new(principal, origin) }
    }

    /// The principal of the request.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The origin of the request.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The id of the access token.
    pub(in crate::vault) fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// A request of the operator at the command line.
    pub fn operator() -> Self {
        Self::new(Principal::Operator, Origin::local())
    }

    /// A request of background work.
    pub fn system() -> Self {
        Self::new(Principal::System, Origin::local())
    }
}

/// Writes the secrets of one response: plain, or encrypted under the client's public key. Obtained from a permit only.
#[derive(Clone, Debug, Default)]
pub struct SecretWriter(Option<(Arc<ResponseKey>, ResponseEncryption)>);

impl SecretWriter {
    /// The default writer of the client's authorization.
    fn default_of(principal: &Principal) -> Self {
        match principal {
            Principal::Client(client) => Self(client.response_key.clone().map(|key| (key.clone(), key.form()))),
            Principal::Account(_) | Principal::Operator | Principal::System => Self(None),
        }
    }

    /// The client's writer with another encryption. Never falls back to plain secrets.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] without a key; [`VaultError::Invalid`] when the key does not support the encryption.
    pub(super) fn with(self, encryption: ResponseEncryption) -> Result<Self, VaultError> {
        let Some((key, _)) = self.0 else { return Err(VaultError::NotFound(Noun::ResponseKey)) };
        if !key.supports(encryption) {
            let expected = "expected jwe, since the authorization's key is not RSA";
            return Err(VaultError::invalid(Field::ResponseEncryption, expected));
        }
        Ok(Self(Some((key, encryption))))
    }

    /// Whether secrets are encrypted.
    pub fn encrypts(&self) -> bool {
        self.0.is_some()
    }

    /// The encryption of the secrets; `None`: they are plain.
    pub fn encryption(&self) -> Option<ResponseEncryption> {
        self.0.as_ref().map(|(_, encryption)| *encryption)
    }

    /// Encrypts a secret, or returns it unchanged when the response is plain.
    ///
    /// # Errors
    /// [`VaultError::Seal`] when it cannot be encrypted.
    pub fn write(&self, secret: SecretText) -> Result<SecretText, VaultError> {
        match &self.0 {
            None => Ok(secret),
            Some((key, encryption)) => Ok(SecretText::new(key.encrypt(&secret, *encryption)?)),
        }
    }
}
