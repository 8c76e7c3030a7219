//! The sections of the settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

use super::facades::is_fixed_path;
use super::names::one_of;

/// The section `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct HttpSettings {
    pub listen: SocketAddr,
    pub workers: usize,
    pub max_body_bytes: usize,
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    pub forwarded_header: ForwardedHeader,
    pub certificate_header: String,
    pub keep_alive_seconds: u32,
    pub unread_seconds: u32,
    pub whole_list_bytes: usize,
    pub shutdown_seconds: u64,
    pub deadline_seconds: u64,
}

/// The header in which trusted proxies send the source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: a list of addresses.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): a list of `for=ADDRESS`, with further parameters.
    Forwarded,
}

one_of! { ForwardedHeader: "x-forwarded-for" => XForwardedFor, "forwarded" => Forwarded }

impl ForwardedHeader {
    /// Returns the header that is not read.
    pub fn other(self) -> Self {
        match self {
            Self::XForwardedFor => Self::Forwarded,
            Self::Forwarded => Self::XForwardedFor,
        }
    }

    /// Returns the name of the header, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// The section `[tls]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct TlsSettings {
    #[serde(deserialize_with = "path")]
    pub certificate: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    pub key: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    pub client_ca: Option<PathBuf>,
}

/// The section `[store]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct StoreSettings {
    pub readers: usize,
    pub writers: usize,
    pub queue: usize,
    pub wait_seconds: u64,
    pub batch: usize,
}

/// The section `[node]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct NodeSettings {
    pub name: String,
}

/// The section `[tokens]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct TokenSettings {
    pub lifetime_seconds: u32,
    pub issuer: String,
    pub audience: String,
    pub tenant: String,
}

/// The section `[pam]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct PamSettings {
    pub dialect: DialectSetting,
    #[serde(deserialize_with = "not_authorized_status")]
    pub not_authorized_status: u16,
    pub oauth1: bool,
}

/// The generation of clients that the PAM routes serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum DialectSetting {
    ByPrefix,
    Legacy,
    Modern,
}

one_of! { DialectSetting: "by-prefix" => ByPrefix, "legacy" => Legacy, "modern" => Modern }

/// The section `[ssh_keys]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct SshKeySettings {
    pub check: bool,
}

/// The section `[custody]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct CustodySettings {
    pub exclusive: bool,
    pub seconds: u32,
}

/// The section `[history]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct HistorySettings {
    pub versions: i32,
}

/// The section `[root_key]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct RootKeySettings {
    pub command: Vec<String>,
}

/// The section `[keys]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct KeySettings {
    pub rotate_after_days: u16,
}

/// The section `[retries]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct RetrySettings {
    pub hours: u32,
}

/// The section `[audit]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct AuditSettings {
    pub head_seconds: u64,
}

impl TlsSettings {
    /// Returns the scheme of the server's addresses.
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// The section `[keyfactor]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct KeyfactorSettings {
    #[serde(deserialize_with = "base_paths")]
    pub base_paths: Vec<String>,
    pub product_version: String,
    pub require_requested_with: bool,
}

/// The section `[login]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct LoginSettings {
    pub max_failures_per_minute: u32,
}

fn networks<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let network = |text: &String| crate::network::parse(text);
    texts.iter().map(network).collect::<Option<_>>().ok_or_else(|| {
        serde::de::Error::custom("expected addresses or CIDR ranges, as in [\"10.0.0.1\", \"10.1.0.0/16\"]")
    })
}

/// Reads a path; an empty one is `None`.
pub(super) fn path<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(from)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

/// Reads URL paths and removes trailing slashes.
fn base_paths<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let is_valid = |path: &str| {
        let mut segments = path.trim_matches('/').split('/');
        path.starts_with('/')
            && segments.clone().all(|part| !part.is_empty())
            && !segments.next().is_some_and(is_fixed_path)
    };
    let paths = Vec::<String>::deserialize(from)?;
    if !paths.iter().all(|path| is_valid(path)) {
        return Err(serde::de::Error::custom(
            "expected paths that do not begin as those of other families, as in [\"/Keyfactor/API\"]",
        ));
    }
    Ok(paths.iter().map(|path| path.trim_end_matches('/').to_string()).collect())
}

fn not_authorized_status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    match u16::deserialize(from)? {
        status @ (403 | 500) => Ok(status),
        _ => Err(serde::de::Error::custom("expected 403 or 500")),
    }
}
