//! Settings, from the defaults of `config/default.toml`, a file and the environment.

mod directory;
mod sections;

use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::Deserialize;

pub use directory::{DirectoryKind, DirectorySettings, LdapSettings, ListedAccount, ListedKind};
pub use sections::{
    AuditSettings, CustodySettings, DialectSetting, HistorySettings, HttpSettings, KeyfactorSettings, LoginSettings,
    NodeSettings, PamSettings, RetrySettings, SshKeySettings, StoreSettings, TlsSettings, TokenSettings,
};

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// All settings. An unknown key is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each section of config/default.toml")]
pub struct Settings {
    pub http: HttpSettings,
    pub tls: TlsSettings,
    pub store: StoreSettings,
    pub node: NodeSettings,
    pub tokens: TokenSettings,
    pub login: LoginSettings,
    pub directory: DirectorySettings,
    pub ssh_keys: SshKeySettings,
    pub custody: CustodySettings,
    pub history: HistorySettings,
    pub retries: RetrySettings,
    pub audit: AuditSettings,
    pub pam: PamSettings,
    pub keyfactor: KeyfactorSettings,
}

impl Settings {
    /// Loads the defaults, the file over them, and the environment over that.
    ///
    /// # Errors
    /// [`ConfigError`] with the key and the file; values of the environment are not repeated.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_from(file, Environment::with_prefix("CHAVEIRO").prefix_separator("__").separator("__"))
    }

    fn load_from(file: Option<&Path>, environment: Environment) -> Result<Self, ConfigError> {
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            sources = sources.add_source(File::from(path).format(FileFormat::Toml));
        }
        // Lists in the environment are comma-separated.
        let environment = environment
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("http.trusted_proxies")
            .with_list_parse_key("keyfactor.base_paths");
        let settings: Settings = sources.add_source(environment).build()?.try_deserialize()?;
        if settings.directory.ldap.sends_password_in_clear() {
            let message = "directory.ldap would send its password unencrypted; use ldaps:// or start_tls";
            return Err(ConfigError::Message(message.into()));
        }
        Ok(settings)
    }

    /// Returns the defaults alone, for tests.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::load_from(None, Environment::default().source(Some(Default::default())))
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
            assert!(with_file(&format!("[directory.ldap]\n{text}")).is_ok(), "{text}");
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
            "[directory]\nkind = \"other\"",
            "[keyfactor]\nwrong_passwords_a_minute = 3",
            "[login]\nmax_failures_per_minute = -1",
            "[directory.ldap]\nurl = \"http://x\"",
            "[directory.ldap]\nurl = \"ldap://dc.example\"\nbind_dn = \"cn=x\"",
        ] {
            assert!(with_file(text).is_err(), "{text}");
        }
    }
}
