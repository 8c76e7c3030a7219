//! Tags: the places of a template that a run fills with a value, written `[#NAME#]`.

use std::fmt;

/// A tag. Names are compared without case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    name: String,
}

/// What a tag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagKind {
    /// A password, key or token.
    Secret,
    /// A value that may be shown.
    Public,
    /// A name that no run has a value for.
    Unknown,
}

const SECRETS: &[&str] = &[
    "NEW_PASSWORD",
    "CURRENT_PASSWORD",
    "AUTH_PASSWORD",
    "COE_SENHA",
    "CREDENTIAL_PASSWORD",
    "SECRET_DATA",
    "SECRET_ACCESS_KEY",
    "APP_AUTH_CLIENT_SECRET",
    "APP_AUTH_CONSUMER_SECRET",
    "APP_AUTH_TOKEN",
    "APP_AUTH_TOKEN_SECRET",
    "APP_AUTH_UNIQUE_KEY",
    "AZURE_APP_SECRET",
    "GOOGLE_KEY",
    "APP_AUTH_CONSUMER_KEY",
];

const PUBLIC: &[&str] = &[
    "USERNAME",
    "IP",
    "HOSTNAME",
    "PORT",
    "DOMAIN",
    "AUTH_USER",
    "ADD_INFO",
    "UID",
    "HOME",
    "SHELL",
    "GRUPO_NOME",
    "CODIGO_GOVERNANCA",
    "OPERACAO_COD",
    "APP_NAME",
    "APP_AUTH_TYPE",
    "APP_AUTH_CLIENT_ID",
    "ACCESS_KEY_ID",
    "ACCESS_KEY_TTL",
    "CREDENTIAL_HOSTNAME",
    "CREDENTIAL_USERNAME",
    "CREDENTIAL_ADDITIONAL_INFORMATION",
    "CREDENTIAL_TTL",
    "SECRET_NAME",
    "SECRET_IDENTIFIER",
    "SECRET_ENGINE",
    "SECRET_VERSION",
    "SECRET_EXPIRATION_DATE",
];

/// Tags of cloud accounts, which are public too.
const CLOUD: &[&str] = &["AZURE_APP_ID", "AZURE_TENANT", "AZURE_VAULT", "GOOGLE_PROJECT"];

impl Tag {
    /// The longest name.
    const LONGEST: usize = 64;

    /// Returns the tag of a name, or `None` when it has other characters than letters, digits and `_`.
    pub fn new(name: &str) -> Option<Self> {
        let valid = !name.is_empty()
            && name.len() <= Self::LONGEST
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        valid.then(|| Self { name: name.to_ascii_uppercase() })
    }

    /// The new password of the account.
    pub fn new_password() -> Self {
        Self { name: "NEW_PASSWORD".into() }
    }

    /// Returns the name in upper case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the tag stands for.
    pub fn kind(&self) -> TagKind {
        if SECRETS.contains(&self.name()) {
            TagKind::Secret
        } else if PUBLIC.contains(&self.name()) || CLOUD.contains(&self.name()) {
            TagKind::Public
        } else {
            TagKind::Unknown
        }
    }

    /// Whether the value must be kept from logs: every tag that is not known to be public.
    pub fn is_secret(&self) -> bool {
        self.kind() != TagKind::Public
    }

    /// Reads a tag at the start of the text, with the number of bytes that it takes.
    pub(crate) fn at_start(text: &str) -> Option<(Self, usize)> {
        let name = text.strip_prefix("[#")?;
        let end = name.find("#]")?;
        Some((Self::new(&name[..end])?, "[#".len() + end + "#]".len()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[#{}#]", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_without_case() {
        for text in ["[#NEW_PASSWORD#]", "[#new_password#]x", "[#New_Password#]"] {
            let (tag, length) = Tag::at_start(text).unwrap();
            assert_eq!((tag, length), (Tag::new_password(), 16), "{text}");
        }
    }

    #[test]
    fn character_classes_are_no_tags() {
        for text in ["[#$>]", "[##]", "[# IP #]", "[#IP]", "[#", "[$|#|>]", "x[#IP#]"] {
            assert_eq!(Tag::at_start(text), None, "{text}");
        }
    }

    #[test]
    fn unknown_tags_count_as_secrets() {
        assert!(Tag::new("MY_TOKEN").unwrap().is_secret());
        assert!(Tag::new_password().is_secret());
        assert!(!Tag::new("username").unwrap().is_secret());
    }
}
