//! Public keys: a line of `authorized_keys` (sshd(8)), RFC 4716, and PEM of X.509 or PKCS #1, all of which `ssh-keygen`
//! reads.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    ParsedPublicKey,
};
use pkcs1::RsaPublicKeyRef;
use spki::der::Decode;
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};
use ssh_key::{Algorithm, EcdsaCurve, Mpint, PublicKey};

use super::armor::{Block, blocks, decode, has_header};
use super::wire::{WireReader, push_string};
use super::{KeyFlaw, mpint_bits, putty};
use crate::text::is_control;

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const CURVES: [(ObjectIdentifier, EcdsaCurve); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), EcdsaCurve::NistP256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), EcdsaCurve::NistP384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), EcdsaCurve::NistP521),
];

/// The largest RSA and DSA keys that OpenSSH reads, in bits (`SSHBUF_MAX_BIGNUM`).
const MAX_BITS: u32 = 16384;
/// The name of a FIDO key in signatures of browsers (PROTOCOL.u2f in OpenSSH's sources).
const WEBAUTHN: &str = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

/// Reads a public key.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn read(text: &str) -> Result<PublicKey, KeyFlaw> {
    let text = text.trim_start_matches('\u{feff}');
    if text.lines().any(|line| line.starts_with(putty::HEADER)) {
        return Err(KeyFlaw::IsPrivate);
    }
    let key = if has_header(text) { in_blocks(&blocks(text)?) } else { in_lines(text) }?;
    // A line of `authorized_keys` must stay one line, for sshd and on a terminal.
    let unprintable = |line: &str| line.trim_end_matches('\r').contains(|c| is_control(c) && c != '\t');
    if text.split('\n').any(unprintable) { Err(KeyFlaw::ControlCharacter) } else { Ok(key) }
}

fn in_lines(text: &str) -> Result<PublicKey, KeyFlaw> {
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

/// Returns the options of a line of `authorized_keys`, with the blank after them; nothing for any other text.
pub(super) fn options(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().filter(|line| lines.next().is_none() && in_line(line).is_err());
    let rest = line.and_then(|line| Some((line, after_options(line).filter(|rest| in_line(rest).is_ok())?)));
    rest.map_or("", |(line, rest)| &line[..line.len() - rest.len()])
}

/// Reads a key in the format of the wire (RFC 4253, section 6.6).
pub(super) fn from_bytes(blob: &[u8]) -> Result<PublicKey, KeyFlaw> {
    let mut reader = WireReader(blob);
    let name = reader.string().and_then(|name| std::str::from_utf8(name).ok()).ok_or(KeyFlaw::Malformed)?;
    if name.contains("-cert-v") {
        return Err(KeyFlaw::IsCertificate);
    }
    let key = match Algorithm::new(name) {
        Ok(Algorithm::Other(_)) if name == WEBAUTHN => {
            // ssh-keygen reads this name too, for the same key.
            let mut renamed = Vec::with_capacity(blob.len());
            push_string(&mut renamed, Algorithm::SkEcdsaSha2NistP256.as_str().as_bytes()).ok_or(KeyFlaw::Malformed)?;
            renamed.extend(reader.0);
            PublicKey::from_bytes(&renamed)
        }
        Ok(Algorithm::Other(_)) | Err(_) => return Err(KeyFlaw::UnknownType),
        Ok(_) => PublicKey::from_bytes(blob),
    };
    let key = key.map_err(|_| KeyFlaw::Malformed)?;
    check_numbers(key.key_data())?;
    Ok(key)
}

/// Checks the sizes of RSA and DSA, and the point of ECDSA, which SSH writes uncompressed (RFC 5656, section 3.1).
fn check_numbers(key: &KeyData) -> Result<(), KeyFlaw> {
    let ecdsa = |curve, point: &[u8]| match uncompressed(curve, point) {
        Some(whole) if whole.as_sec1_bytes() == point => Ok(()),
        _ => Err(KeyFlaw::Malformed),
    };
    match key {
        KeyData::Rsa(key) => check_size(&[&key.n, &key.e]),
        KeyData::Dsa(key) => check_size(&[&key.p, &key.q, &key.g, &key.y]),
        KeyData::Ecdsa(key) => ecdsa(key.curve(), key.as_sec1_bytes()),
        KeyData::SkEcdsaSha2NistP256(key) => ecdsa(EcdsaCurve::NistP256, key.ec_point().as_bytes()),
        _ => Ok(()),
    }
}

fn check_size(numbers: &[&Mpint]) -> Result<(), KeyFlaw> {
    let sizes = numbers.iter().map(|number| mpint_bits(number).filter(|bits| *bits > 0));
    let sizes = sizes.collect::<Option<Vec<_>>>().ok_or(KeyFlaw::Malformed)?;
    if sizes.iter().any(|bits| *bits > MAX_BITS) { Err(KeyFlaw::TooLarge) } else { Ok(()) }
}

/// Returns the uncompressed form of a point (SEC 1, section 2.3.3), or `None` when it is not on the curve.
fn uncompressed(curve: EcdsaCurve, point: &[u8]) -> Option<EcdsaPublicKey> {
    let verification: &'static EcdsaVerificationAlgorithm = match curve {
        EcdsaCurve::NistP256 => &ECDSA_P256_SHA256_FIXED,
        EcdsaCurve::NistP384 => &ECDSA_P384_SHA384_FIXED,
        EcdsaCurve::NistP521 => &ECDSA_P521_SHA512_FIXED,
    };
    // aws-lc-rs also reads a whole SubjectPublicKeyInfo.
    let point = point.first().is_some_and(|tag| (2..=4).contains(tag)).then_some(point)?;
    let key = ParsedPublicKey::new(verification, point).ok()?;
    let der: PublicKeyX509Der<'_> = key.as_der().ok()?;
    let info = SubjectPublicKeyInfoRef::from_der(der.as_ref()).ok()?;
    EcdsaPublicKey::from_sec1_bytes(info.subject_public_key.as_bytes()?).ok().filter(|key| key.curve() == curve)
}

