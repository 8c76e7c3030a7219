//! SSH keys as text: properties of a public key, and whether a private key belongs to it.
//!
//! Private keys in OpenSSH's own format are read, encrypted ones too, since they carry their public key in the clear.
//! Older formats (PEM of PKCS #1, PKCS #8 and SEC 1, PuTTY) are recognised and taken as they are.

use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{HashAlg, PrivateKey, PublicKey};

use super::SecretText;

/// Why a key pair is refused. Contains nothing of the private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// Not a private key.
    #[error("is not a private key")]
    NoPrivateKey,
    /// Not a public key.
    #[error("is not a public key")]
    NoPublicKey,
    /// The public key belongs to another private key.
    #[error("does not belong to the private key")]
    OtherPair,
    /// The public key is missing, and cannot be read from a private key of this format.
    #[error("cannot be told from a private key of this format")]
    NotDerivable,
}

/// Properties of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKeyFacts {
    /// The algorithm's name, as in `ssh-ed25519`.
    pub algorithm: String,
    /// The size in bits, if known for the algorithm.
    pub bits: Option<u32>,
    /// The fingerprint, `SHA256:…`, as ssh-keygen prints it.
    pub fingerprint: String,
    /// The comment.
    pub comment: String,
}

/// Returns the properties of a public key, or `None` when the text is not a public key.
pub fn ssh_key_facts(public_key: &str) -> Option<SshKeyFacts> {
    let key = PublicKey::from_openssh(public_key.trim()).ok()?;
    Some(SshKeyFacts {
        algorithm: key.algorithm().as_str().into(),
        bits: bits(key.key_data()),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        comment: key.comment().into(),
    })
}

/// Checks that two keys are a pair. Returns the public key: `public_key`, or else the one inside the private key.
pub fn check_ssh_pair(private_key: &SecretText, public_key: Option<&str>) -> Result<String, SshKeyError> {
    let sent = match public_key {
        Some(text) => Some(PublicKey::from_openssh(text.trim()).map_err(|_| SshKeyError::NoPublicKey)?),
        None => None,
    };
    let own = own_public_key(private_key)?;
    match (public_key, sent, own) {
        (Some(text), Some(sent), Some(own)) if sent.key_data() == own.key_data() => Ok(text.into()),
        (Some(_), Some(_), Some(_)) => Err(SshKeyError::OtherPair),
        (Some(text), _, None) => Ok(text.into()),
        (_, _, Some(own)) => own.to_openssh().map_err(|_| SshKeyError::NotDerivable),
        (None, _, None) => Err(SshKeyError::NotDerivable),
    }
}

/// Returns the public key inside a private key; `None` for formats that are not parsed.
fn own_public_key(private_key: &SecretText) -> Result<Option<PublicKey>, SshKeyError> {
    // Accept the line endings of any system.
    let text = zeroize::Zeroizing::new(private_key.expose().trim().replace("\r\n", "\n") + "\n");
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|_| SshKeyError::NoPrivateKey)?;
        return Ok(Some(key.public_key().clone()));
    }
    let pem = ["", "RSA ", "EC ", "DSA ", "ENCRYPTED "].iter().any(|kind| {
        text.starts_with(&format!("-----BEGIN {kind}PRIVATE KEY-----\n"))
            && text.trim_end().ends_with(&format!("-----END {kind}PRIVATE KEY-----"))
    });
    let putty = text.starts_with("PuTTY-User-Key-File-");
    if pem || putty { Ok(None) } else { Err(SshKeyError::NoPrivateKey) }
}

fn bits(key: &KeyData) -> Option<u32> {
    match key {
        KeyData::Rsa(key) => mpint_bits(&key.n),
        KeyData::Dsa(key) => mpint_bits(&key.p),
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(_)) | KeyData::Ed25519(_) => Some(256),
        KeyData::SkEcdsaSha2NistP256(_) | KeyData::SkEd25519(_) => Some(256),
        KeyData::Ecdsa(EcdsaPublicKey::NistP384(_)) => Some(384),
        KeyData::Ecdsa(EcdsaPublicKey::NistP521(_)) => Some(521),
        _ => None,
    }
}

