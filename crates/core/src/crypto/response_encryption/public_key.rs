//! Public keys for response encryption: parsing from PEM, validation, thumbprints.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pkcs1::RsaPublicKeyRef;
use sha2::{Digest, Sha256};
use spki::der::Decode;
use spki::{Document, ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::{ResponseEncryption, ResponseKeyError, SealError, SecretText};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ID_X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

/// A public key that can encrypt.
#[derive(Debug)]
pub(super) enum PublicKey {
    Rsa(RsaKey),
    Curve(CurveKey),
}

/// An RSA key of 2048 to 8192 bits.
#[derive(Debug)]
pub(super) struct RsaKey {
    key: OaepPublicEncryptingKey,
    thumbprint: String,
}

/// A key on one of the curves of JWE.
#[derive(Debug)]
pub(super) struct CurveKey {
    curve: Curve,
    /// The encoded point.
    point: UnparsedPublicKey<Vec<u8>>,
    thumbprint: String,
}

/// The curves of RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

/// Parses a key and returns it with its canonical PEM.
pub(super) fn parse(pem: &str) -> Result<(PublicKey, String), ResponseKeyError> {
    // A private key must never pass, whatever else is in the text.
    if pem.contains("PRIVATE KEY") {
        return Err(ResponseKeyError::Private);
    }
    // Accept the line endings of any system.
    let pem = pem.trim().replace("\r\n", "\n") + "\n";
    let (label, document) = Document::from_pem(&pem).map_err(|_| ResponseKeyError::Malformed)?;
    if label != "PUBLIC KEY" {
        return Err(ResponseKeyError::Malformed);
    }
    let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes()).map_err(|_| ResponseKeyError::Malformed)?;
    let bits = info.subject_public_key.as_bytes().ok_or(ResponseKeyError::Malformed)?;
    let parameter = || info.algorithm.parameters_oid().map_err(|_| ResponseKeyError::Algorithm);
    let key = match info.algorithm.oid {
        RSA_ENCRYPTION => PublicKey::Rsa(RsaKey::read(document.as_bytes(), bits)?),
        ID_X25519 => PublicKey::Curve(CurveKey::read(Curve::X25519, bits)?),
        EC_PUBLIC_KEY => {
            let curve = match parameter()? {
                SECP256R1 => Curve::P256,
                SECP384R1 => Curve::P384,
                SECP521R1 => Curve::P521,
                _ => return Err(ResponseKeyError::Algorithm),
            };
            PublicKey::Curve(CurveKey::read(curve, bits)?)
        }
        _ => return Err(ResponseKeyError::Algorithm),
    };
    Ok((key, pem))
}

impl PublicKey {
    /// Returns the encryption for a client that has chosen none.
    pub(super) fn default_form(&self) -> ResponseEncryption {
        match self {
            PublicKey::Rsa(_) => ResponseEncryption::Vendor,
            PublicKey::Curve(_) => ResponseEncryption::Jwe,
        }
    }

    pub(super) fn thumbprint(&self) -> &str {
        match self {
            PublicKey::Rsa(key) => key.thumbprint(),
            PublicKey::Curve(key) => key.thumbprint(),
        }
    }
}

