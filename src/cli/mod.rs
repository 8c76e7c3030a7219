//! The command line: one file for each subcommand. A command opens the vault, asks it, and prints; what may be done
//! is decided below.

mod answer_key;
mod application;
mod audit;
mod authorization;
mod database;
mod domain;
mod identity;
mod output;
mod quickstart;
mod role;
mod serve;
mod user;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::RootKeyError;
use crate::http::TlsError;
use crate::store::{CommitObserver, StoreError};
use crate::vault::admin::AdminError;
use crate::vault::audit_log::VerificationError;
use crate::vault::{Inspection, Place, StartError, Vault, VaultError};

/// A self-hosted credential vault that applications call over HTTP.
#[derive(Parser)]
#[command(name = "chaveiro", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 root key missing, wrong or \
    exposed, 4 database unavailable, 5 the audit log does not verify.";

/// Options of every command.
#[derive(Args)]
struct Common {
    /// Where the root key, the database and the heads of the audit log are kept.
    #[arg(long, global = true, env = "CHAVEIRO_DATA_DIR", default_value = "./chaveiro-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// sqlite:PATH or postgres://…; a SQLite file in the data directory unless given.
    #[arg(long, global = true, env = "CHAVEIRO_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A file of settings, over the defaults.
    #[arg(long, global = true, env = "CHAVEIRO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Make a vault with a first client, print calls to paste, and serve.
    Quickstart(serve::Options),
    /// Serve. An empty data directory is initialised first.
    Serve(serve::Options),
    /// Applications: the programs that call the vault.
    #[command(subcommand)]
    Application(application::Command),
    /// Authorizations: the clients of an application, and what each may do.
    #[command(subcommand)]
    Authorization(authorization::Command),
    /// Domains that devices and credentials may name.
    #[command(subcommand)]
    Domain(domain::Command),
    /// Users: the people in whose name proxy sessions may be asked for.
    #[command(subcommand)]
    User(user::Command),
    /// Security identities of the Keyfactor routes.
    #[command(subcommand)]
    Identity(identity::Command),
    /// Roles of the Keyfactor routes.
    #[command(subcommand)]
    Role(role::Command),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// The database.
    #[command(subcommand)]
    Database(database::Command),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Verification(#[from] VerificationError),
    #[error("the settings cannot be used: {0}")]
    Settings(#[from] ::config::ConfigError),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, std::io::ErrorKind),
    #[error("cannot serve on {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::ErrorKind),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    #[error("the audit log does not verify: {0}")]
    Broken(crate::audit::Break),
    #[error("{0}")]
    Check(String),
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            CliError::Start(StartError::RootKey(error)) => match error {
                RootKeyError::Missing(_)
                | RootKeyError::Wrong(_)
                | RootKeyError::Exposed(..)
                | RootKeyError::Malformed(_)
                | RootKeyError::Io(..) => 3,
            },
            CliError::Start(StartError::Store(_)) | CliError::Store(_) | CliError::Admin(AdminError::Store(_)) => 4,
            CliError::Vault(VaultError::Store(_)) => 4,
            CliError::Broken(_) => 5,
            _ => 1,
        }
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    start_logging(&arguments.command);
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("chaveiro: {error}"));
            ExitCode::from(error.code())
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), CliError> {
    let common = arguments.common;
    let system = actix_web::rt::System::new();
    system.block_on(async {
        match arguments.command {
            Command::Quickstart(options) => quickstart::run(&common, &options).await,
            Command::Serve(options) => serve::run(&common, &options).await,
            Command::Database(command) => database::run(&common, command),
            Command::Application(command) => application::run(&common.vault()?, command).await,
            Command::Authorization(command) => authorization::run(&common.vault()?, command).await,
            Command::Domain(command) => domain::run(&common.vault()?, command).await,
            Command::User(command) => user::run(&common.vault()?, command).await,
            Command::Identity(command) => identity::run(&common.vault()?, command).await,
            Command::Role(command) => role::run(&common.vault()?, command).await,
            Command::Audit(command) => audit::run(&common.vault()?, command).await,
        }
    })
}

impl Common {
    fn settings(&self) -> Result<Settings, CliError> {
        Ok(Settings::load(self.config.as_deref())?)
    }

    fn place(&self) -> Result<Place, CliError> {
        Ok(Place::new(&self.data_dir, self.database_url.as_deref())?)
    }

    /// The vault for one command, beside a server that may be running: one writer, with a chain of audit records of
    /// its own.
    ///
    /// # Errors
    /// Among others, where there is none yet: a mistyped directory must not become a vault.
    fn vault(&self) -> Result<Vault, CliError> {
        match Inspection::of(&self.place()?)?.used {
            true => self.vault_or_new(),
            false => {
                let place = match self.database_url {
                    Some(_) => "the database".into(),
                    None => self.data_dir.display().to_string(),
                };
                let hint = "chaveiro serve, or chaveiro database migrate, makes one";
                Err(CliError::Check(format!("there is no vault in {place}; {hint}")))
            }
        }
    }

    /// The same, made where there is none.
    fn vault_or_new(&self) -> Result<Vault, CliError> {
        let mut settings = self.settings()?;
        settings.node.name = format!("{}-command-line", settings.node.name);
        settings.store.writers = 1;
        settings.store.readers = 1;
        let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
        Ok(Vault::open(&self.place()?, &settings, Clock::system(), &observer)?)
    }
}

/// The members of a JSON object as cells of a table.
fn cells(row: &serde_json::Value, columns: &[&str]) -> Vec<String> {
    let cell = |column: &&str| match &row[*column] {
        serde_json::Value::Null => "-".into(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    columns.iter().map(cell).collect()
}

/// A command has no metrics.
struct Unobserved;

impl CommitObserver for Unobserved {
    fn committed(&self, _: usize, _: Duration) {}
}

/// Logs to standard error, `RUST_LOG` permitting; a panic is logged by its place alone, since its message may hold a
/// value.
fn start_logging(command: &Command) {
    let serving = matches!(command, Command::Quickstart(_) | Command::Serve(_));
    let filter = env_logger::Env::default().default_filter_or(if serving { "info" } else { "warn" });
    let _ = env_logger::Builder::from_env(filter).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log::error!("panic at {place}");
    }));
}
