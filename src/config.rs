//! The settings. `config/default.toml` lists each with its default and its meaning.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Environment, File, FileFormat};
use ipnet::IpNet;
use serde::Deserialize;

const DEFAULTS: &str = include_str!("../config/default.toml");

/// All settings. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each section of config/default.toml")]
pub struct Settings {
    pub http: HttpSettings,
    pub tls: TlsSettings,
    pub store: StoreSettings,
    pub node: NodeSettings,
    pub tokens: TokenSettings,
    pub pam: PamSettings,
    pub ssh_keys: SshKeySettings,
    pub custody: CustodySettings,
    pub history: HistorySettings,
    pub retries: RetrySettings,
    pub audit: AuditSettings,
    pub keyfactor: KeyfactorSettings,
}

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct HttpSettings {
    pub listen: SocketAddr,
    pub workers: usize,
    pub max_body_bytes: usize,
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    pub certificate_header: String,
    pub shutdown_seconds: u64,
}

/// `[tls]`
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

/// `[store]`
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

/// `[node]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct NodeSettings {
    pub name: String,
}

/// `[tokens]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct TokenSettings {
    pub lifetime_seconds: u32,
    pub issuer: String,
    pub audience: String,
    pub tenant: String,
}

/// `[pam]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct PamSettings {
    pub dialect: DialectSetting,
    #[serde(deserialize_with = "not_authorized_status")]
    pub not_authorized_status: u16,
}

/// Which generation of clients the PAM routes answer as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum DialectSetting {
    ByPrefix,
    Legacy,
    Modern,
}

/// `[ssh_keys]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct SshKeySettings {
    pub check: bool,
}

/// `[custody]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct CustodySettings {
    pub exclusive: bool,
    pub seconds: u32,
}

/// `[history]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct HistorySettings {
    pub versions: i32,
}

/// `[retries]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct RetrySettings {
    pub hours: u32,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct AuditSettings {
    pub head_seconds: u64,
}

impl TlsSettings {
    /// The scheme of the server's addresses.
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// `[keyfactor]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct KeyfactorSettings {
    #[serde(deserialize_with = "base_paths")]
    pub base_paths: Vec<String>,
    pub product_version: String,
    pub require_requested_with: bool,
    pub wrong_passwords_a_minute: u32,
    pub directory: DirectorySettings,
}

/// `[keyfactor.directory]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct DirectorySettings {
    pub kind: DirectoryKind,
    pub domain: String,
    pub accounts: Vec<ListedAccount>,
    pub ldap: LdapSettings,
}

/// `[keyfactor.directory.ldap]`
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
    /// Whether a password would go over the network as it is.
    fn is_exposed(&self) -> bool {
        let plain = self.url.strip_prefix("ldap://").filter(|_| !self.start_tls);
        let host = plain.map(|rest| rest.split('/').next().unwrap_or_default());
        let near = |host: &str| ["127.0.0.1", "[::1]", "localhost"].iter().any(|own| host.starts_with(own));
        !self.bind_dn.is_empty() && host.is_some_and(|host| !near(host))
    }
}

/// Where accounts are looked up.
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

/// What an account of the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub enum ListedKind {
    User,
    Group,
}

impl Settings {
    /// The defaults, then the file, then the environment.
    ///
    /// # Errors
    /// A sentence that names the key and the file; values of the environment are not repeated.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_from(file, Environment::with_prefix("CHAVEIRO").prefix_separator("__").separator("__"))
    }

    fn load_from(file: Option<&Path>, environment: Environment) -> Result<Self, ConfigError> {
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            sources = sources.add_source(File::from(path).format(FileFormat::Toml));
        }
        // A list in the environment is separated by commas.
        let environment = environment
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("http.trusted_proxies")
            .with_list_parse_key("keyfactor.base_paths");
        let settings: Settings = sources.add_source(environment).build()?.try_deserialize()?;
        if settings.keyfactor.directory.ldap.is_exposed() {
            let message = "keyfactor.directory.ldap would send its password in the clear; use ldaps:// or start_tls";
            return Err(ConfigError::Message(message.into()));
        }
        Ok(settings)
    }

    /// The defaults alone, as tests use them.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::load_from(None, Environment::default().source(Some(Default::default())))
    }
}