impl RsaKey {
    /// Parses a `SubjectPublicKeyInfo` in DER with the public exponent 65537.
    pub(super) fn from_spki(der: &[u8]) -> Result<Self, ResponseKeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| ResponseKeyError::Malformed)?;
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(ResponseKeyError::Algorithm);
        }
        let bits = info.subject_public_key.as_bytes().ok_or(ResponseKeyError::Malformed)?;
        let numbers = RsaPublicKeyRef::from_der(bits).map_err(|_| ResponseKeyError::Malformed)?;
        if numbers.public_exponent.as_bytes() != [1, 0, 1] {
            return Err(ResponseKeyError::Unsound);
        }
        Self::read(der, bits)
    }

    fn read(der: &[u8], bits: &[u8]) -> Result<Self, ResponseKeyError> {
        let numbers = RsaPublicKeyRef::from_der(bits).map_err(|_| ResponseKeyError::Malformed)?;
        let (n, e) = (numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes());
        let size = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !(2048..=8192).contains(&size) {
            return Err(ResponseKeyError::Size);
        }
        // The library validates the numbers: both odd, the exponent neither 1 nor longer than 33 bits.
        let key = aws_lc_rs::rsa::PublicEncryptingKey::from_der(der).map_err(|_| ResponseKeyError::Unsound)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| ResponseKeyError::Unsound)?;
        Ok(Self { key, thumbprint: rsa_thumbprint(n, e) })
    }

    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Encrypts a secret in blocks, at least one, in base64.
    pub(super) fn vendor(&self, secret: &SecretText) -> Result<String, SealError> {
        let (bytes, most) = (secret.expose().as_bytes(), self.key.max_plaintext_size(&OAEP_SHA1_MGF1SHA1));
        if bytes.is_empty() {
            return Ok(STANDARD.encode(self.block(&OAEP_SHA1_MGF1SHA1, bytes)?));
        }
        let blocks = bytes.chunks(most).map(|part| self.block(&OAEP_SHA1_MGF1SHA1, part));
        Ok(STANDARD.encode(blocks.collect::<Result<Vec<_>, _>>()?.concat()))
    }

    /// Encrypts the content key of a JWE (`RSA-OAEP-256`).
    pub(super) fn wrap(&self, content_key: &[u8]) -> Result<Vec<u8>, SealError> {
        self.block(&OAEP_SHA256_MGF1SHA256, content_key)
    }

    fn block(&self, algorithm: &'static OaepAlgorithm, part: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut block = vec![0; self.key.ciphertext_size()];
        let written = self.key.encrypt(algorithm, part, &mut block, None).map_err(|_| SealError)?.len();
        block.truncate(written);
        Ok(block)
    }
}

impl CurveKey {
    fn read(curve: Curve, bits: &[u8]) -> Result<Self, ResponseKeyError> {
        let point = UnparsedPublicKey::new(curve.agreement(), bits.to_vec());
        let members = curve.members(bits).ok_or(ResponseKeyError::Unsound)?;
        let key = Self { curve, point, thumbprint: thumbprint(&members) };
        ParsedPublicKey::try_from(&key.point).map_err(|_| ResponseKeyError::Unsound)?;
        if curve == Curve::X25519 {
            // Every X25519 point parses, even those that make every shared secret zero. The key agreement rejects
            // them.
            key.agree(|_| ()).map_err(|_| ResponseKeyError::Unsound)?;
        }
        Ok(key)
    }

    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Generates an ephemeral key pair. Returns its public half as JWK, and what `derive` makes of the shared secret.
    pub(super) fn agree<T>(&self, derive: impl FnOnce(&[u8]) -> T) -> Result<(String, T), SealError> {
        let algorithm = self.curve.agreement();
        let random = aws_lc_rs::rand::SystemRandom::new();
        let own = agreement::EphemeralPrivateKey::generate(algorithm, &random).map_err(|_| SealError)?;
        let public = own.compute_public_key().map_err(|_| SealError)?;
        let members = self.curve.members(public.as_ref()).ok_or(SealError)?;
        let derived = agreement::agree_ephemeral(own, &self.point, SealError, |shared| Ok(derive(shared)))?;
        Ok((members, derived))
    }
}

impl Curve {
    fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Curve::P256 => &ECDH_P256,
            Curve::P384 => &ECDH_P384,
            Curve::P521 => &ECDH_P521,
            Curve::X25519 => &X25519,
        }
    }

    /// Returns the required members of a public JWK with this point, in the order of a thumbprint. `None` for a
    /// compressed point.
    fn members(self, point: &[u8]) -> Option<String> {
        let (name, length) = match self {
            Curve::P256 => ("P-256", 32),
            Curve::P384 => ("P-384", 48),
            Curve::P521 => ("P-521", 66),
            Curve::X25519 => {
                let x = URL_SAFE_NO_PAD.encode(point);
                return Some(format!(r#"{{"crv":"X25519","kty":"OKP","x":"{x}"}}"#));
            }
        };
        let (4, both) = point.split_first().map(|(form, both)| (*form, both))? else { return None };
        let (x, y) = both.split_at_checked(length)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Some(format!(r#"{{"crv":"{name}","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }
}

/// Returns the thumbprint of an RSA key with these numbers.
pub(super) fn rsa_thumbprint(n: &[u8], e: &[u8]) -> String {
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
}

fn thumbprint(members: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}
