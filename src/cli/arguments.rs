//! Parses the command line.
//!
//! No option takes an empty or blank value: it comes from an unset shell variable, and would lift a restriction or do nothing.
//! Nor does one take white space at its ends, which would name another file, database or object. The rules are applied to the
//! parsed options of every command, so an option needs nothing for them, and not to what follows `--`. A blank environment variable counts as unset.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches, Subcommand};

use super::{Arguments, VaultCommand};
use crate::config::environment::is_blank;

/// The options of commands that open a vault, by their ids.
const VAULT_OPTIONS: [&str; 4] = ["data_dir", "database_url", "root_key_file", "config"];

/// Parses the arguments and the variables that options have.
///
/// # Errors
/// An error for [`Error::print`], which includes the help page and the version.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, Error> {
    let mut command = without_blank_variables(command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    check_values(&mut command, &matches)?;
    check_vault_options(&mut command, &matches)?;
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    arguments.common.is_url_visible = matches.value_source("database_url") == Some(ValueSource::CommandLine);
    Ok(arguments)
}

/// Returns the description of all commands. A command that opens no vault does not show the options of one.
pub(super) fn command() -> Command {
    let mut command = Arguments::command();
    command.build();
    let hide = |arg: Arg| if VAULT_OPTIONS.contains(&arg.get_id().as_str()) { arg.hide(true) } else { arg };
    let opens_vault = |sub: &Command| VaultCommand::has_subcommand(sub.get_name());
    command.mut_subcommands(|sub| if opens_vault(&sub) { sub } else { sub.mut_args(hide) })
}

/// Refuses an option of a vault in a command that opens none: `--config` would not be the settings that the user means.
fn check_vault_options(command: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    if VaultCommand::has_subcommand(name) {
        return Ok(());
    }
    let is_given =
        |id: &&&str| matches.try_get_raw(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
    let Some(id) = VAULT_OPTIONS.iter().find(is_given) else { return Ok(()) };
    let option = id.replace('_', "-");
    let message = format!(
        "'--{option}' is for commands that open a vault, and '{name}' calls one; its settings are --client-config"
    );
    Err(command.error(ErrorKind::ArgumentConflict, message))
}

fn without_blank_variables(command: Command) -> Command {
    let is_unset = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| is_blank(&value));
    let command = command.mut_args(|arg| if is_unset(&arg) { arg.env(Resettable::Reset) } else { arg });
    command.mut_subcommands(without_blank_variables)
}

fn check_values(command: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let refused = command.get_arguments().find_map(|arg| Some((arg.to_string(), refusal(arg, matches)?)));
    if let Some((option, expected)) = refused {
        return Err(command.error(ErrorKind::InvalidValue, format!("the value of '{option}' must not {expected}")));
    }
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    command.find_subcommand_mut(name).map_or(Ok(()), |command| check_values(command, matches))
}

/// Returns what a value of the option must not be.
fn refusal(arg: &Arg, matches: &ArgMatches) -> Option<&'static str> {
    // The arguments of the program of `exec` are its own.
    if arg.is_last_set() {
        return None;
    }
    let mut values = matches.try_get_raw(arg.get_id().as_str()).ok().flatten()?;
    values.find_map(|value| match value.to_str() {
        _ if is_blank(value) => Some("be empty"),
        Some(text) if text.trim() != text => Some("begin or end with white space"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `check` for every command that has no subcommands.
    fn each_command(command: &Command, path: &[String], check: &mut impl FnMut(&Command, &[String])) {
        let path = [path, &[command.get_name().to_string()]].concat();
        if !command.has_subcommands() {
            check(command, &path);
        }
        command.get_subcommands().for_each(|command| each_command(command, &path, check));
    }

    #[test]
    fn no_option_of_any_command_takes_a_blank_value() {
        let mut root = Arguments::command();
        root.build();
        let mut seen = 0;
        each_command(&root, &[], &mut |command, path| {
            for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_last_set()) {
                for blank in ["", " ", "\t", "\u{a0}", "a ", "\u{a0}1"] {
                    let option = match arg.get_long() {
                        Some(long) => format!("--{long}={blank}"),
                        None => blank.to_string(),
                    };
                    // Alone, so that the parser of the value or the rule of this module has to refuse it.
                    let groups = command.get_groups().map(|group| group.get_id().to_string());
                    let mut alone = groups
                        .fold(command.clone(), |command, id| command.mut_group(id, |group| group.required(false)))
                        .mut_args(|arg| arg.required(false));
                    let arguments = [path.last().unwrap(), &option];
                    let refused = match alone.try_get_matches_from_mut(arguments) {
                        Err(error) => error,
                        Ok(matches) => check_values(&mut alone, &matches).expect_err(&option),
                    };
                    assert_eq!(refused.exit_code(), 2, "{path:?} {option:?}: {refused}");
                    seen += 1;
                }
            }
        });
        assert!(seen > 200, "{seen}");
    }
}
