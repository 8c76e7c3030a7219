//! Secrets encrypted once more for the client that reads them, under a public key of its own: what TLS protects as far
//! as a proxy stays closed until it reaches the holder of the private key.
//!
//! The vault has public keys only. A pair that is generated here is handed out and forgotten.

mod jwe;
mod public_key;
#[cfg(test)]
mod tests;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use spki::der::pem::{LineEnding, encode_string};

use super::{SealError, SecretText};
use public_key::PublicKey;

/// How a secret is written that is encrypted for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEncryption {
    /// As the older service does: RSA-OAEP with SHA-1, MGF1 with SHA-1 and an empty label, in base64. A value that is
    /// longer than one block is cut into as many as it takes, which is ours.
    Vendor,
    /// A compact JWE (RFC 7516): RSA-OAEP-256 or ECDH-ES, with A256GCM.
    Jwe,
}

impl ResponseEncryption {
    /// All of them.
    pub const ALL: [ResponseEncryption; 2] = [ResponseEncryption::Vendor, ResponseEncryption::Jwe];

    /// The name, as stored, as sent by clients and as given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ResponseEncryption::Vendor => "vendor",
            ResponseEncryption::Jwe => "jwe",
        }
    }

    /// The form of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// Why a key is refused. The texts repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.expected())]
pub enum ResponseKeyError {
    /// It holds a private key.
    Private,
    /// It is not a public key in PEM.
    Malformed,
    /// The algorithm cannot encrypt, or is unknown.
    Algorithm,
    /// An RSA key of another size.
    Size,
    /// Its numbers are not those of a key.
    Unsound,
    /// The key is not RSA, and the vendor's form needs RSA.
    VendorNeedsRsa,
    /// No pair could be generated.
    NotGenerated,
}

impl ResponseKeyError {
    /// What the key has to be.
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

/// The public key of a client, and the form in which it usually gets its secrets.
#[derive(Debug)]
pub struct ResponseKey {
    public: PublicKey,
    form: ResponseEncryption,
    pem: String,
}

impl ResponseKey {
    /// Reads a public key in PEM (`SubjectPublicKeyInfo`). Without a form an RSA key gets the vendor's, and any other
    /// the only one it can have.
    ///
    /// # Errors
    /// What is wrong with the key, or that it cannot have the form.
    pub fn parse(pem: &str, form: Option<ResponseEncryption>) -> Result<Self, ResponseKeyError> {
        let (public, pem) = public_key::parse(pem)?;
        let key = Self { form: form.unwrap_or(public.usual_form()), public, pem };
        if key.can_have(key.form) { Ok(key) } else { Err(ResponseKeyError::VendorNeedsRsa) }
    }

    /// The form that the client gets unless it asks for another.
    pub fn form(&self) -> ResponseEncryption {
        self.form
    }

    /// Whether secrets can be written for this key in that form.
    pub fn can_have(&self, form: ResponseEncryption) -> bool {
        match form {
            ResponseEncryption::Vendor => matches!(self.public, PublicKey::Rsa(_)),
            ResponseEncryption::Jwe => true,
        }
    }

    /// The public key in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its RFC 7638 thumbprint (SHA-256), which a JWE names as `kid`.
    pub fn thumbprint(&self) -> &str {
        self.public.thumbprint()
    }

    /// The secret in a form that only the holder of the private key can read.
    ///
    /// # Errors
    /// When the form is not one for this key, or the library refuses.
    pub fn encrypt(&self, secret: &SecretText, form: ResponseEncryption) -> Result<String, SealError> {
        match (form, &self.public) {
            (ResponseEncryption::Vendor, PublicKey::Rsa(key)) => key.vendor(secret),
            (ResponseEncryption::Vendor, PublicKey::Curve(_)) => Err(SealError),
            (ResponseEncryption::Jwe, PublicKey::Rsa(key)) => jwe::under_rsa(key, secret),
            (ResponseEncryption::Jwe, PublicKey::Curve(key)) => jwe::under_curve(key, secret),
        }
    }
}

/// A pair at the moment of its generation.
#[derive(Debug)]
pub struct ResponseKeyPair {
    /// What the vault keeps.
    pub public: ResponseKey,
    /// What it does not: the private key in PEM (PKCS #8).
    pub private_pem: SecretText,
}

impl ResponseKeyPair {
    /// A new pair. RSA, because the vendor's form needs it and a client may then ask for either. 3072 bits, because
    /// that is as strong as AES-128 (NIST SP 800-57) at half the cost of 4096, and because a block of it holds 342
    /// bytes, so that every usual password is one block, as clients of the older service expect.
    ///
    /// # Errors
    /// When the library refuses.
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
