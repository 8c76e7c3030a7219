//! Settings, from the defaults of `config/default.toml`, a file and the environment.

mod backup;
mod client;
mod directory;
pub mod environment;
mod error;
mod facades;
mod file;
mod names;
mod rotation;
mod sections;

use std::ffi::OsString;
use std::path::Path;

use config::{Config, ConfigError, Map, Source, Value};
use serde::Deserialize;

pub use backup::BackupSettings;
pub use client::ClientSettings;
pub use directory::{DirectoryKind, DirectorySettings, LdapSettings, ListedAccount, ListedKind};
pub use error::SettingsError;
pub use facades::{CcpSettings, DsmSettings, PamV2Settings, RobocorpSettings, VaultKvSettings};
pub use rotation::{NamedPolicy, RotationPolicy, RotationSettings, TargetOptions};
pub use sections::{
    AuditSettings, CustodySettings, DialectSetting, ForwardedHeader, HistorySettings, HttpSettings, KeySettings,
    KeyfactorSettings, LoginSettings, NodeSettings, PamSettings, RetrySettings, RootKeySettings, SshKeySettings,
    StoreSettings, TlsSettings, TokenSettings,
};

const DEFAULTS: &str = include_str!("../../../../config/default.toml");

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
    pub root_key: RootKeySettings,
    pub keys: KeySettings,
    pub retries: RetrySettings,
    pub audit: AuditSettings,
    pub backup: BackupSettings,
    pub rotation: RotationSettings,
    pub pam: PamSettings,
    pub keyfactor: KeyfactorSettings,
    pub vault_kv: VaultKvSettings,
    pub pam_v2: PamV2Settings,
    pub ccp: CcpSettings,
    pub robocorp: RobocorpSettings,
    pub dsm: DsmSettings,
}

impl Settings {
    /// Loads the defaults, the file over them, and the environment over that.
    ///
    /// # Errors
    /// [`SettingsError`] with the key and the file or the variable.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        Self::load_from(file, std::env::vars_os())
    }

    fn load_from(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let defaults = file::parse(None, DEFAULTS)?;
        let file = file.map(|path| file::read(path, &defaults)).transpose()?.unwrap_or_default();
        let variables = environment::settings(variables, &defaults)?;
        let sources = [defaults, file, variables].map(Parsed);
        let builder = sources.into_iter().fold(Config::builder(), |builder, source| builder.add_source(source));
        let settings: Settings = builder.build()?.try_deserialize()?;
        if settings.directory.ldap.sends_password_in_clear() {
            return Err(SettingsError::PasswordInClear);
        }
        if settings.backup.is_incomplete() {
            return Err(SettingsError::IncompleteBackup);
        }
        settings.rotation.check()?;
        Ok(settings)
    }

    /// Returns the defaults alone, for tests.
    pub fn defaults() -> Result<Self, SettingsError> {
        Self::load_from(None, [])
    }
}

/// Settings that are parsed already.
#[derive(Clone, Debug)]
struct Parsed(Map<String, Value>);

impl Source for Parsed {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests;
