//! Private keys in DER, the content of PEM: PKCS #1, SEC 1, PKCS #8 and DSA's own form.
//!
//! Those of RSA (2048 bits and more), ECDSA and Ed25519 are read, so that the public key is derived and the pair
//! checked. Of others the structure is checked.

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use pkcs1::RsaPrivateKeyRef;
use spki::der::{AnyRef, Decode, Reader, SliceReader, Tag, Tagged};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use ssh_key::EcdsaCurve;
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};

use super::KeyFlaw;
use super::openssh::signing;
use super::public_key::{EC, ED25519, RSA, rsa};

const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const CURVES: [(ObjectIdentifier, EcdsaCurve); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), EcdsaCurve::NistP256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), EcdsaCurve::NistP384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), EcdsaCurve::NistP521),
];

/// Returns the public key of a private one by the label of its PEM block; `None` where it is not derived.
pub(super) fn public_key(label: &str, der: &[u8]) -> Result<Option<KeyData>, KeyFlaw> {
    let elements = elements(der).ok_or(KeyFlaw::Damaged)?;
    let tags: Vec<Tag> = elements.iter().map(Tagged::tag).collect();
    match (label, tags.as_slice()) {
        ("RSA PRIVATE KEY", [Tag::Integer, Tag::Integer, ..]) => rsa_key(der),
        ("DSA PRIVATE KEY", tags) if tags == [Tag::Integer; 6] => Ok(None),
        ("EC PRIVATE KEY", [Tag::Integer, Tag::OctetString, ..]) => {
            let curve = elements.get(2).and_then(|parameters| ObjectIdentifier::from_der(parameters.value()).ok());
            ec_key(der, curve)
        }
        ("PRIVATE KEY", [Tag::Integer, Tag::Sequence, Tag::OctetString, ..]) => {
            pkcs8(der, &elements[1], elements[2].value())
        }
        ("ENCRYPTED PRIVATE KEY", [Tag::Sequence, Tag::OctetString]) => Ok(None),
        _ => Err(KeyFlaw::Damaged),
    }
}

/// Returns the elements of a sequence that is the whole input.
fn elements(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let sequence = AnyRef::from_der(der).ok().filter(|any| any.tag() == Tag::Sequence)?;
    let mut reader = SliceReader::new(sequence.value()).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(elements)
}

fn pkcs8(der: &[u8], algorithm: &AnyRef<'_>, key: &[u8]) -> Result<Option<KeyData>, KeyFlaw> {
    let algorithm: AlgorithmIdentifierRef<'_> = algorithm.decode_as().map_err(|_| KeyFlaw::Damaged)?;
    match algorithm.oid {
        RSA => rsa_key(key),
        EC => ec_key(der, algorithm.parameters_oid().ok()),
        ED25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyFlaw::Damaged)?;
            let point = pair.public_key().as_ref().try_into().map_err(|_| KeyFlaw::Damaged)?;
            Ok(Some(KeyData::Ed25519(Ed25519PublicKey(point))))
        }
        DSA => Ok(None),
        _ => Err(KeyFlaw::UnknownType),
    }
}

fn rsa_key(der: &[u8]) -> Result<Option<KeyData>, KeyFlaw> {
    let key = RsaPrivateKeyRef::from_der(der).map_err(|_| KeyFlaw::Damaged)?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    // Within the limits of aws-lc-rs. Smaller keys exist, if only in old places.
    let checkable = (256..=1024).contains(&modulus.len()) && exponent.len() <= 4;
    if checkable && RsaKeyPair::from_der(der).is_err() {
        return Err(KeyFlaw::Damaged);
    }
    rsa(modulus, exponent).map(Some)
}

fn ec_key(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<Option<KeyData>, KeyFlaw> {
    let known = CURVES.iter().any(|(oid, _)| Some(*oid) == curve);
    // The parameters of a curve can also be spelled out, without its name.
    let mut pairs =
        CURVES.iter().filter_map(|(_, curve)| EcdsaKeyPair::from_private_key_der(signing(*curve), der).ok());
    let pair = pairs.next().ok_or(if known { KeyFlaw::Damaged } else { KeyFlaw::UnknownType })?;
    let point = EcdsaPublicKey::from_sec1_bytes(pair.public_key().as_ref()).map_err(|_| KeyFlaw::Damaged)?;
    Ok(Some(KeyData::Ecdsa(point)))
}
