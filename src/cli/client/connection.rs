//! How a client command reaches the vault: options, variables and `client.toml`, in this order.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::ClientError;
use super::secret_source::SecretSource;
use crate::config::ClientSettings;
use crate::config::environment::is_blank;
use crate::crypto::SecretText;

/// The variables of secrets, which the program of `exec` does not get.
pub(super) const SECRET_VARIABLES: [&str; 2] = [CLIENT_SECRET, TOKEN];
const CLIENT_SECRET: &str = "CHAVEIRO_CLIENT_SECRET";
const TOKEN: &str = "CHAVEIRO_TOKEN";
/// The names of the systemd credentials.
const SYSTEMD_CLIENT_SECRET: &str = "chaveiro-client-secret";
const SYSTEMD_TOKEN: &str = "chaveiro-token";
/// The greatest size of `client.toml`.
const MAX_SETTINGS: u64 = 64 * 1024;

/// Options of every client command that logs in. Secrets come from files and variables, never from arguments.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
#[expect(clippy::doc_markdown, reason = "a help text is shown as it is written")]
pub(in crate::cli) struct ConnectionOptions {
    #[command(flatten)]
    pub(super) server: ServerOptions,
    /// The client id. Its secret comes from the file below, from the variable CHAVEIRO_CLIENT_SECRET, from the client
    /// settings or from the systemd credential chaveiro-client-secret.
    #[arg(long, env = "CHAVEIRO_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The file of the client secret; - is standard input.
    #[arg(long, env = "CHAVEIRO_CLIENT_SECRET_FILE", value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The file of a static token, instead of a client id; - is standard input. Also the variable CHAVEIRO_TOKEN, or the systemd
    /// credential chaveiro-token.
    #[arg(long, env = "CHAVEIRO_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Log in anew, and cache no access token.
    #[arg(long)]
    no_token_cache: bool,
    /// Take custody of the credentials that are read. Needed where custody is exclusive.
    #[arg(long)]
    pub(super) take_custody: bool,
}

/// Options of the server that a client command calls.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
#[expect(clippy::doc_markdown, reason = "a help text is shown as it is written")]
pub(in crate::cli) struct ServerOptions {
    /// The URL of the vault, with https:// or, to this machine alone, http://.
    #[arg(long, env = "CHAVEIRO_URL", value_name = "URL", hide_env_values = true)]
    pub(super) url: Option<String>,
    /// The authorities that may have issued the vault's certificate, in PEM. Default: those of the system.
    #[arg(long, env = "CHAVEIRO_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A client certificate with its chain, in PEM.
    #[arg(long, env = "CHAVEIRO_CLIENT_CERTIFICATE", value_name = "FILE")]
    client_certificate: Option<PathBuf>,
    /// The private key of the client certificate, in PEM.
    #[arg(long, env = "CHAVEIRO_CLIENT_KEY", value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// The client settings. Default: chaveiro/client.toml in $XDG_CONFIG_HOME or ~/.config.
    #[arg(long, env = "CHAVEIRO_CLIENT_CONFIG", value_name = "FILE")]
    client_config: Option<PathBuf>,
    /// Accept http:// to another machine, which sends every secret unencrypted.
    #[arg(long)]
    allow_http: bool,
}

/// How a server is reached.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) allow_http: bool,
    pub(super) ca_file: Option<PathBuf>,
    /// Certificate and key.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
}

/// A resolved connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) server: Server,
    pub(super) login: Login,
    pub(super) is_cached: bool,
    pub(super) takes_custody: bool,
}

/// How the client authenticates.
#[derive(Debug)]
pub(super) enum Login {
    /// A static token.
    Token(SecretSource),
    /// OAuth client credentials.
    Client { id: String, secret: SecretSource },
}

impl Connection {
    /// Resolves the options, with the variables and the client settings.
    ///
    /// # Errors
    /// [`ClientError`] for settings that are missing, contradict each other or cannot be read.
    pub(super) fn resolve(options: ConnectionOptions) -> Result<Self, ClientError> {
        Self::resolve_with(options, &|name| std::env::var_os(name))
    }

    fn resolve_with(
        mut options: ConnectionOptions,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ClientError> {
        let variable = |name: &str| variable(name).filter(|value| !is_blank(value));
        let settings = settings(options.server.client_config.take(), &variable)?;
        Ok(Self {
            server: Server::with_settings(&options.server, &settings)?,
            is_cached: !options.no_token_cache && settings.token_cache.unwrap_or(true),
            takes_custody: options.take_custody,
            login: login(options, settings, &variable)?,
        })
    }
}

impl Server {
    /// Resolves the options, with the variables and the client settings.
    ///
    /// # Errors
    /// As [`Connection::resolve`].
    pub(super) fn resolve(mut options: ServerOptions) -> Result<Self, ClientError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !is_blank(value));
        let settings = settings(options.client_config.take(), &variable)?;
        Self::with_settings(&options, &settings)
    }

    fn with_settings(options: &ServerOptions, settings: &ClientSettings) -> Result<Self, ClientError> {
        let either = |option: &Option<PathBuf>, setting: &Option<PathBuf>| option.clone().or_else(|| setting.clone());
        let url = options.url.clone().or_else(|| settings.url.clone());
        let certificate = either(&options.client_certificate, &settings.client_certificate);
        let certificate = match (certificate, either(&options.client_key, &settings.client_key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(ClientError::Option("client certificate", "set the certificate and its key together")),
        };
        Ok(Self {
            url: url.ok_or(ClientError::Option("url", "set --url, CHAVEIRO_URL, or url in client.toml"))?,
            allow_http: options.allow_http || settings.allow_http,
            ca_file: either(&options.ca_file, &settings.ca_file),
            certificate,
        })
    }
}

