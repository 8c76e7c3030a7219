//! A request of a principal, as far as the rules need to know it.

use std::sync::Arc;

use super::{IdempotencyKey, Preconditions, Principal};
use crate::crypto::{ResponseEncryption, ResponseKey, SecretText};
use crate::vault::access::Origin;
use crate::vault::{Field, Noun, VaultError};

/// Who asks, from where, under which conditions.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) principal: Principal,
    pub(super) origin: Origin,
    /// The id (`jti`) of the access token, by which it is revoked.
    pub(super) token_id: Option<Arc<str>>,
    pub(super) options: RequestOptions,
    pub(super) secret_writer: SecretWriter,
}

/// What a request asks for beside its action. A protocol reads it once the action is permitted.
#[derive(Clone, Debug, Default)]
pub struct RequestOptions {
    /// `If-Match` and `If-None-Match`.
    pub preconditions: Preconditions,
    /// The key under which the request has its effect once.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How secrets in the response are to be encrypted, when the client says so.
    pub response_encryption: Option<ResponseEncryption>,
    /// The representation that the response will have. Part of every ETag, since ETags name representations.
    pub representation: &'static str,
}

impl Request {
    /// A request without a token: of an account, the operator or the system.
    pub fn new(principal: Principal, origin: Origin) -> Self {
        Self {
            secret_writer: SecretWriter::default_of(&principal),
            principal,
            origin,
            token_id: None,
            options: RequestOptions::default(),
        }
    }

    /// A request with an access token of that id.
    pub fn with_token(principal: Principal, origin: Origin, token_id: &str) -> Self {
        Self { token_id: Some(token_id.into()), ..Self::new(principal, origin) }
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Where the request comes from.
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

/// Writes the secrets of one response: plain, or encrypted under the client's public key. Only a permit yields one.
#[derive(Clone, Debug, Default)]
pub struct SecretWriter(Option<(Arc<ResponseKey>, ResponseEncryption)>);

impl SecretWriter {
    /// The writer that the client's authorization asks for.
    fn default_of(principal: &Principal) -> Self {
        match principal {
            Principal::Client(client) => Self(client.response_key.clone().map(|key| (key.clone(), key.form()))),
            Principal::Account(_) | Principal::Operator | Principal::System => Self(None),
        }
    }

    /// The same client's writer in another encryption. A client never gets a plain secret instead of an encrypted one.
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

    /// Turns a secret into the text that the response holds.
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
