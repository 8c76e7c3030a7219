//! `chaveiro template`

mod files;
mod import;

use chaveiro_rotation::TargetIdentity;
use chaveiro_templates::{Builtin, Executor};
use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::operator::permit;
use super::output::{print_bytes, print_line, print_table};
use super::time::rfc_3339;
use crate::text::case_folded;
use crate::vault::Vault;
use crate::vault::operation::Action;
use crate::vault::rotation::{RehearsedTemplate, TemplateTrial, TrialResult};
use crate::vault::template::TemplateSummary;
use files::Files;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Save templates in the vault, each after a check.
    Import(Files),
    /// List the templates: those that ship with the product, and those of the vault if there is one.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a template.
    Show(Named),
    /// Remove a template from the vault.
    Remove(Named),
    /// Check templates: what is no template, and which places in one are unsafe. Nothing is run or saved.
    Lint(Files),
    /// Run the template of a credential on its target up to the new password, which is not sent.
    Try(Try),
}

/// A template by its name.
#[derive(Args)]
pub(super) struct Named {
    /// The name of the template.
    name: String,
    /// The executor, such as ssh; needed when several executors have a template of this name.
    #[arg(long)]
    executor: Option<Executor>,
}

#[derive(Args)]
pub(super) struct Try {
    /// The credential, by its id, identifier or username@hostname. Its settings name the template.
    credential: String,
    /// Only fill the places of the template with values, and connect to nothing.
    #[arg(long)]
    dry_run: bool,
    /// The fingerprint of the target's host key or certificate, if none is pinned yet.
    #[arg(long, conflicts_with = "dry_run")]
    identity: Option<String>,
}

impl Command {
    /// Runs a command that opens no vault, or gives it back.
    pub(super) fn run_without_vault(
        self,
        has_vault: impl Fn() -> Result<bool, CliError>,
    ) -> Result<Option<Self>, CliError> {
        match self {
            Command::Lint(files) => import::lint_files(&files)?,
            Command::List { json } if !has_vault()? => print_list(TemplateSummary::shipped(), json)?,
            Command::Show(Named { name, executor }) if !has_vault()? => {
                let own = Builtin::find(&name).filter(|own| executor.is_none_or(|wanted| wanted == own.executor));
                print_bytes(own.ok_or_else(unknown)?.source.as_bytes())?;
            }
            command => return Ok(Some(command)),
        }
        Ok(None)
    }
}

/// Runs a command on a vault.
pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Import(files) => import::import(vault, &files).await,
        Command::List { json } => {
            print_list(vault.templates(permit(vault, Action::TEMPLATE_LIST).await?).await?.into_iter(), json)
        }
        Command::Show(named) => {
            let executor = executor_of(vault, &named).await?;
            let permit = permit(vault, Action::TEMPLATE_READ).await?;
            let source = vault.template_source(permit, executor, &named.name).await?;
            Ok(print_bytes(source.as_bytes())?)
        }
        Command::Remove(named) => {
            let executor = executor_of(vault, &named).await?;
            let permit = permit(vault, Action::TEMPLATE_REMOVE).await?;
            vault.remove_template(permit, executor, &named.name).await?;
            Ok(print_line(&format!("{executor} template {} removed", named.name))?)
        }
        Command::Lint(files) => import::lint_files(&files),
        Command::Try(Try { credential, dry_run, identity }) => {
            let rehearsal = TemplateTrial::Rehearsal { identity: identity.map(TargetIdentity) };
            let trial = if dry_run { TemplateTrial::DryRun } else { rehearsal };
            let permit = permit(vault, Action::TEMPLATE_TRY).await?;
            print_trial(&vault.try_template(permit, credential, trial).await?)
        }
    }
}

/// Returns the executor of a template of the vault.
async fn executor_of(vault: &Vault, named: &Named) -> Result<Executor, CliError> {
    if let Some(executor) = named.executor {
        return Ok(executor);
    }
    let templates = vault.templates(permit(vault, Action::TEMPLATE_LIST).await?).await?;
    let is_named = |template: &&TemplateSummary| case_folded(&template.name) == case_folded(&named.name);
    let mut found = templates.iter().filter(is_named).map(|template| template.executor);
    match (found.next(), found.next()) {
        (Some(executor), None) => Ok(executor),
        (Some(_), Some(_)) => {
            Err(CliError::Check("several executors have a template of this name; name one by --executor".into()))
        }
        (None, _) => Err(unknown()),
    }
}

fn unknown() -> CliError {
    CliError::Check("there is no such template; chaveiro template list".into())
}

fn print_list(templates: impl Iterator<Item = TemplateSummary>, json: bool) -> Result<(), CliError> {
    let row = |template: TemplateSummary| {
        json!({
            "executor": template.executor.as_str(),
            "name": template.name,
            "runs": if template.is_runnable() { "yes" } else { "no" },
            "saved": template.updated_at.map_or_else(|| "shipped".into(), rfc_3339),
        })
    };
    Ok(print_table(json, &["executor", "name", "runs", "saved"], &templates.map(row).collect::<Vec<_>>())?)
}

/// Prints how far a trial came. Fails if it did not come as far as it may.
fn print_trial(tried: &RehearsedTemplate) -> Result<(), CliError> {
    print_line(&format!("template  {} {}", tried.executor, tried.name))?;
    let rehearsal = match &tried.result {
        Err(error) => return Err(CliError::Check(error.to_string())),
        Ok(TrialResult::Filled) => {
            return Ok(print_line("Every place of the template can carry its value. Nothing was connected to.")?);
        }
        Ok(TrialResult::UnknownIdentity(TargetIdentity(identity))) => {
            let shown = crate::text::visible(identity);
            return Err(CliError::Check(format!(
                "the target presents {shown}, which is not pinned, so no secret was sent to it; compare it with that of the \
                 target, and name it by --identity"
            )));
        }
        Ok(TrialResult::Rehearsed(rehearsal)) => rehearsal,
    };
    if !rehearsal.transcript.is_empty() {
        print_line("output of the target, with secrets masked:")?;
        rehearsal.transcript.lines().try_for_each(|line| print_line(&format!("  | {}", crate::text::visible(line))))?;
    }
    let at = rehearsal.at.map_or_else(String::new, |at| format!("{at}: "));
    match &rehearsal.failure {
        Some(failure) => Err(CliError::Check(format!("{at}{failure}; the new password was not sent"))),
        None => Ok(print_line(&format!(
            "{at}came as far as the new password, which was not sent: the password is as it was."
        ))?),
    }
}
