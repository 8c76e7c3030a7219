//! Permissions: held by a principal through its roles, and required by an action.
//!
//! An access-control string is a path: `/` grants everything, `/pam/modify/` changes on every provider,
//! `/pam/modify/5/` changes on provider 5. A held string grants a required one if it is a prefix of it; both end in a
//! slash, so that `/pam/modify/1/` does not match provider 10. Reading and modifying are two permissions, and neither
//! implies the other.

use std::fmt;

use crate::store::id::ProviderId;
use crate::vault::{DenyReason, VaultError};

/// The id of the built-in global permission set. A role in it may hold any permission, and some calls require a permission
/// through such a role.
pub const GLOBAL_SET: &str = "099c05f0-deba-4562-a5b1-f491e19c0749";

/// An access-control string in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessString(String);

impl AccessString {
    /// Parses an access-control string: segments of letters, digits, `-` and `_` between slashes. Ignores case and a missing
    /// trailing slash.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.trim().strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return (text.trim() == "/").then(|| Self("/".into()));
        }
        let sound = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        path.split('/').all(sound).then(|| Self(format!("/{}/", path.to_ascii_lowercase())))
    }

    /// The string itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether holding this grants `needed`.
    pub fn grants(&self, needed: &str) -> bool {
        needed.starts_with(&self.0)
    }

    /// The intersection with `bound`: the narrower of the two, if one is a prefix of the other.
    fn within(&self, bound: &AccessString) -> Option<AccessString> {
        if bound.grants(&self.0) { Some(self.clone()) } else { self.grants(&bound.0).then(|| bound.clone()) }
    }
}

/// Parses a column of access-control strings. Skips invalid ones, which grant nothing.
pub(in crate::vault) fn strings(column: &str) -> Vec<AccessString> {
    column.split_ascii_whitespace().filter_map(AccessString::parse).collect()
}

/// Formats a column of access-control strings.
pub(in crate::vault) fn column(strings: &[AccessString]) -> String {
    strings.iter().map(AccessString::as_str).collect::<Vec<_>>().join(" ")
}

/// Kind of access to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verb {
    Read,
    Modify,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Modify => "modify",
        }
    }
}

/// Permission that a call requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// On all of PAM: types, and providers that do not exist yet.
    Pam(Verb),
    /// On one provider and its entries.
    Provider(Verb, ProviderId),
    /// On identities, roles and permission sets.
    Security(Verb),
}

impl Permission {
    /// On the provider with this id.
    pub(in crate::vault) fn provider(verb: Verb, id: ProviderId) -> Self {
        Permission::Provider(verb, id)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permission::Pam(verb) => write!(f, "/pam/{}/", verb.word()),
            Permission::Provider(verb, id) => write!(f, "/pam/{}/{id}/", verb.word()),
            Permission::Security(verb) => write!(f, "/security/{}/", verb.word()),
        }
    }
}

/// The access-control strings that a role grants.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(in crate::vault) strings: Vec<AccessString>,
    pub(in crate::vault) global: bool,
}

impl Grant {
    /// The grant of a role: its strings, restricted by its permission set.
    pub(in crate::vault) fn new(permissions: &str, set_id: &str, set_permissions: &str) -> Self {
        let bounds = strings(set_permissions);
        let within = |held: AccessString| {
            bounds.iter().filter_map(move |bound| held.within(bound)).collect::<Vec<AccessString>>()
        };
        Self { strings: strings(permissions).into_iter().flat_map(within).collect(), global: set_id == GLOBAL_SET }
    }
}

/// Providers on which a principal holds a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Providers {
    /// All providers.
    All,
    /// Only these.
    Only(Vec<ProviderId>),
}

/// Union of the grants of a principal's roles.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    strings: Vec<AccessString>,
    /// The strings held through a role in the global permission set.
    global: Vec<AccessString>,
}

impl<'a> FromIterator<&'a Grant> for Rights {
    fn from_iter<I: IntoIterator<Item = &'a Grant>>(grants: I) -> Self {
        let mut rights = Self::default();
        for grant in grants {
            rights.strings.extend(grant.strings.iter().cloned());
            if grant.global {
                rights.global.extend(grant.strings.iter().cloned());
            }
        }
        rights
    }
}