fn networks<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let network = |text: &String| crate::network::parse(text);
    texts.iter().map(network).collect::<Option<_>>().ok_or_else(|| {
        serde::de::Error::custom("expected addresses or CIDR ranges, as in [\"10.0.0.1\", \"10.1.0.0/16\"]")
    })
}

/// A path; an empty one is none.
fn path<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(from)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

fn ldap_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let url = String::deserialize(from)?;
    match ["ldap://", "ldaps://", "ldapi://"].iter().any(|scheme| url.starts_with(scheme)) {
        true => Ok(url),
        false => Err(serde::de::Error::custom("expected a URL, as in \"ldaps://directory.example\"")),
    }
}

/// Paths without a slash at the end.
fn base_paths<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let sound = |path: &str| path.starts_with('/') && path.trim_matches('/').split('/').all(|part| !part.is_empty());
    let paths = Vec::<String>::deserialize(from)?;
    match paths.iter().all(|path| sound(path)) {
        true => Ok(paths.iter().map(|path| path.trim_end_matches('/').to_string()).collect()),
        false => Err(serde::de::Error::custom("expected paths, as in [\"/Keyfactor/API\"]")),
    }
}

fn not_authorized_status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    match u16::deserialize(from)? {
        status @ (403 | 500) => Ok(status),
        _ => Err(serde::de::Error::custom("expected 403 or 500")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn with_file(text: &str) -> Result<Settings, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Settings::load_from(Some(file.path()), Environment::default().source(Some(HashMap::new())))
    }

    #[test]
    fn the_defaults_are_complete() {
        let settings = Settings::defaults().unwrap();
        assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.pam.dialect, DialectSetting::ByPrefix);
    }

    #[test]
    fn a_file_replaces_what_it_names() {
        let settings = with_file("[pam]\ndialect = \"modern\"\nnot_authorized_status = 500").unwrap();
        assert_eq!((settings.pam.dialect, settings.pam.not_authorized_status), (DialectSetting::Modern, 500));
        assert_eq!(settings.history.versions, 50);
    }

    #[test]
    fn the_environment_replaces_the_file() {
        let source = HashMap::from([("CHAVEIRO__HTTP__WORKERS".to_string(), "3".to_string())]);
        let environment = Environment::with_prefix("CHAVEIRO").prefix_separator("__").separator("__");
        let settings = Settings::load_from(None, environment.source(Some(source))).unwrap();
        assert_eq!(settings.http.workers, 3);
    }

    #[test]
    fn a_list_in_the_environment_is_separated_by_commas() {
        let source = HashMap::from([("CHAVEIRO__HTTP__TRUSTED_PROXIES".into(), "10.0.0.1,10.1.0.0/16".into())]);
        let environment = Environment::with_prefix("CHAVEIRO").prefix_separator("__").separator("__");
        let settings = Settings::load_from(None, environment.source(Some(source))).unwrap();
        assert_eq!(settings.http.trusted_proxies.len(), 2);
    }

    #[test]
    fn a_directory_password_goes_over_tls_or_nowhere() {
        for text in [
            "url = \"ldaps://dc.example\"\nbind_dn = \"cn=x\"",
            "url = \"ldap://dc.example\"\nstart_tls = true\nbind_dn = \"cn=x\"",
            "url = \"ldap://127.0.0.1:3890\"\nbind_dn = \"cn=x\"",
            "url = \"ldap://dc.example\"",
        ] {
            assert!(with_file(&format!("[keyfactor.directory.ldap]\n{text}")).is_ok(), "{text}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_refused() {
        for text in [
            "[http]\nlisten_on = \"x\"",
            "[htp]\nlisten = \"x\"",
            "[pam]\nnot_authorized_status = 200",
            "[pam]\ndialect = \"other\"",
            "[http]\ntrusted_proxies = [\"10.0.0.0/33\"]",
            "[keyfactor]\nbase_paths = [\"KeyfactorAPI\"]",
            "[keyfactor]\nbase_paths = [\"/\"]",
            "[keyfactor.directory]\nkind = \"other\"",
            "[keyfactor.directory.ldap]\nurl = \"http://x\"",
            "[keyfactor.directory.ldap]\nurl = \"ldap://dc.example\"\nbind_dn = \"cn=x\"",
        ] {
            assert!(with_file(text).is_err(), "{text}");
        }
    }
}