/// Finds the login. A later place is looked at only if an earlier one has neither a token nor a secret.
fn login(
    options: ConnectionOptions,
    settings: ClientSettings,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Login, ClientError> {
    let from_variable = |name: &'static str| {
        let value = variable(name)?;
        // What is not UTF-8 has a replacement character now, and is no secret of the vault.
        Some(SecretSource::Variable(name, SecretText::new(value.to_string_lossy().into_owned())))
    };
    let systemd = |name: &str| {
        let path = Path::new(&variable("CREDENTIALS_DIRECTORY")?).join(name);
        path.exists().then_some(SecretSource::File(path))
    };
    let file = |path: Option<PathBuf>| path.map(SecretSource::File);
    let command = |name: &'static str, command: Option<Vec<String>>| {
        command.map(|arguments| SecretSource::Command(name, arguments))
    };
    let places = [
        (
            only("token", options.token_file.map(SecretSource::from_path), from_variable(TOKEN))?,
            only(
                "client secret",
                options.client_secret_file.map(SecretSource::from_path),
                from_variable(CLIENT_SECRET),
            )?,
        ),
        (
            only("token", file(settings.token_file), command("token_command", settings.token_command))?,
            only(
                "client secret",
                file(settings.client_secret_file),
                command("client_secret_command", settings.client_secret_command),
            )?,
        ),
        (systemd(SYSTEMD_TOKEN), systemd(SYSTEMD_CLIENT_SECRET)),
    ];
    for place in places {
        match place {
            (None, None) => {}
            (Some(token), None) => return Ok(Login::Token(token)),
            (None, Some(secret)) => {
                let id = options.client_id.or(settings.client_id);
                let id =
                    id.ok_or(ClientError::Option("client id", "set --client-id, CHAVEIRO_CLIENT_ID or client_id"))?;
                return Ok(Login::Client { id, secret });
            }
            (Some(_), Some(_)) => {
                return Err(ClientError::Option("login", "both a token and a client secret are set; set one of them"));
            }
        }
    }
    let expected = "set a client id with its secret (--client-secret-file, CHAVEIRO_CLIENT_SECRET), or a static token \
                    (--token-file, CHAVEIRO_TOKEN)";
    Err(ClientError::Option("login", expected))
}

fn only<T>(name: &'static str, first: Option<T>, second: Option<T>) -> Result<Option<T>, ClientError> {
    match (first, second) {
        (Some(_), Some(_)) => Err(ClientError::Option(name, "set twice, in two ways; set it once")),
        (first, second) => Ok(first.or(second)),
    }
}

/// Reads the client settings. The default file may be missing; one that is named must not be.
fn settings(
    named: Option<PathBuf>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<ClientSettings, ClientError> {
    let is_named = named.is_some();
    let directory = || match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(directory) => Some(directory),
        None => Some(Path::new(&variable("HOME")?).join(".config")),
    };
    let Some(path) = named.or_else(|| Some(directory()?.join("chaveiro/client.toml"))) else {
        return Ok(ClientSettings::default());
    };
    match read_trusted(&path) {
        Ok(bytes) => Ok(ClientSettings::parse(&path, &bytes)?),
        Err(ClientError::Unreadable(_, ErrorKind::NotFound)) if !is_named => Ok(ClientSettings::default()),
        Err(error) => Err(error),
    }
}

/// Reads a file that only its user and root can change: it names programs to run.
fn read_trusted(path: &Path) -> Result<Vec<u8>, ClientError> {
    let unreadable = |error: std::io::Error| ClientError::Unreadable(path.into(), error.kind());
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let owners = [0, rustix::process::geteuid().as_raw()];
    if !owners.contains(&found.uid()) || found.mode() & 0o022 != 0 {
        return Err(ClientError::Untrusted(path.into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SETTINGS + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    // What is cut could lose a setting, such as the certificate authorities.
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SETTINGS {
        return Err(ClientError::Option("client-config", "expected a file of at most 64 KiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_knows_the_variables_of_the_client_commands() {
        let command = ConnectionOptions::augment_args(clap::Command::new("get"));
        let variables: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).collect();
        assert!(variables.len() > 7, "{variables:?}");
        for name in variables.into_iter().chain(SECRET_VARIABLES) {
            assert!(crate::config::environment::is_known(name), "{name}");
        }
    }
}
