//! The command line: one file for each subcommand. A command opens the vault, takes a permit, calls the vault, and prints.

mod application;
mod arguments;
mod audit;
mod authorization;
mod backup;
mod client;
mod client_key;
mod credential;
mod database;
mod device;
mod domain;
mod error;
mod identity;
mod input;
mod issuer;
mod issuer_rule;
mod key;
mod link;
mod logging;
mod manual;
mod operator;
mod output;
mod quickstart;
mod response_key;
mod role;
mod sealed;
mod serve;
mod signals;
mod signing_key;
mod static_token;
mod template;
mod time;
mod user;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{Settings, environment};
use crate::crypto::RootKeyLocation;
use crate::store::{CommitObserver, DatabaseLocation};
use crate::vault::{Inspection, Vault, VaultLocation};
use error::{CliError, EXIT_CODES};

/// A self-hosted credential vault that applications call over HTTP.
#[derive(Parser)]
#[command(name = "chaveiro", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command that opens a vault.
#[derive(Args)]
struct Common {
    /// The directory of the root key, the heads of the audit log and, by default, the database.
    #[arg(long, global = true, env = "CHAVEIRO_DATA_DIR", default_value = "./chaveiro-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// sqlite:PATH or postgres://…. Default: a SQLite file in the data directory.
    #[arg(long, global = true, env = "CHAVEIRO_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Whether other users can see the URL among the arguments of the process.
    #[arg(skip)]
    is_url_visible: bool,
    /// The file of the root key, in place of all other places of it: 64 hexadecimal digits that only their owner can access.
    #[arg(long, global = true, value_name = "FILE")]
    root_key_file: Option<PathBuf>,
    /// A settings file, which overrides the defaults.
    #[arg(long, global = true, env = "CHAVEIRO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Vault(VaultCommand),
    #[command(flatten)]
    Client(client::Command),
    #[command(flatten)]
    Manual(manual::Command),
}

/// The commands that open a vault.
#[derive(Subcommand)]
enum VaultCommand {
    /// Create a vault with a first client, print requests to paste, and serve.
    Quickstart(serve::Options),
    /// Serve. Initialises an empty data directory first.
    Serve(serve::Options),
    /// Applications: the programs that call the vault.
    #[command(subcommand)]
    Application(application::Command),
    /// Authorizations: the clients of an application, and what each may do.
    #[command(subcommand)]
    Authorization(authorization::Command),
    /// Trusted issuers: whose tokens stand for which client, in place of a secret.
    #[command(subcommand)]
    Issuer(issuer::Command),
    /// Credentials: the change of their passwords on targets.
    #[command(subcommand)]
    Credential(credential::Command),
    /// Devices and other objects of clients.
    #[command(subcommand)]
    Device(device::Command),
    /// Domains that devices and credentials may name.
    #[command(subcommand)]
    Domain(domain::Command),
    /// Platform users, in whose name proxy sessions may be created.
    #[command(subcommand)]
    User(user::Command),
    /// Identities: accounts of the directory that may authenticate with a password.
    #[command(subcommand)]
    Identity(identity::Command),
    /// Roles, which grant permissions to identities and clients.
    #[command(subcommand)]
    Role(role::Command),
    /// The keys of the vault: status and rotation.
    #[command(subcommand)]
    Key(key::Command),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Backups: one encrypted file each, which a recovery key opens.
    #[command(subcommand)]
    Backup(backup::Command),
    /// The database.
    #[command(subcommand)]
    Database(database::Command),
    /// Change templates: what is sent to a target to change a password on it.
    #[command(subcommand)]
    Template(template::Command),
}

/// The exit code of a program that SIGPIPE ends, as a shell shows it.
const CLOSED_PIPE: u8 = 141;

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // The value of an option may come from a variable, which is then to be named. The help page comes all the same.
            if let (true, Err(error)) = (error.use_stderr(), environment::check()) {
                return fail(&error.into());
            }
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    start_logging(&arguments.command);
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &CliError) -> ExitCode {
    if error.is_closed_pipe() {
        return ExitCode::from(CLOSED_PIPE);
    }
    output::print_error(&format!("chaveiro: {error}"));
    ExitCode::from(error.code())
}

fn execute(Arguments { common, command }: Arguments) -> Result<(), CliError> {
    match command {
        Command::Vault(VaultCommand::Template(command)) => {
            let has_vault = || Ok::<_, CliError>(Inspection::inspect(&common.location()?)?.used);
            match command.run_without_vault(has_vault)? {
                Some(command) => execute_in_vault(&common, VaultCommand::Template(command)),
                None => Ok(()),
            }
        }
        Command::Vault(command) => execute_in_vault(&common, command),
        Command::Client(command) => Ok(client::run(command)?),
        Command::Manual(command) => manual::run(&command),
    }
}

