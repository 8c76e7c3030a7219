//! The sections of the settings for the families that are off by default.

use serde::Deserialize;
use serde::de::Error;

/// The section `[vault_kv]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct VaultKvSettings {
    pub enabled: bool,
    #[serde(deserialize_with = "item_mount")]
    pub mount: String,
    #[serde(deserialize_with = "login_mounts")]
    pub login_mounts: Vec<String>,
}

/// The section `[pam_v2]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct PamV2Settings {
    pub enabled: bool,
    #[serde(deserialize_with = "positive")]
    pub requests_per_minute: u32,
}

fn positive<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom("expected a whole number of 1 or more")),
        number => Ok(number),
    }
}

/// The section `[dsm]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct DsmSettings {
    pub enabled: bool,
}

/// The section `[robocorp]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct RobocorpSettings {
    pub enabled: bool,
    #[serde(deserialize_with = "workspace")]
    pub workspace: String,
}

/// Reads the workspace, a segment of the path.
fn workspace<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let workspace = String::deserialize(from)?;
    if is_mount(&workspace) {
        return Ok(workspace);
    }
    Err(D::Error::custom("expected letters, digits, - and _"))
}

/// Reads the mount of the items. `auth`, `sys` and `vaults` have other meanings below `/v1`.
fn item_mount<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let mount = String::deserialize(from)?;
    if is_mount(&mount) && !["auth", "sys", "vaults"].contains(&mount.as_str()) {
        return Ok(mount);
    }
    Err(D::Error::custom("expected letters, digits, - and _, and not auth, sys or vaults"))
}

fn login_mounts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mounts = Vec::<String>::deserialize(from)?;
    if mounts.iter().all(|mount| is_mount(mount) && !["token", "jwt", "kubernetes"].contains(&mount.as_str())) {
        return Ok(mounts);
    }
    Err(D::Error::custom(
        "expected names of letters, digits, - and _, and not token, jwt or kubernetes, as in [\"approle\"]",
    ))
}

/// The section `[ccp]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct CcpSettings {
    pub enabled: bool,
    #[serde(deserialize_with = "sites")]
    pub sites: Vec<String>,
}

/// First segments of the paths of the families whose paths are not in the settings, in lower case.
const FIXED_PATHS: [&str; 11] =
    [".well-known", "api", "docs", "health", "iso", "metrics", "modulos", "oauth2", "secrets-v1", "unseal", "v1"];

/// Whether the paths of a family that does not say so in the settings begin with this segment.
pub(super) fn is_fixed_path(segment: &str) -> bool {
    FIXED_PATHS.contains(&segment.to_ascii_lowercase().as_str())
}

/// Reads the names of the web service. Case is ignored when they are compared.
fn sites<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let sites = Vec::<String>::deserialize(from)?;
    // Those of the Keyfactor family are in its settings.
    let is_taken = |site: &String| is_fixed_path(site) || ["keyfactor", "keyfactorapi"].contains(&site.as_str());
    let mut folded: Vec<String> = sites.iter().map(|site| site.to_ascii_lowercase()).collect();
    folded.sort();
    folded.dedup();
    if !sites.is_empty() && folded.len() == sites.len() && folded.iter().all(|site| is_mount(site) && !is_taken(site)) {
        return Ok(sites);
    }
    Err(D::Error::custom(
        "expected different names of letters, digits, - and _ with which no other path begins, as in [\"AIMWebService\"]",
    ))
}

fn is_mount(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.len() <= 64 && name.chars().all(allowed)
}