impl Rights {
    /// Checks a permission.
    ///
    /// # Errors
    /// [`VaultError::Denied`] when no role grants it.
    pub(in crate::vault) fn require(&self, permission: Permission) -> Result<(), VaultError> {
        granted(&self.strings, permission)
    }

    /// Checks a permission that only roles in the global permission set grant.
    ///
    /// # Errors
    /// [`VaultError::Denied`] when no role in the global set grants it.
    pub(in crate::vault) fn require_globally(&self, permission: Permission) -> Result<(), VaultError> {
        granted(&self.global, permission)
    }

    /// Returns the providers on which the principal may do this.
    ///
    /// # Errors
    /// [`VaultError::Denied`] when no role grants it on any provider.
    pub(in crate::vault) fn providers(&self, verb: Verb) -> Result<Providers, VaultError> {
        let whole = Permission::Pam(verb).to_string();
        if self.strings.iter().any(|held| held.grants(&whole)) {
            return Ok(Providers::All);
        }
        let mut ids: Vec<ProviderId> = self.strings.iter().filter_map(|held| provider_in(held, verb)).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() { Err(VaultError::Denied(DenyReason::Permission)) } else { Ok(Providers::Only(ids)) }
    }
}

/// The provider of a string that grants `verb` on exactly one provider. `None` for any other string, and for a number in
/// another spelling, as in `/pam/read/007/`.
pub(super) fn provider_in(held: &AccessString, verb: Verb) -> Option<ProviderId> {
    let id = held.as_str().strip_prefix(&Permission::Pam(verb).to_string())?.strip_suffix('/')?;
    let id = ProviderId::new(id.parse().ok()?);
    (held.as_str() == Permission::provider(verb, id).to_string()).then_some(id)
}

