//! `chaveiro template`

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use chaveiro_templates::{Builtin, Executor, Purpose, Severity, Template, lint};
use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::output::{print_bytes, print_line, print_table};

/// More than the longest template that is parsed.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the change templates that come with the product.
    List(List),
    /// Print a template that comes with the product.
    Show(Show),
    /// Check templates: what is no template, and which places in one are unsafe. Nothing is run.
    Lint(Lint),
}

#[derive(Args)]
pub(super) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Show {
    /// The name of the template.
    name: String,
}

#[derive(Args)]
pub(super) struct Lint {
    /// What carries the templates out, such as ssh, ldap, postgresql.
    #[arg(long)]
    executor: Executor,
    /// The templates do not change a password, so none has to be in them.
    #[arg(long)]
    other_purpose: bool,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::List(List { json }) => {
            let rows: Vec<_> = Builtin::ALL
                .iter()
                .map(|builtin| json!({ "name": builtin.name, "executor": builtin.executor.as_str() }))
                .collect();
            Ok(print_table(json, &["name", "executor"], &rows)?)
        }
        Command::Show(Show { name }) => {
            let found = Builtin::find(&name);
            let found =
                found.ok_or_else(|| CliError::Check("there is no such template; chaveiro template list".into()))?;
            Ok(print_bytes(found.source.as_bytes())?)
        }
        Command::Lint(options) => lint_files(&options),
    }
}

/// Prints the findings of each file. Fails if a file is no template, or must not be used as one.
fn lint_files(options: &Lint) -> Result<(), CliError> {
    let purpose = if options.other_purpose { Purpose::Other } else { Purpose::ChangePassword };
    let mut refused = 0_usize;
    for path in &options.files {
        let source = read(path)?;
        let shown = path.display();
        let template = match Template::parse(options.executor, &source) {
            Ok(template) => template,
            Err(error) => {
                refused += 1;
                print_line(&format!("{shown}: {error}"))?;
                continue;
            }
        };
        let findings = lint(&template, purpose);
        refused += usize::from(findings.iter().any(|finding| finding.severity() == Severity::Refused));
        findings.iter().try_for_each(|finding| print_line(&format!("{shown}: {finding}")))?;
    }
    match refused {
        0 => Ok(()),
        refused => Err(CliError::Check(format!("refused templates: {refused} of {}", options.files.len()))),
    }
}

fn read(path: &PathBuf) -> Result<String, CliError> {
    let unreadable = |error: std::io::Error| CliError::Unreadable(path.clone(), error.kind());
    let mut text = String::new();
    File::open(path).map_err(unreadable)?.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
