//! `chaveiro template lint` and `import`

use std::collections::BTreeSet;

use chaveiro_templates::{Severity, Template, lint};

use super::files::{Files, Source};
use crate::cli::CliError;
use crate::cli::operator::permit;
use crate::cli::output::print_line;
use crate::text::case_folded;
use crate::vault::Vault;
use crate::vault::operation::Action;
use crate::vault::template::{NewTemplate, Saved};

/// Prints the findings of each file. Fails if a file is no template, or must not be used as one.
pub(super) fn lint_files(files: &Files) -> Result<(), CliError> {
    let sources = files.find()?;
    let mut refused = 0;
    for source in &sources {
        refused += usize::from(!check(source, &source.read()?, true)?);
    }
    counted(refused, sources.len())
}

/// Saves each file as a template, but those that are refused. Fails if there are any.
pub(super) async fn import(vault: &Vault, files: &Files) -> Result<(), CliError> {
    let sources = files.find()?;
    let mut seen = BTreeSet::new();
    let mut refused = 0;
    for source in &sources {
        let (name, text) = (source.name()?.to_string(), source.read()?);
        if !seen.insert((source.executor.as_str(), case_folded(&name))) {
            print_line(&format!("{}: refused: another file has the same name", source.path.display()))?;
            refused += 1;
            continue;
        }
        if !check(source, &text, false)? {
            refused += 1;
            continue;
        }
        let permit = permit(vault, Action::TEMPLATE_IMPORT).await?;
        let new = NewTemplate { executor: source.executor, name: name.clone(), source: text, purpose: source.purpose };
        match vault.save_template(permit, new).await {
            Ok(saved) => print_line(&format!("{} {name}: {}", source.executor, word(saved)))?,
            Err(error @ (crate::vault::VaultError::Invalid(_) | crate::vault::VaultError::Missing(_))) => {
                refused += 1;
                print_line(&format!("{}: refused: {}", source.path.display(), CliError::from(error)))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    counted(refused, sources.len())
}

/// Prints findings: all, or those for which a template is refused. Returns whether it may be saved.
fn check(source: &Source, text: &str, all: bool) -> Result<bool, CliError> {
    let shown = source.path.display();
    let template = match Template::parse(source.executor, text) {
        Ok(template) => template,
        Err(error) => {
            print_line(&format!("{shown}: {error}"))?;
            return Ok(false);
        }
    };
    let findings = lint(&template, source.purpose);
    for finding in findings.iter().filter(|finding| all || finding.severity() == Severity::Refused) {
        print_line(&format!("{shown}: {finding}"))?;
    }
    Ok(findings.iter().all(|finding| finding.severity() != Severity::Refused))
}

fn counted(refused: usize, all: usize) -> Result<(), CliError> {
    match refused {
        0 => Ok(()),
        refused => Err(CliError::Check(format!("refused templates: {refused} of {all}"))),
    }
}

fn word(saved: Saved) -> &'static str {
    match saved {
        Saved::Added => "imported",
        Saved::Replaced => "replaced",
        Saved::Unchanged => "unchanged",
    }
}