fn granted(held: &[AccessString], permission: Permission) -> Result<(), VaultError> {
    let needed = permission.to_string();
    if held.iter().any(|held| held.grants(&needed)) { Ok(()) } else { Err(VaultError::Denied(DenyReason::Permission)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rights(roles: &[(&str, &str, &str)]) -> Rights {
        let grants: Vec<Grant> = roles.iter().map(|(held, set, bound)| Grant::new(held, set, bound)).collect();
        grants.iter().collect()
    }

    fn holding(held: &str) -> Rights {
        rights(&[(held, GLOBAL_SET, "/")])
    }

    #[test]
    fn each_string_grants_itself_and_what_lies_below() {
        use Permission::{Pam, Provider, Security};
        use Verb::{Modify, Read};
        let all = [
            Pam(Read),
            Pam(Modify),
            Provider(Read, ProviderId::new(1)),
            Provider(Modify, ProviderId::new(1)),
            Provider(Read, ProviderId::new(10)),
            Provider(Modify, ProviderId::new(10)),
            Security(Read),
            Security(Modify),
        ];
        let mut table = String::new();
        for held in [
            "/",
            "/pam/",
            "/pam/read/",
            "/pam/modify/",
            "/pam/modify/1/",
            "/pam/read/10/ /security/read/",
            "/security/",
            "/metadata/types/read/",
            "/pam/modify/1/x/",
            "",
        ] {
            let granted = all.iter().filter(|permission| holding(held).require(**permission).is_ok());
            let granted = granted.map(ToString::to_string).collect::<Vec<_>>().join(" ");
            table += &format!("{held:30} {granted}\n");
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_is_no_path_grants_nothing() {
        for text in
            ["", " ", "pam/read/", "//", "/pam//read/", "/pam/read/#/", "/pam/*/", "/pam/../", "/pam/re ad/", "///"]
        {
            assert_eq!(AccessString::parse(text), None, "{text}");
        }
        assert_eq!(AccessString::parse(" /PAM/Read ").unwrap().as_str(), "/pam/read/");
        assert_eq!(AccessString::parse("/").unwrap().as_str(), "/");
    }

    #[test]
    fn a_set_bounds_its_roles() {
        let bounded = rights(&[("/", "another", "/pam/read/")]);
        assert!(bounded.require(Permission::Pam(Verb::Read)).is_ok());
        assert!(bounded.require(Permission::Pam(Verb::Modify)).is_err());
        assert!(bounded.require_globally(Permission::Pam(Verb::Read)).is_err());
        let outside = rights(&[("/security/", "another", "/pam/")]);
        assert!(outside.require(Permission::Security(Verb::Read)).is_err());
        // A role in the global set keeps its full grant.
        let both = rights(&[("/pam/", "another", "/pam/"), ("/security/modify/", GLOBAL_SET, "/")]);
        assert!(both.require(Permission::Pam(Verb::Modify)).is_ok());
        assert!(both.require_globally(Permission::Security(Verb::Modify)).is_ok());
        assert!(both.require_globally(Permission::Pam(Verb::Modify)).is_err());
    }

    #[test]
    fn the_providers_of_a_caller() {
        assert_eq!(holding("/pam/").providers(Verb::Read), Ok(Providers::All));
        let some = holding("/pam/read/7/ /pam/read/3/ /pam/modify/1/ /pam/read/3/");
        assert_eq!(some.providers(Verb::Read), Ok(Providers::Only(vec![ProviderId::new(3), ProviderId::new(7)])));
        assert!(holding("/pam/modify/ /security/").providers(Verb::Read).is_err());
        assert!(holding("/pam/read/x/ /pam/read/1/2/ /pam/read/007/ /pam/read/-0/").providers(Verb::Read).is_err());
    }

    fn path() -> impl Strategy<Value = String> {
        prop::collection::vec("[a-z0-9]{1,3}", 0..4)
            .prop_map(|segments| segments.into_iter().fold("/".into(), |path, segment| format!("{path}{segment}/")))
    }

    proptest! {
        #[test]
        fn a_string_grants_exactly_the_paths_that_begin_with_its_segments(held in path(), needed in path()) {
            let segments = |path: &str| path.split('/').filter(|s| !s.is_empty()).map(String::from).collect::<Vec<_>>();
            let expected = segments(&needed).starts_with(&segments(&held));
            prop_assert_eq!(AccessString::parse(&held).unwrap().grants(&needed), expected);
        }

        #[test]
        fn one_provider_never_stands_for_another(held in 1..i32::MAX, needed in 1..i32::MAX) {
            let rights = holding(&format!("/pam/modify/{held}/"));
            let [own, other] = [held, needed].map(ProviderId::new);
            prop_assert_eq!(rights.require(Permission::Provider(Verb::Modify, other)).is_ok(), held == needed);
            prop_assert!(rights.require(Permission::Pam(Verb::Modify)).is_err());
            prop_assert!(rights.require(Permission::Provider(Verb::Read, own)).is_err());
        }

        #[test]
        fn a_narrow_grant_takes_nothing_from_a_broad_one(narrow in path(), broad in path(), needed in 1..99i32) {
            let permission = Permission::Provider(Verb::Read, ProviderId::new(needed));
            let alone = holding(&broad).require(permission).is_ok() || holding(&narrow).require(permission).is_ok();
            prop_assert_eq!(holding(&format!("{narrow} {broad}")).require(permission).is_ok(), alone);
        }

        #[test]
        fn a_role_never_exceeds_its_set(held in path(), bound in path(), needed in path()) {
            let grant = Grant::new(&held, "another", &bound);
            let granted = grant.strings.iter().any(|string| string.grants(&needed));
            let (held, bound) = (AccessString::parse(&held).unwrap(), AccessString::parse(&bound).unwrap());
            prop_assert_eq!(granted, held.grants(&needed) && bound.grants(&needed));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Some(string) = AccessString::parse(&text) {
                prop_assert!(string.as_str().starts_with('/') && string.as_str().ends_with('/'));
                prop_assert_eq!(AccessString::parse(string.as_str()), Some(string.clone()));
            }
        }
    }
}
