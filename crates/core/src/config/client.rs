//! The settings file of the client commands: addresses, paths and commands, and no secret.

use std::path::{Path, PathBuf};

use config::Config;
use serde::Deserialize;

use super::{Parsed, SettingsError, file};
use crate::text::encoding;

/// What `client.toml` can hold. An unknown key is an error, so that no secret is left in the file unused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// The URL of the vault.
    pub url: Option<String>,
    /// The client id.
    pub client_id: Option<String>,
    /// The file of the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// The program that prints the client secret, and its arguments.
    pub client_secret_command: Option<Vec<String>>,
    /// The file of a static token.
    pub token_file: Option<PathBuf>,
    /// The program that prints a static token, and its arguments.
    pub token_command: Option<Vec<String>>,
    /// The certificates of the authorities that the vault's certificate may be issued by, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The client certificate with its chain, in PEM.
    pub client_certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    pub client_key: Option<PathBuf>,
    /// Whether `http://` may lead to another machine.
    pub allow_http: bool,
    /// Whether access tokens are cached. Default: yes.
    pub token_cache: Option<bool>,
}

impl ClientSettings {
    /// Parses the bytes of a file. Relative paths are relative to the directory of the file.
    ///
    /// # Errors
    /// [`SettingsError`] with the key and the file.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, SettingsError> {
        let text = encoding::document(bytes).map_err(|error| SettingsError::Encoding(path.into(), error))?;
        let parsed = Parsed(file::parse(Some(path), text)?);
        let mut settings: Self = Config::builder().add_source(parsed).build()?.try_deserialize()?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut settings.client_secret_file,
            &mut settings.token_file,
            &mut settings.ca_file,
            &mut settings.client_certificate,
            &mut settings.client_key,
        ];
        for found in paths.into_iter().flatten() {
            *found = directory.join(&found);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClientSettings, String> {
        ClientSettings::parse(Path::new("/home/ana/client.toml"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_is_relative_to_the_file() {
        let settings = parse(
            "url = \"https://vault.example\"\nclient_secret_file = \"secret\"\nca_file = \"/etc/ca.pem\"\n\
             token_command = [\"pass\", \"chaveiro\"]",
        );
        let settings = settings.unwrap();
        assert_eq!(settings.client_secret_file.unwrap(), Path::new("/home/ana/secret"));
        assert_eq!(settings.ca_file.unwrap(), Path::new("/etc/ca.pem"));
        assert_eq!(settings.token_command.unwrap(), ["pass", "chaveiro"]);
        assert!(settings.url.is_some() && !settings.allow_http && settings.token_cache.is_none());
        assert!(parse("").unwrap().url.is_none());
    }

    #[test]
    fn a_secret_is_no_setting_and_no_error_repeats_it() {
        for text in
            ["client_secret = \"hunter2\"", "token = \"hunter2\"", "url = [\"hunter2\"]", "allow_http = \"hunter2\""]
        {
            let message = parse(text).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains(text.split(' ').next().unwrap()), "{message}");
        }
        assert!(parse("client_secret_command = \"pass x\"").is_err());
    }
}