/// Returns an RSA key of its modulus and exponent, in big endian.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<KeyData, KeyFlaw> {
    let number = |bytes| Mpint::from_positive_bytes(bytes).map_err(|_| KeyFlaw::Malformed);
    let key = KeyData::Rsa(RsaPublicKey { e: number(exponent)?, n: number(modulus)? });
    check_numbers(&key).map(|()| key)
}

/// Returns a key with the comment of its private key. A comment that would not stay in one line of text is dropped.
pub(super) fn with_comment(key: PublicKey, comment: &[u8]) -> PublicKey {
    let comment = std::str::from_utf8(comment).ok().filter(|comment| !comment.contains(is_control));
    PublicKey::new(key.into(), comment.unwrap_or_default().trim())
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
        EC => ec_point(&info.algorithm, key).map(KeyData::Ecdsa),
        ED25519 => key.try_into().map(|key| KeyData::Ed25519(Ed25519PublicKey(key))).map_err(|_| KeyFlaw::Malformed),
        _ => Err(KeyFlaw::UnknownType),
    }
}

/// Reads the point of a key on a named curve, or on one whose parameters are spelled out.
fn ec_point(algorithm: &AlgorithmIdentifierRef<'_>, point: &[u8]) -> Result<EcdsaPublicKey, KeyFlaw> {
    let mut plain = point.to_vec();
    // The hybrid form is the uncompressed one with the parity of y in its tag.
    if let [tag @ (6 | 7), ..] = plain.as_mut_slice() {
        *tag = 4;
    }
    let curve = match algorithm.parameters_oid() {
        Ok(oid) => CURVES.iter().find(|(known, _)| *known == oid).map(|(_, curve)| *curve),
        Err(_) => EcdsaPublicKey::from_sec1_bytes(&plain).ok().map(|key| key.curve()),
    };
    uncompressed(curve.ok_or(KeyFlaw::UnknownType)?, &plain).ok_or(KeyFlaw::Malformed)
}
