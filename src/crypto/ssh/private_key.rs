//! Private keys. Those in OpenSSH's own format are read, encrypted ones too, since they carry their public key in the
//! clear. Older formats are recognised and taken as they are.

use ssh_key::{PrivateKey, PublicKey};

use super::{KeyFlaw, putty};

/// Returns the public key inside a private key; `None` for formats that are not parsed.
pub(super) fn public_key(text: &str) -> Result<Option<PublicKey>, KeyFlaw> {
    // Accept the line endings of any system.
    let text = zeroize::Zeroizing::new(text.trim().replace("\r\n", "\n") + "\n");
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|_| KeyFlaw::NoPrivateKey)?;
        return Ok(Some(key.public_key().clone()));
    }
    let pem = ["", "RSA ", "EC ", "DSA ", "ENCRYPTED "].iter().any(|kind| {
        text.starts_with(&format!("-----BEGIN {kind}PRIVATE KEY-----\n"))
            && text.trim_end().ends_with(&format!("-----END {kind}PRIVATE KEY-----"))
    });
    if pem || text.starts_with(putty::HEADER) { Ok(None) } else { Err(KeyFlaw::NoPrivateKey) }
}
