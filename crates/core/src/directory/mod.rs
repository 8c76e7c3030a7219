//! The directory of accounts, from which security identities are created.
//!
//! A directory answers whether an account exists, and whether it is a user or a group. It is an LDAP server or a list
//! in the settings; without either, every account is a user.

mod ldap;
mod list;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::config::{DirectoryKind, DirectorySettings};
use crate::text::line;
use ldap::Ldap;
use list::List;

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccountKind {
    User,
    Group,
}

/// An existing account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name, `DOMAIN\name`, as the directory writes it.
    pub name: String,
    /// The kind.
    pub kind: AccountKind,
}

/// The name of an account: `DOMAIN\name`, `name@domain`, or a bare name in the directory's own domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    domain: Option<String>,
    name: String,
}

impl AccountName {
    /// Parses a name of any form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (domain, name) = match (text.split_once('\\'), text.rsplit_once('@')) {
            (Some((domain, name)), _) => (Some(domain), name),
            (None, Some((name, domain))) => (Some(domain), name),
            (None, None) => (None, text),
        };
        let sound = |part: &str| !part.is_empty() && line(part) == Ok(part) && !part.contains('\\');
        let whole = sound(name) && domain.is_none_or(sound) && text.chars().count() <= 256;
        whole.then(|| Self { domain: domain.map(String::from), name: name.into() })
    }

    /// Returns the name as `DOMAIN\name`, if it has a domain.
    pub fn qualified(&self) -> Option<String> {
        self.domain.as_ref().map(|domain| format!("{domain}\\{}", self.name))
    }
}

/// The directory did not answer; the cause is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory does not answer")]
pub struct DirectoryError;

/// A directory of accounts.
pub trait Directory: Send + Sync {
    /// Returns the account with this name.
    fn find<'a>(&'a self, name: &'a AccountName) -> LocalBoxFuture<'a, Result<Option<Account>, DirectoryError>>;
}

/// Creates the directory of the settings.
pub fn open(settings: &DirectorySettings) -> Arc<dyn Directory> {
    match settings.kind {
        DirectoryKind::None => Arc::new(AnyAccount),
        DirectoryKind::List => Arc::new(List::new(settings)),
        DirectoryKind::Ldap => Arc::new(Ldap::new(settings)),
    }
}

/// No directory: every name with a domain is a user.
struct AnyAccount;

impl Directory for AnyAccount {
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
