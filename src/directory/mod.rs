//! The directory of accounts that security identities are made of.
//!
//! It tells whether an account exists, and whether it is a user or a group. Two are real, an LDAP server and a list in the settings; without either, every account is a user.

mod ldap;
mod list;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::config::{DirectoryKind, DirectorySettings};
use ldap::Ldap;
use list::List;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccountKind {
    User,
    Group,
}

/// An account that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `DOMAIN\name`, as the directory writes it.
    pub name: String,
    /// What it is.
    pub kind: AccountKind,
}

/// An account as somebody names it: `DOMAIN\name`, `name@domain`, or a bare name of the directory's own domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    domain: Option<String>,
    name: String,
}

impl AccountName {
    /// Reads a name of any form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (domain, name) = match (text.split_once('\\'), text.rsplit_once('@')) {
            (Some((domain, name)), _) => (Some(domain), name),
            (None, Some((name, domain))) => (Some(domain), name),
            (None, None) => (None, text),
        };
        let sound = |part: &str| {
            !part.is_empty() && part.trim() == part && !part.contains('\\') && !part.chars().any(char::is_control)
        };
        let whole = sound(name) && domain.is_none_or(sound) && text.chars().count() <= 256;
        whole.then(|| Self { domain: domain.map(String::from), name: name.into() })
    }

    /// The name as `DOMAIN\name`, when it says its domain.
    pub fn qualified(&self) -> Option<String> {
        self.domain.as_ref().map(|domain| format!("{domain}\\{}", self.name))
    }
}

/// The directory did not answer. The cause went to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory does not answer")]
pub struct DirectoryError;

/// A directory.
pub trait Directory: Send + Sync {
    /// The account of that name, if there is one.
    fn find<'a>(&'a self, name: &'a AccountName) -> LocalBoxFuture<'a, Result<Option<Account>, DirectoryError>>;
}

/// The directory that the settings name.
pub fn open(settings: &DirectorySettings) -> Arc<dyn Directory> {
    match settings.kind {
        DirectoryKind::None => Arc::new(Anyone),
        DirectoryKind::List => Arc::new(List::new(settings)),
        DirectoryKind::Ldap => Arc::new(Ldap::new(settings)),
    }
}

/// No directory: whoever has a domain is a user.
struct Anyone;

impl Directory for Anyone {
    fn find<'a>(&'a self, name: &'a AccountName) -> LocalBoxFuture<'a, Result<Option<Account>, DirectoryError>> {
        let account = name.qualified().map(|name| Account { name, kind: AccountKind::User });
        Box::pin(async { Ok(account) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Option<(Option<String>, String)> {
        AccountName::parse(text).map(|account| (account.domain, account.name))
    }

    #[test]
    fn a_name_has_three_forms() {
        let with = |domain: &str, name: &str| Some((Some(domain.into()), name.into()));
        assert_eq!(parts(r"CORP\jo"), with("CORP", "jo"));
        assert_eq!(parts(r"KEYEXAMPLE\PKI Administrators"), with("KEYEXAMPLE", "PKI Administrators"));
        assert_eq!(parts("jo@corp.example"), with("corp.example", "jo"));
        assert_eq!(parts(r"CORP\jo@x"), with("CORP", "jo@x"));
        assert_eq!(parts(" jo "), Some((None, "jo".into())));
        for text in ["", " ", r"\jo", r"CORP\", r"CORP\a\b", "@corp", "jo@", "a\nb", r"CORP\ jo"] {
            assert_eq!(parts(text), None, "{text:?}");
        }
        assert_eq!(parts(&"x".repeat(257)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_none(text in any::<String>()) {
            if let Some(account) = AccountName::parse(&text) {
                prop_assert!(!account.name.is_empty());
            }
        }
    }
}
