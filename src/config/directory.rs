//! The settings of the directory of accounts.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `[directory]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct DirectorySettings {
    pub kind: DirectoryKind,
    pub domain: String,
    pub accounts: Vec<ListedAccount>,
    pub ldap: LdapSettings,
}

/// The section `[directory.ldap]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct LdapSettings {
    #[serde(deserialize_with = "ldap_url")]
    pub url: String,
    pub start_tls: bool,
    pub ca_file: PathBuf,
    pub bind_dn: String,
    pub bind_password_file: PathBuf,
    pub base_dn: String,
    pub dns_domain: String,
    pub user_class: String,
    pub user_attribute: String,
    pub group_class: String,
    pub group_attribute: String,
    pub timeout_seconds: u64,
}

impl LdapSettings {
    /// Whether the bind password would be sent over the network unencrypted.
    pub(super) fn sends_password_in_clear(&self) -> bool {
        let plain = self.url.strip_prefix("ldap://").filter(|_| !self.start_tls);
        let host = plain.map(|rest| rest.split('/').next().unwrap_or_default());
        let is_local = |host: &str| ["127.0.0.1", "[::1]", "localhost"].iter().any(|own| host.starts_with(own));
        !self.bind_dn.is_empty() && host.is_some_and(|host| !is_local(host))
    }
}

/// The kind of the directory of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum DirectoryKind {
    None,
    List,
    Ldap,
}

/// An account of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct ListedAccount {
    pub name: String,
    pub r#type: ListedKind,
}

/// The kind of an account of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum ListedKind {
    User,
    Group,
}

fn ldap_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let url = String::deserialize(from)?;
    if ["ldap://", "ldaps://", "ldapi://"].iter().any(|scheme| url.starts_with(scheme)) {
        Ok(url)
    } else {
        Err(serde::de::Error::custom("expected a URL, as in \"ldaps://directory.example\""))
    }
}
