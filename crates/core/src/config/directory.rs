//! The settings of the directory of accounts.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::names::one_of;

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
    pub url: Url,
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
    /// Whether the bind password would be sent over the network unencrypted. The host has to be this machine as a whole: a name
    /// that only begins like it may be anyone's.
    pub(super) fn sends_password_in_clear(&self) -> bool {
        let is_clear = self.url.scheme() == "ldap" && !self.start_tls;
        !self.bind_dn.is_empty() && is_clear && !self.url.host_str().is_some_and(is_this_machine)
    }
}

/// Whether the host of a URL is `localhost` or a loopback address.
fn is_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

/// The kind of the directory of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum DirectoryKind {
    None,
    List,
    Ldap,
}

one_of! { DirectoryKind: "none" => None, "list" => List, "ldap" => Ldap }

/// An account of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct ListedAccount {
    pub name: String,
    pub r#type: ListedKind,
}

/// The kind of an account of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum ListedKind {
    User,
    Group,
}

one_of! { ListedKind: "user" => User, "group" => Group }

/// Reads the URL of a directory: its scheme and host alone, so that nobody mistakes one part for another.
fn ldap_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    let is_bare = |url: &Url| {
        let of_directory = matches!(url.scheme(), "ldap" | "ldaps" | "ldapi") && url.has_host();
        let more = url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/");
        of_directory && url.username().is_empty() && url.password().is_none() && !more
    };
    let expected = "expected scheme and host, as in \"ldaps://directory.example\" or \"ldaps://directory.example:636\"";
    Url::parse(&text).ok().filter(is_bare).ok_or_else(|| serde::de::Error::custom(expected))
}
