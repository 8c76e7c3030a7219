//! `chaveiro exec`: runs a program with values of the vault in its environment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{ArgGroup, Args};

use super::connection::{Connection, ConnectionOptions, SECRET_VARIABLES};
use super::environment_file::{self, Assignment, Value, assignment};
use super::error::ClientError;
use super::session::Session;
use super::values::Values;
use crate::text::encoding;

/// The variables that robots of Robocorp and RPA Framework read.
const ROBOCORP_HOST: &str = "RC_API_SECRET_HOST";
const ROBOCORP_TOKEN: &str = "RC_API_SECRET_TOKEN";
const ROBOCORP_WORKSPACE: &str = "RC_WORKSPACE_ID";

/// Options of `exec`.
#[derive(Args)]
#[command(group(ArgGroup::new("variables").args(["env", "env_file", "robocorp"]).required(true).multiple(true)))]
#[expect(clippy::doc_markdown, reason = "a help text is shown as it is written")]
pub(in crate::cli) struct Options {
    /// Set the variable NAME to a value: DB_PASSWORD=erp-batch is the secret of the item erp-batch, DB_USER=erp-batch#username
    /// its username. Fields: password username hostname address port private_key public_key passphrase name text totp.
    #[arg(long, value_parser = assignment, value_name = "NAME=REFERENCE")]
    env: Vec<Assignment>,
    /// Set the variables of a file, NAME=VALUE a line. A value that begins with chaveiro:// is a reference.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Set RC_API_SECRET_HOST, RC_API_SECRET_TOKEN and RC_WORKSPACE_ID for a robot of Robocorp.
    #[arg(long, value_name = "WORKSPACE")]
    robocorp: Option<String>,
    /// Leave CHAVEIRO_CLIENT_SECRET and CHAVEIRO_TOKEN in the environment of the program.
    #[arg(long)]
    keep_login: bool,
    /// The program and its arguments, after --.
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Replaces this process by the program. Returns only if that fails.
pub(in crate::cli) fn run(options: Options) -> ClientError {
    let mut command = match prepare(options) {
        Ok(command) => command,
        Err(error) => return ClientError::NotStarted(Box::new(error)),
    };
    let error = command.exec();
    ClientError::Program(command.get_program().into(), error.kind())
}

/// Reads all values, and prepares the program with them in its environment alone.
fn prepare(options: Options) -> Result<Command, ClientError> {
    let robocorp: &[&str] =
        if options.robocorp.is_some() { &[ROBOCORP_HOST, ROBOCORP_TOKEN, ROBOCORP_WORKSPACE] } else { &[] };
    let assignments = assignments(options.env, &options.env_file, robocorp)?;
    let connection = Connection::resolve(options.connection)?;
    let takes_custody = connection.takes_custody;
    let mut values = Values::new(Session::new(connection)?, takes_custody);
    let references = assignments.iter().filter_map(|assignment| match &assignment.value {
        Value::Reference(reference) => Some(reference.clone()),
        Value::Literal(_) => None,
    });
    let found = values.read(references)?;
    let [program, arguments @ ..] = options.program.as_slice() else {
        return Err(ClientError::Option("program", "expected a program after --"));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    if !options.keep_login {
        SECRET_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
    }
    if let Some(workspace) = options.robocorp {
        let token = values.session().new_token()?;
        command.env(ROBOCORP_HOST, values.session().url()).env(ROBOCORP_TOKEN, token.expose());
        command.env(ROBOCORP_WORKSPACE, workspace);
    }
    for Assignment { name, value } in assignments {
        let value = match &value {
            Value::Literal(text) => text,
            Value::Reference(reference) => {
                found.get(reference).ok_or_else(|| ClientError::Missing(vec![reference.to_string()]))?.expose()
            }
        };
        if value.contains('\0') {
            return Err(ClientError::Nul(name));
        }
        command.env(name, value);
    }
    Ok(command)
}

/// Collects the variables of the options and the files. A variable must not be set twice, nor one of `others`.
fn assignments(options: Vec<Assignment>, files: &[PathBuf], others: &[&str]) -> Result<Vec<Assignment>, ClientError> {
    let mut all = options;
    for path in files {
        all.extend(environment_file::parse(path, &read(path)?)?);
    }
    let mut seen: BTreeSet<&str> = others.iter().copied().collect();
    if all.iter().any(|assignment| !seen.insert(&assignment.name)) {
        return Err(ClientError::Option("env", "a variable is set twice"));
    }
    Ok(all)
}

fn read(path: &Path) -> Result<String, ClientError> {
    let bytes = fs::read(path).map_err(|error| ClientError::Unreadable(path.into(), error.kind()))?;
    let text = encoding::document(&bytes);
    text.map(String::from).map_err(|error| ClientError::Encoding(path.display().to_string(), error))
}
