//! `chaveiro completion` and `chaveiro man`: scripts and pages that are generated from the arguments.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap_complete::Shell;

use super::CliError;
use super::arguments::command;
use super::output::print_bytes;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the completion script of a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages, one for each command.
    Man {
        /// The directory of the pages. It must exist.
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> Result<(), CliError> {
    match command {
        Command::Completion { shell } => complete(*shell),
        Command::Man { output } => write_pages(output),
    }
}

fn complete(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "chaveiro", &mut script);
    Ok(print_bytes(&script)?)
}

fn write_pages(directory: &Path) -> Result<(), CliError> {
    let written = clap_mangen::generate_to(command(), directory);
    written.map_err(|error| CliError::Unwritable(directory.into(), error.kind()))
}
