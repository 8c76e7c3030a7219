//! Public keys: a line of `authorized_keys` (sshd(8)), RFC 4716, and PEM of X.509 or PKCS #1, all of which `ssh-keygen`
//! reads.

use pkcs1::RsaPublicKeyRef;
use spki::der::Decode;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};
use ssh_key::{EcdsaCurve, Mpint, PublicKey};

use super::armor::{Block, blocks, decode, has_header};
use super::wire::WireReader;
use super::{KeyFlaw, putty};

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const CURVES: [(ObjectIdentifier, EcdsaCurve); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), EcdsaCurve::NistP256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), EcdsaCurve::NistP384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), EcdsaCurve::NistP521),
];

/// Reads a public key.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn read(text: &str) -> Result<PublicKey, KeyFlaw> {
    let text = text.trim_start_matches('\u{feff}');
    if text.lines().any(|line| line.starts_with(putty::HEADER)) {
        return Err(KeyFlaw::IsPrivate);
    }
    if has_header(text) {
        return in_blocks(&blocks(text)?);
    }
    let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut lines = text.lines().map(str::trim).filter(is_key);
    match (lines.next(), lines.next()) {
        (None, _) => Err(KeyFlaw::NoPublicKey),
        (Some(line), None) => {
            in_line(line).or_else(|flaw| after_options(line).and_then(|rest| in_line(rest).ok()).ok_or(flaw))
        }
        (Some(_), Some(_)) => Err(KeyFlaw::SeveralLines),
    }
}

/// Reads a key in the format of the wire (RFC 4253, section 6.6).
pub(super) fn from_bytes(blob: &[u8]) -> Result<PublicKey, KeyFlaw> {
    let name = WireReader(blob).string().and_then(|name| std::str::from_utf8(name).ok()).ok_or(KeyFlaw::Malformed)?;
    if name.contains("-cert-v") {
        return Err(KeyFlaw::IsCertificate);
    }
    if ssh_key::Algorithm::new(name).is_err() {
        return Err(KeyFlaw::UnknownType);
    }
    PublicKey::from_bytes(blob).map_err(|_| KeyFlaw::Malformed)
}

/// Returns an RSA key of its modulus and exponent, in big endian.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<KeyData, KeyFlaw> {
    let number = |bytes| Mpint::from_positive_bytes(bytes).map_err(|_| KeyFlaw::Malformed);
    Ok(KeyData::Rsa(RsaPublicKey { e: number(exponent)?, n: number(modulus)? }))
}

/// Reads the type, the key in base64 and the comment.
fn in_line(line: &str) -> Result<PublicKey, KeyFlaw> {
    let (name, rest) = field(line);
    let (key, comment) = field(rest);
    if key.is_empty() {
        return Err(KeyFlaw::NoPublicKey);
    }
    let blob = decode(&[key]).map_err(|_| KeyFlaw::NoPublicKey)?;
    if WireReader(&blob).string() != Some(name.as_bytes()) {
        return Err(KeyFlaw::NoPublicKey);
    }
    let key = from_bytes(&blob)?;
    Ok(PublicKey::new(key.key_data().clone(), comment))
}

/// Splits off the first field. Fields are separated by spaces and tabs.
fn field(text: &str) -> (&str, &str) {
    let (field, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (field, rest.trim_start())
}

/// Returns what follows the options of a line. Their values can be quoted, and contain spaces then.
fn after_options(line: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let end = line.find(|c: char| {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        !quoted && matches!(c, ' ' | '\t')
    })?;
    Some(line[end..].trim_start())
}

fn in_blocks(blocks: &[Block<'_>]) -> Result<PublicKey, KeyFlaw> {
    if blocks.iter().any(Block::is_private_key) {
        return Err(KeyFlaw::IsPrivate);
    }
    let [block] = blocks else { return Err(KeyFlaw::SeveralKeys) };
    let content = block.decode()?;
    match block.label {
        "SSH2 PUBLIC KEY" => {
            let key = from_bytes(&content)?;
            let comment = block.header("Comment").unwrap_or_default();
            Ok(PublicKey::new(key.into(), comment.trim_matches('"')))
        }
        "PUBLIC KEY" => spki(&content).map(PublicKey::from),
        "RSA PUBLIC KEY" => pkcs1(&content).map(PublicKey::from),
        label if label.ends_with("CERTIFICATE") => Err(KeyFlaw::IsCertificate),
        _ => Err(KeyFlaw::NoPublicKey),
    }
}

fn pkcs1(der: &[u8]) -> Result<KeyData, KeyFlaw> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyFlaw::Malformed)?;
    rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

fn spki(der: &[u8]) -> Result<KeyData, KeyFlaw> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyFlaw::Malformed)?;
    let key = info.subject_public_key.as_bytes().ok_or(KeyFlaw::Malformed)?;
    match info.algorithm.oid {
        RSA => pkcs1(key),
        EC => EcdsaPublicKey::from_sec1_bytes(key).map(KeyData::Ecdsa).map_err(|_| KeyFlaw::UnknownType),
        ED25519 => key.try_into().map(|key| KeyData::Ed25519(Ed25519PublicKey(key))).map_err(|_| KeyFlaw::Malformed),
        _ => Err(KeyFlaw::UnknownType),
    }
}
