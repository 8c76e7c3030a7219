//! Private keys in DER, the content of PEM: PKCS #1, SEC 1, PKCS #8 and DSA's own form.
//!
//! Those of RSA, ECDSA and Ed25519 are read, so that the public key is derived and the pair checked. Of others, and of
//! the numbers of RSA with more than two primes, the structure is checked.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use spki::der::asn1::UintRef;
use spki::der::{AnyRef, Decode, Reader, SliceReader, Tag, Tagged};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};

use super::KeyFlaw;
use super::numbers::{RsaNumbers, signing};
use super::public_key::{CURVES, EC, ED25519, RSA, rsa};

const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");

/// Returns the public key of a private one by the label of its PEM block; `None` where it is not derived.
pub(super) fn public_key(label: &str, der: &[u8]) -> Result<Option<KeyData>, KeyFlaw> {
    let elements = elements(der).ok_or(KeyFlaw::Malformed)?;
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
        _ => Err(KeyFlaw::OtherFormat),
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
    let algorithm: AlgorithmIdentifierRef<'_> = algorithm.decode_as().map_err(|_| KeyFlaw::Malformed)?;
    match algorithm.oid {
        RSA => rsa_key(key),
        EC => ec_key(der, algorithm.parameters_oid().ok()),
        ED25519 => {
            // The seed is an OCTET STRING of 32 bytes (RFC 8410, section 7). Version 2 repeats the public key.
            let whole = key.len() == 34 && key.starts_with(&[4, 32]);
            let flaw = if whole { KeyFlaw::Inconsistent } else { KeyFlaw::Malformed };
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| flaw)?;
            let point = pair.public_key().as_ref().try_into().map_err(|_| KeyFlaw::Malformed)?;
            Ok(Some(KeyData::Ed25519(Ed25519PublicKey(point))))
        }
        DSA => Ok(None),
        _ => Err(KeyFlaw::UnknownType),
    }
}

fn rsa_key(der: &[u8]) -> Result<Option<KeyData>, KeyFlaw> {
    let elements = elements(der).ok_or(KeyFlaw::Malformed)?;
    let (version, elements) = elements.split_first().ok_or(KeyFlaw::Malformed)?;
    let (numbers, more) = elements.split_at_checked(8).ok_or(KeyFlaw::Malformed)?;
    let [modulus, exponent, private_exponent, p, q, exponent_p, exponent_q, coefficient] =
        uints(numbers).and_then(|numbers| numbers.try_into().ok()).ok_or(KeyFlaw::Malformed)?;
    let numbers = RsaNumbers { modulus, exponent, private_exponent, primes: [p, q], coefficient };
    let key = rsa(modulus, exponent)?;
    match (version.value(), more) {
        ([0], []) if numbers.is_pair(Some([exponent_p, exponent_q])) => Ok(Some(key)),
        ([0], []) => Err(KeyFlaw::Inconsistent),
        // More than two primes (RFC 8017, appendix A.1.2), which aws-lc does not read.
        ([1], [more]) if are_prime_infos(more) => Ok(Some(key)),
        _ => Err(KeyFlaw::Malformed),
    }
}

fn uints<'a>(elements: &[AnyRef<'a>]) -> Option<Vec<&'a [u8]>> {
    elements.iter().map(|element| Some(element.decode_as::<UintRef<'a>>().ok()?.as_bytes())).collect()
}

/// Whether an element has the prime, exponent and coefficient of each further prime.
fn are_prime_infos(element: &AnyRef<'_>) -> bool {
    let mut reader = element.tag().eq(&Tag::Sequence).then(|| SliceReader::new(element.value()).ok()).flatten();
    let Some(reader) = reader.as_mut().filter(|reader| !reader.is_finished()) else { return false };
    while !reader.is_finished() {
        let info = reader.tlv_bytes().ok().and_then(|info| uints(&elements(info)?));
        if info.is_none_or(|numbers| numbers.len() != 3) {
            return false;
        }
    }
    true
}

fn ec_key(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<Option<KeyData>, KeyFlaw> {
    let known = CURVES.iter().any(|(oid, _)| Some(*oid) == curve);
    // The parameters of a curve can also be spelled out, without its name.
    let mut pairs =
        CURVES.iter().filter_map(|(_, curve)| EcdsaKeyPair::from_private_key_der(signing(*curve), der).ok());
    let pair = pairs.next().ok_or(if known { KeyFlaw::Inconsistent } else { KeyFlaw::UnknownType })?;
    let point = EcdsaPublicKey::from_sec1_bytes(pair.public_key().as_ref()).map_err(|_| KeyFlaw::Malformed)?;
    Ok(Some(KeyData::Ecdsa(point)))
}
