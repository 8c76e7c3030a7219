//! End-to-end encryption of secrets in responses under a client's public key, so that TLS-terminating proxies cannot
//! read them.
//!
//! The vault stores public keys only. A private key that is generated here is returned and not stored.

mod jwe;
mod public_key;
#[cfg(test)]
mod tests;
mod transit;
mod transit_private_key;

use std::str::FromStr;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use spki::der::pem::{LineEnding, encode_string};

use super::{SealError, SecretText};
use public_key::PublicKey;
pub use transit::{TransitCiphertext, TransitKey};
pub use transit_private_key::TransitPrivateKey;

/// The encryption of a secret in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEncryption {
    /// The encryption of the older service: RSA-OAEP with SHA-1, MGF1 with SHA-1 and an empty label, in base64. A
    /// value longer than one block is split into several, which is our extension.
    Vendor,
    /// A compact JWE (RFC 7516): RSA-OAEP-256 or ECDH-ES, with A256GCM.
    Jwe,
}

impl ResponseEncryption {
    /// All encryptions.
    pub const ALL: [ResponseEncryption; 2] = [ResponseEncryption::Vendor, ResponseEncryption::Jwe];

    /// Returns the name, as stored, as sent by clients and as given on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            ResponseEncryption::Vendor => "vendor",
            ResponseEncryption::Jwe => "jwe",
        }
    }
}

impl FromStr for ResponseEncryption {
    type Err = UnknownResponseEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownResponseEncryption> {
        Self::ALL.into_iter().find(|form| form.as_str() == name).ok_or(UnknownResponseEncryption)
    }
}

/// The error of an unknown name of a [`ResponseEncryption`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected vendor or jwe")]
pub struct UnknownResponseEncryption;

/// Why a key is refused. The texts repeat nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.expected())]
pub enum ResponseKeyError {
    /// A private key.
    Private,
    /// Not a public key in PEM.
    Malformed,
    /// An algorithm that cannot encrypt, or is unknown.
    Algorithm,
    /// An RSA key of an unsupported size.
    Size,
    /// A key with invalid numbers.
    Unsound,
    /// A key that is not RSA, with the encryption `vendor`, which needs RSA.
    VendorNeedsRsa,
    /// The key pair could not be generated.
    NotGenerated,
}

impl ResponseKeyError {
    /// Returns what is expected of a key.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Private => {
                "this holds a private key, which the vault must not have: hand in what openssl pkey -pubout makes of it"
            }
            Self::Malformed => {
                "expected one public key in PEM (-----BEGIN PUBLIC KEY-----), as openssl pkey -pubout writes it"
            }
            Self::Algorithm => "expected an RSA, P-256, P-384, P-521 or X25519 key",
            Self::Size => "expected an RSA key of 2048 to 8192 bits",
            Self::Unsound => "the key is not valid",
            Self::VendorNeedsRsa => "vendor needs an RSA key; with this key only jwe is possible",
            Self::NotGenerated => "no key pair could be generated",
        }
    }
}

/// The public key of a client and the default encryption of its secrets.
#[derive(Debug)]
pub struct ResponseKey {
    public: PublicKey,
    form: ResponseEncryption,
    pem: String,
}

impl ResponseKey {
    /// Parses a public key in PEM (`SubjectPublicKeyInfo`). Without `form`, an RSA key gets `vendor` and any other
    /// key `jwe`.
    ///
    /// # Errors
    /// [`ResponseKeyError`] for an invalid key, or for a key that does not support `form`.
    pub fn parse(pem: &str, form: Option<ResponseEncryption>) -> Result<Self, ResponseKeyError> {
        let (public, pem) = public_key::parse(pem)?;
        let key = Self { form: form.unwrap_or(public.default_form()), public, pem };
        if key.supports(key.form) { Ok(key) } else { Err(ResponseKeyError::VendorNeedsRsa) }
    }

    /// Returns the default encryption, for requests that name none.
    pub fn form(&self) -> ResponseEncryption {
        self.form
    }

    /// Whether the key supports an encryption.
    pub fn supports(&self, form: ResponseEncryption) -> bool {
        match form {
            ResponseEncryption::Vendor => matches!(self.public, PublicKey::Rsa(_)),
            ResponseEncryption::Jwe => true,
        }
    }

    /// Returns the public key in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the RFC 7638 thumbprint (SHA-256), the `kid` of a JWE.
    pub fn thumbprint(&self) -> &str {
        self.public.thumbprint()
    }

    /// Encrypts a secret under the public key.
    ///
    /// # Errors
    /// [`SealError`] when the key does not support `form`, or the library fails.
    pub fn encrypt(&self, secret: &SecretText, form: ResponseEncryption) -> Result<String, SealError> {
        match (form, &self.public) {
            (ResponseEncryption::Vendor, PublicKey::Rsa(key)) => key.vendor(secret),
            (ResponseEncryption::Vendor, PublicKey::Curve(_)) => Err(SealError),
            (ResponseEncryption::Jwe, PublicKey::Rsa(key)) => jwe::encrypt_with_rsa(key, secret),
            (ResponseEncryption::Jwe, PublicKey::Curve(key)) => jwe::encrypt_with_curve(key, secret),
        }
    }
}

/// A newly generated key pair.
#[derive(Debug)]
pub struct ResponseKeyPair {
    /// The public key, which the vault stores.
    pub public: ResponseKey,
    /// The private key in PEM (PKCS #8), which the vault does not store.
    pub private_pem: SecretText,
}

impl ResponseKeyPair {
    /// Generates an RSA key pair, because `vendor` needs RSA and a client may then request either encryption. 3072
    /// bits are as strong as AES-128 (NIST SP 800-57) at half the cost of 4096. A block of this size holds 342 bytes,
    /// so that every usual password is one block, as clients of the older service expect.
    ///
    /// # Errors
    /// [`ResponseKeyError::NotGenerated`] when the library fails.
    pub fn generate(form: ResponseEncryption) -> Result<Self, ResponseKeyError> {
        let failed = |_| ResponseKeyError::NotGenerated;
        let private = PrivateDecryptingKey::generate(KeySize::Rsa3072).map_err(failed)?;
        let public = private.public_key().as_der().map_err(failed)?;
        let public = pem("PUBLIC KEY", public.as_ref())?;
        let der = private.as_der().map_err(failed)?;
        Ok(Self {
            public: ResponseKey::parse(&public, Some(form))?,
            private_pem: SecretText::new(pem("PRIVATE KEY", der.as_ref())?),
        })
    }
}

fn pem(label: &'static str, der: &[u8]) -> Result<String, ResponseKeyError> {
    encode_string(label, LineEnding::LF, der).map_err(|_| ResponseKeyError::Malformed)
}
