//! Why an SSH key is refused. Nothing here contains a part of a key.

use std::fmt;

/// Why a key pair is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// The private key is refused.
    #[error("the private key {0}")]
    PrivateKey(KeyFlaw),
    /// The public key is refused.
    #[error("the public key {0}")]
    PublicKey(KeyFlaw),
    /// The public key is missing, and cannot be derived from this private key.
    #[error("the public key is missing and cannot be derived from this private key")]
    NotDerivable,
}

/// What is wrong with the text of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlaw {
    /// Not a private key.
    NoPrivateKey,
    /// Not a public key.
    NoPublicKey,
    /// A public key in place of a private one.
    IsPublic,
    /// A private key in place of a public one.
    IsPrivate,
    /// A certificate in place of a key.
    IsCertificate,
    /// More than one private key.
    SeveralKeys,
    /// More than one line in the form of `authorized_keys`.
    SeveralLines,
    /// Header, content and footer in one line.
    NoLineBreaks,
    /// A header without its footer, or the other way round.
    CutOff,
    /// Content that is not base64.
    NotBase64,
    /// Content that is cut off, or without the structure of its format.
    Malformed,
    /// Content of another format than the header says.
    OtherFormat,
    /// Numbers that do not belong together.
    Inconsistent,
    /// Content that does not have the MAC of the file.
    WrongMac,
    /// A cipher or key derivation that no program has.
    UnknownCipher,
    /// A type of key that SSH does not have, or that is not supported.
    UnknownType,
    /// An RSA or DSA key that no program reads.
    TooLarge,
    /// A control character in the comment, the options or between them.
    ControlCharacter,
    /// The public key of another pair.
    OtherPair,
}

impl KeyFlaw {
    /// The message, without the name of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyFlaw::NoPrivateKey => "is not a private key: expected OpenSSH, PEM, PuTTY or ssh.com format",
            KeyFlaw::NoPublicKey => "is not a public key: expected a line of `authorized_keys`, RFC 4716 or PEM",
            KeyFlaw::IsPublic => "is a public key, not a private key",
            KeyFlaw::IsPrivate => "is a private key, not a public key",
            KeyFlaw::IsCertificate => "is a certificate: send the key without its certificate",
            KeyFlaw::SeveralKeys => "holds more than one key: send one",
            KeyFlaw::SeveralLines => "holds more than one line: send one key in one line",
            KeyFlaw::NoLineBreaks => "has lost its line breaks: header and footer must be lines of their own",
            KeyFlaw::CutOff => "is cut off: header and footer must both be there and name the same format",
            KeyFlaw::NotBase64 => "is cut off or damaged: the text between header and footer is not base64",
            KeyFlaw::Malformed => "is cut off or damaged: its content does not have the structure of its format",
            KeyFlaw::OtherFormat => "has a header of another format than its content",
            KeyFlaw::Inconsistent => "is damaged: its private numbers do not belong to its public key",
            KeyFlaw::WrongMac => "is damaged or was changed: its content does not match its Private-MAC",
            KeyFlaw::UnknownCipher => "is encrypted in an unknown way: expected a cipher of OpenSSH, OpenSSL or PuTTY",
            KeyFlaw::UnknownType => "is of an unknown type: expected ed25519, ecdsa, rsa, dsa or a FIDO key (sk-)",
            KeyFlaw::TooLarge => "is too large: expected at most 16384 bits",
            KeyFlaw::ControlCharacter => "must not contain control characters in its comment or options",
            KeyFlaw::OtherPair => "does not belong to the private key",
        }
    }
}

impl fmt::Display for KeyFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
