//! Private keys in the formats that programs write.

use ssh_key::PublicKey;

use super::armor::{Block, blocks};
use super::wire::WireReader;
use super::{KeyFlaw, der, openssh, public_key, putty};

/// The first number of a key in the format of ssh.com.
const SSHCOM_MAGIC: u32 = 0x3f6f_f9eb;

/// Returns the public key of a private one; `None` where it cannot be derived.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn public_key(text: &str) -> Result<Option<PublicKey>, KeyFlaw> {
    // Notepad writes a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let putty_keys = text.lines().filter(|line| line.starts_with(putty::HEADER)).count();
    let blocks = blocks(text)?;
    let mut keys = blocks.iter().filter(|block| block.is_private_key());
    match (putty_keys, keys.next(), keys.next()) {
        (1, None, _) => putty::public_key(text).map(Some),
        (0, Some(block), None) => in_block(block),
        (0, None, _) => Err(other(text, &blocks)),
        _ => Err(KeyFlaw::SeveralKeys),
    }
}

fn in_block(block: &Block<'_>) -> Result<Option<PublicKey>, KeyFlaw> {
    let content = block.decode()?;
    match block.label {
        "OPENSSH PRIVATE KEY" => openssh::public_key(&content).map(Some),
        "SSH2 ENCRYPTED PRIVATE KEY" => sshcom(&content).map(|()| None).ok_or(KeyFlaw::Malformed),
        _ if block.header("Proc-Type").is_some() => encrypted(block, &content).map(|()| None),
        _ if content.starts_with(openssh::MAGIC) => Err(KeyFlaw::OtherFormat),
        label => Ok(der::public_key(label, &content)?.map(PublicKey::from)),
    }
}

/// Checks a PEM block that is encrypted as in RFC 1421: everything but the length is unknown.
fn encrypted(block: &Block<'_>, content: &[u8]) -> Result<(), KeyFlaw> {
    if !matches!(block.label, "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY") {
        return Err(KeyFlaw::OtherFormat);
    }
    let is_encrypted = block.header("Proc-Type").is_some_and(|value| value.replace(' ', "") == "4,ENCRYPTED");
    let info = block.header("DEK-Info").filter(|_| is_encrypted).ok_or(KeyFlaw::UnknownCipher)?;
    let (cipher, iv) = info.split_once(',').ok_or(KeyFlaw::UnknownCipher)?;
    let iv = hex::decode(iv.trim()).ok().filter(|iv| !iv.is_empty()).ok_or(KeyFlaw::UnknownCipher)?;
    // CBC has an initialization vector of one block, and pads to blocks. OpenSSL also writes CFB, OFB and stream ciphers.
    let in_blocks = cipher.trim().to_ascii_uppercase().ends_with("-CBC");
    let whole = !content.is_empty() && (!in_blocks || content.len().is_multiple_of(iv.len()));
    if whole { Ok(()) } else { Err(KeyFlaw::Malformed) }
}

/// Checks the frame of a key in the format of ssh.com.
fn sshcom(content: &[u8]) -> Option<()> {
    let mut reader = WireReader(content);
    let framed = reader.uint32()? == SSHCOM_MAGIC && usize::try_from(reader.uint32()?).ok()? == content.len();
    // Type, cipher and key.
    reader.strings(3)?;
    (framed && reader.is_at_end()).then_some(())
}

/// Returns what a text without a private key is.
fn other(text: &str, blocks: &[Block<'_>]) -> KeyFlaw {
    if blocks.iter().any(|block| block.label.ends_with("CERTIFICATE")) {
        return KeyFlaw::IsCertificate;
    }
    match public_key::read(text) {
        Ok(_) | Err(KeyFlaw::ControlCharacter) => KeyFlaw::IsPublic,
        Err(KeyFlaw::IsCertificate) => KeyFlaw::IsCertificate,
        Err(_) => KeyFlaw::NoPrivateKey,
    }
}
