//! New SSH keys.

use chaveiro_rotation::{LoginSecret, TargetError};
use chaveiro_secret::SecretText;
use getrandom::SysRng;
use russh::keys::ssh_key::rand_core::UnwrapErr;
use russh::keys::ssh_key::{Error, LineEnding};
use russh::keys::{Algorithm, PrivateKey};

use super::login::private_key;
use crate::failure;

/// Generates the private key that is to replace a key, in OpenSSH's format.
///
/// It is of the same algorithm if that is ECDSA, otherwise Ed25519, and encrypted by the same passphrase if the key is. A key that
/// cannot be read counts as an encrypted one.
///
/// Deriving a key of a passphrase takes up to some tenths of a second.
///
/// # Errors
/// [`Failure::Misconfigured`](chaveiro_rotation::Failure::Misconfigured) if the key cannot be written.
pub fn generate_ssh_key(replaced: Option<&LoginSecret>, comment: &str) -> Result<SecretText, TargetError> {
    let algorithm = match replaced.map(private_key) {
        Some(Ok(key)) if matches!(key.algorithm(), Algorithm::Ecdsa { .. }) => key.algorithm(),
        _ => Algorithm::Ed25519,
    };
    let passphrase = replaced.and_then(passphrase_in_use);
    written(algorithm, comment, passphrase).map_err(|_| failure::misconfigured("a new SSH key cannot be written"))
}

/// Returns the passphrase of a key, unless the key can be read without it.
fn passphrase_in_use(secret: &LoginSecret) -> Option<&SecretText> {
    let LoginSecret::PrivateKey { key, passphrase } = secret else { return None };
    let without = LoginSecret::PrivateKey { key: key.clone(), passphrase: None };
    passphrase.as_ref().filter(|passphrase| !passphrase.is_empty() && private_key(&without).is_err())
}

fn written(algorithm: Algorithm, comment: &str, passphrase: Option<&SecretText>) -> Result<SecretText, Error> {
    let mut key = PrivateKey::random(&mut UnwrapErr(SysRng), algorithm)?;
    key.set_comment(comment);
    if let Some(passphrase) = passphrase {
        key = key.encrypt(&mut SysRng, passphrase.expose())?;
    }
    Ok(SecretText::new(std::mem::take(&mut *key.to_openssh(LineEnding::LF)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(key: SecretText, passphrase: Option<&str>) -> LoginSecret {
        LoginSecret::PrivateKey { key, passphrase: passphrase.map(|text| SecretText::new(text.into())) }
    }

    #[test]
    fn a_new_key_has_the_algorithm_the_comment_and_the_passphrase_of_the_old_one() {
        for name in ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"] {
            for passphrase in [None, Some("a passphrase")] {
                let secret = passphrase.map(|text: &str| SecretText::new(text.into()));
                let old = written(Algorithm::new(name).unwrap(), "", secret.as_ref()).unwrap();
                let old = login(old, passphrase);
                let new = login(generate_ssh_key(Some(&old), "jo@host").unwrap(), passphrase);
                let (old, read) = (private_key(&old).unwrap(), private_key(&new).unwrap());
                assert_eq!((read.algorithm().as_str(), read.comment().as_str_lossy()), (name, "jo@host"));
                assert_ne!(read.public_key(), old.public_key());
                assert_eq!(passphrase_in_use(&new).is_some(), passphrase.is_some(), "{name}");
            }
        }
    }

    #[test]
    fn a_passphrase_that_the_key_does_not_need_is_not_used() {
        let old = login(generate_ssh_key(None, "").unwrap(), Some("of nothing"));
        let new = login(generate_ssh_key(Some(&old), "").unwrap(), None);
        assert!(private_key(&new).is_ok());
    }
}