fn mpint_bits(number: &ssh_key::Mpint) -> Option<u32> {
    let bytes = number.as_positive_bytes()?;
    let first = bytes.first()?;
    u32::try_from(bytes.len()).ok()?.checked_mul(8)?.checked_sub(first.leading_zeros())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            (
                SecretText::new(include_str!(concat!("../../tests/suite/fixtures/ssh/", $name)).into()),
                include_str!(concat!("../../tests/suite/fixtures/ssh/", $name, ".pub")),
            )
        };
    }

    #[test]
    fn a_pair_is_recognised_and_its_public_key_derived() {
        for (private, public) in [fixture!("ed25519"), fixture!("ecdsa"), fixture!("rsa"), fixture!("encrypted")] {
            assert_eq!(check_ssh_pair(&private, Some(public)), Ok(public.into()));
            let derived = check_ssh_pair(&private, None).unwrap();
            assert_eq!(derived.split(' ').nth(1), public.split(' ').nth(1));
        }
    }

    #[test]
    fn line_ends_and_spaces_around_do_not_matter() {
        let (private, public) = fixture!("ed25519");
        let windows = SecretText::new(format!("\r\n{}\r\n", private.expose().replace('\n', "\r\n")));
        assert!(check_ssh_pair(&windows, Some(&format!(" {public}\r\n"))).is_ok());
    }

    #[test]
    fn a_private_key_of_another_pair_is_refused() {
        let ((private, _), (_, public)) = (fixture!("ed25519"), fixture!("rsa"));
        assert_eq!(check_ssh_pair(&private, Some(public)), Err(SshKeyError::OtherPair));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (private, public) = fixture!("ed25519");
        let cut = SecretText::new(private.expose()[..120].into());
        for no_key in
            ["", "hunter2", "-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nx", public]
        {
            let no_key = SecretText::new(no_key.into());
            assert_eq!(check_ssh_pair(&no_key, Some(public)), Err(SshKeyError::NoPrivateKey));
        }
        assert_eq!(check_ssh_pair(&cut, Some(public)), Err(SshKeyError::NoPrivateKey));
        assert_eq!(check_ssh_pair(&private, Some("ssh-ed25519 nonsense")), Err(SshKeyError::NoPublicKey));
    }

    #[test]
    fn an_older_format_is_taken_with_its_public_key() {
        let (private, public) = fixture!("pkcs1");
        assert_eq!(check_ssh_pair(&private, Some(public)), Ok(public.into()));
        assert_eq!(check_ssh_pair(&private, None), Err(SshKeyError::NotDerivable));
    }

    #[test]
    fn the_facts_are_those_of_ssh_keygen() {
        let sizes = [
            (fixture!("ed25519").1, "ssh-ed25519", 256),
            (fixture!("ecdsa").1, "ecdsa-sha2-nistp256", 256),
            (fixture!("rsa").1, "ssh-rsa", 2048),
        ];
        for (public, algorithm, bits) in sizes {
            let facts = ssh_key_facts(public).unwrap();
            assert_eq!((facts.algorithm.as_str(), facts.bits), (algorithm, Some(bits)));
            assert!(facts.fingerprint.starts_with("SHA256:") && facts.fingerprint.len() == 50);
            assert_eq!(facts.comment, "made for tests");
        }
        assert_eq!(ssh_key_facts("nonsense"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(private in any::<String>(), public in any::<String>()) {
            let _ = check_ssh_pair(&SecretText::new(private.clone()), Some(&public));
            let wrapped = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{private}\n-----END OPENSSH PRIVATE KEY-----");
            let _ = check_ssh_pair(&SecretText::new(wrapped), None);
        }
    }
}