fn execute_in_vault(common: &Common, command: VaultCommand) -> Result<(), CliError> {
    environment::check()?;
    environment::warn_of_unknown();
    if common.is_url_visible && common.database_url.as_deref().is_some_and(DatabaseLocation::has_password) {
        log::warn!(
            "the password in --database-url can be seen by other users of this machine; use CHAVEIRO_DATABASE_URL"
        );
    }
    let system = actix_web::rt::System::new();
    system.block_on(async {
        match command {
            VaultCommand::Quickstart(options) => quickstart::run(common, &options).await,
            VaultCommand::Serve(options) => serve::run(common, &options).await,
            VaultCommand::Database(command) => {
                signals::clean_up_at_signals()?;
                database::run(common, command)
            }
            VaultCommand::Backup(command) => {
                signals::clean_up_at_signals()?;
                backup::run(common, command).await
            }
            VaultCommand::Application(command) => application::run(&common.vault()?, command).await,
            VaultCommand::Authorization(command) => authorization::run(&common.vault()?, command).await,
            VaultCommand::Issuer(command) => issuer::run(&common.vault()?, command).await,
            VaultCommand::Credential(command) => credential::run(&common.vault()?, command).await,
            VaultCommand::Device(command) => device::run(&common.vault()?, command).await,
            VaultCommand::Domain(command) => domain::run(&common.vault()?, command).await,
            VaultCommand::User(command) => user::run(&common.vault()?, command).await,
            VaultCommand::Identity(command) => identity::run(&common.vault()?, command).await,
            VaultCommand::Role(command) => role::run(&common.vault()?, command).await,
            VaultCommand::Key(command) => key::run(common, command).await,
            VaultCommand::Audit(command) => audit::run(&common.vault()?, command).await,
            VaultCommand::Template(command) => template::run(&common.vault()?, command).await,
        }
    })
}

impl Common {
    fn settings(&self) -> Result<Settings, CliError> {
        Ok(Settings::load(self.config.as_deref())?)
    }

    fn location(&self) -> Result<VaultLocation, CliError> {
        let location = VaultLocation::new(&self.data_dir, self.database_url.as_deref())?;
        let command = self.settings()?.root_key.command;
        let root_key = RootKeyLocation::find_with(&self.data_dir, self.root_key_file.as_deref(), &command);
        Ok(VaultLocation { root_key, ..location })
    }

    /// Opens the vault for one command, beside a server that may be running: with one writer, and an audit chain of its own.
    ///
    /// # Errors
    /// [`CliError::Check`] when there is no vault yet: a mistyped directory must not become one.
    fn vault(&self) -> Result<Vault, CliError> {
        self.vault_at(&self.location()?)
    }

    /// As [`Common::vault`], with the root key of `location`.
    fn vault_at(&self, location: &VaultLocation) -> Result<Vault, CliError> {
        if Inspection::inspect(location)?.used {
            return self.open(location);
        }
        let location = match self.database_url {
            Some(_) => "the database".into(),
            None => self.data_dir.display().to_string(),
        };
        let hint = "create one with chaveiro serve or chaveiro database migrate";
        Err(CliError::Check(format!("there is no vault in {location}; {hint}")))
    }

    /// The settings of a command: a node of its own, with few connections.
    fn command_settings(&self) -> Result<Settings, CliError> {
        let mut settings = self.settings()?;
        settings.node.name = format!("{}-command-line", settings.node.name);
        settings.store.writers = 1;
        settings.store.readers = 1;
        Ok(settings)
    }

    /// Opens the vault for one command, and creates it if there is none.
    fn vault_or_new(&self, init: bool) -> Result<Vault, CliError> {
        self.open(&VaultLocation { init, ..self.location()? })
    }

    fn open(&self, location: &VaultLocation) -> Result<Vault, CliError> {
        let settings = self.command_settings()?;
        let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
        Ok(Vault::open(location, &settings, Clock::system(), &observer)?)
    }
}

/// Observes nothing: a command has no metrics.
struct Unobserved;

impl CommitObserver for Unobserved {
    fn committed(&self, _: usize, _: Duration) {}
}

/// The library of HTTP logs an error for every connection whose bytes are no request, which anybody can send.
const UNLIMITED_LOG: &str = "actix_http::h1::dispatcher=off";

/// Logs to standard error; `RUST_LOG` sets the level. A panic is logged by its source location alone, since its message may
/// hold a value.
fn start_logging(command: &Command) {
    let serving = matches!(command, Command::Vault(VaultCommand::Quickstart(_) | VaultCommand::Serve(_)));
    let level = if serving { format!("info,{UNLIMITED_LOG}") } else { "warn".into() };
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.trim().is_empty());
    let logger = logging::builder().parse_filters(filter.as_deref().unwrap_or(&level)).build();
    logging::start(logger);
    if !matches!(command, Command::Vault(_)) {
        // The HTTP client logs requests and answers, with their secrets, at the levels below.
        log::set_max_level(log::LevelFilter::Warn);
    }
    std::panic::set_hook(Box::new(|panic| log::error!("{}", logging::panic_line(panic))));
}
