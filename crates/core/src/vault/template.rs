//! Change templates: what is sent to a target to change a password there.
//!
//! Those of the operator are stored here. Others ship with the product (`chaveiro-templates`); a stored one of the same executor and
//! name takes the place of one of those.

use chaveiro_targets::template_target;
use chaveiro_templates::{Builtin, Executor, Purpose, Severity, Template, lint};
use chrono::{DateTime, Utc};

use super::{Field, Inner, Noun, Vault, VaultError};
use crate::audit::RowMac;
use crate::clock::from_micros;
use crate::store::change_template::{self, ChangeTemplateFields, ChangeTemplateRow};
use crate::store::lock::lock_name;
use crate::store::{AnyConnection, StoreError};
use crate::text::{case_folded, single_line};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};

/// Purpose of the MAC key.
const PURPOSE: &str = "change template";

/// A template to save.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// The executor.
    pub executor: Executor,
    /// The name, unique for the executor.
    pub name: String,
    /// Its text.
    pub source: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// A template without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSummary {
    /// The executor.
    pub executor: Executor,
    /// Its name.
    pub name: String,
    /// When it was saved last. `None`: it ships with the product.
    pub updated_at: Option<DateTime<Utc>>,
}

impl TemplateSummary {
    /// Returns the templates that ship with the product.
    pub fn shipped() -> impl Iterator<Item = Self> {
        let summary =
            |builtin: Builtin| Self { executor: builtin.executor, name: builtin.name.into(), updated_at: None };
        Builtin::ALL.into_iter().map(summary)
    }

    /// Whether this build runs templates of the executor.
    pub fn is_runnable(&self) -> bool {
        template_target(self.executor).is_some()
    }
}

/// What became of a template that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is new.
    Added,
    /// It has replaced another text.
    Replaced,
    /// It was stored already.
    Unchanged,
}

impl Vault {
    /// Saves a template, in place of one with the same executor and name.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for a text that is no template or that the linter refuses, and for a name of one that changes
    /// passwords, which this one does not.
    pub async fn save_template(&self, permit: Permit, template: NewTemplate) -> Result<Saved, VaultError> {
        // Not in the writer: a long template takes its time.
        let checked = checked_name(&template.name).and_then(|name| Ok((name.to_string(), check(&template)?)));
        let (name, is_change) = match checked {
            Ok(checked) => checked,
            Err(error) => return Err(self.refuse(&permit, error).await),
        };
        let rule = move |context: &mut OperationContext<'_>| save(context, &template, &name, is_change);
        self.execute(permit, rule).await.map(|(saved, _)| saved)
    }

    /// Lists the templates, those that ship with the product first.
    pub async fn templates(&self, permit: Permit) -> Result<Vec<TemplateSummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let stored = change_template::names(context.connection())?;
            let stored = stored.into_iter().map(summary).collect::<Result<Vec<_>, _>>()?;
            let is_replaced = |own: &TemplateSummary| {
                stored.iter().any(|other| own.executor == other.executor && own.name == case_folded(&other.name))
            };
            let mut all: Vec<_> = TemplateSummary::shipped().filter(|own| !is_replaced(own)).collect();
            all.extend(stored);
            Ok(Done::new(Subject::Collection, all))
        };
        self.query(permit, list).await
    }

    /// Returns the text of a template.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Store`] for a row that was modified outside the vault.
    pub async fn template_source(&self, permit: Permit, executor: Executor, name: &str) -> Result<String, VaultError> {
        let name = name.to_string();
        let read = move |context: &mut OperationContext<'_>| {
            let row = match (existing(context, executor, &name), shipped(executor, &name)) {
                (Err(VaultError::NotFound(_)), Some(own)) => {
                    return Ok(Done::new(Subject::Collection, own.source.to_string()));
                }
                (row, _) => row?,
            };
            let id = row.id;
            Ok(Done::new(Subject::ChangeTemplate(id), genuine(context.vault, row)?.source))
        };
        self.query(permit, read).await
    }

    /// Removes a stored template. Credentials that name it are not changed any more.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn remove_template(&self, permit: Permit, executor: Executor, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, executor, &name)?;
            change_template::delete(context.connection(), row.id)?;
            Ok(Done::new(Subject::ChangeTemplate(row.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn save(
    context: &mut OperationContext<'_>,
    template: &NewTemplate,
    name: &str,
    is_change: bool,
) -> Result<Done<Saved>, VaultError> {
    let (executor, name_key, now) = (template.executor.as_str(), case_folded(name), context.micros());
    lock_name(context.connection(), &format!("template/{executor}/{name_key}"))?;
    let found = change_template::find(context.connection(), executor, &name_key)?;
    let mac = mac(context.vault).mac(&[executor.as_bytes(), name.as_bytes(), template.source.as_bytes()]);
    let fields = ChangeTemplateFields {
        executor,
        name,
        name_key: &name_key,
        source: &template.source,
        mac: &mac,
        updated_at: now,
    };
    let connection = context.connection();
    let (id, saved) = match found {
        None if !is_change && shipped(template.executor, name).is_some() => return Err(other_purpose()),
        None => (change_template::insert(connection, &fields)?, Saved::Added),
        Some(row) if row.mac == mac && row.source == template.source => (row.id, Saved::Unchanged),
        Some(row)
            if !is_change
                && Template::parse(template.executor, &row.source).is_ok_and(|former| is_a_change(&former)) =>
        {
            return Err(other_purpose());
        }
        Some(row) => {
            change_template::update(connection, row.id, &fields)?;
            (row.id, Saved::Replaced)
        }
    };
    Ok(Done::new(Subject::ChangeTemplate(id), saved))
}

/// Whether a template sends the new password: only such a one is run as a change.
fn is_a_change(template: &Template) -> bool {
    template.has_tag("NEW_PASSWORD")
}

fn other_purpose() -> VaultError {
    VaultError::invalid(Field::Name, "a template that changes passwords has this name, and this one changes none")
}

/// Returns the name, trimmed.
fn checked_name(name: &str) -> Result<&str, VaultError> {
    let name = single_line(name).map_err(|error| VaultError::invalid(Field::Name, error.expected()))?;
    if name.is_empty() { Err(VaultError::Missing(Field::Name)) } else { Ok(name) }
}

/// Requires a template without refused findings, and returns whether it is a change. The messages say what to do; `chaveiro template
/// lint` says where.
fn check(template: &NewTemplate) -> Result<bool, VaultError> {
    let parsed = Template::parse(template.executor, &template.source).map_err(|_| {
        VaultError::invalid(Field::ChangeTemplate, "expected a template of its executor; see chaveiro template lint")
    })?;
    let findings = lint(&parsed, template.purpose);
    match findings.iter().find(|finding| finding.severity() == Severity::Refused) {
        Some(finding) => Err(VaultError::invalid(Field::ChangeTemplate, finding.rule.message())),
        None => Ok(is_a_change(&parsed)),
    }
}

fn existing(
    context: &mut OperationContext<'_>,
    executor: Executor,
    name: &str,
) -> Result<ChangeTemplateRow, VaultError> {
    let found = change_template::find(context.connection(), executor.as_str(), &case_folded(name))?;
    let row = found.ok_or(VaultError::NotFound(Noun::ChangeTemplate))?;
    context.found(Subject::ChangeTemplate(row.id));
    Ok(row)
}

fn summary((executor, name, updated_at): (String, String, i64)) -> Result<TemplateSummary, StoreError> {
    let executor = executor.parse().map_err(|_| StoreError::Query("a change template has an unknown executor"))?;
    Ok(TemplateSummary { executor, name, updated_at: Some(from_micros(updated_at)) })
}

/// Returns a template that ships with the product, by its name in any case.
fn shipped(executor: Executor, name: &str) -> Option<Builtin> {
    Builtin::ALL.into_iter().find(|builtin| builtin.executor == executor && builtin.name.eq_ignore_ascii_case(name))
}

fn mac(vault: &Inner) -> RowMac {
    RowMac::new(&vault.audit_key, PURPOSE)
}

/// Refuses a row that was modified outside the vault: a template sends secrets.
fn genuine(vault: &Inner, row: ChangeTemplateRow) -> Result<ChangeTemplateRow, StoreError> {
    let is_found_by_its_name = row.name_key == case_folded(&row.name);
    let parts = [row.executor.as_bytes(), row.name.as_bytes(), row.source.as_bytes()];
    if is_found_by_its_name && mac(vault).verify(&parts, &row.mac) {
        return Ok(row);
    }
    log::error!(
        "change template {}: MAC or name mismatch, the row was modified outside the vault; it is not run",
        row.id
    );
    Err(StoreError::Query("a change template was modified outside the vault"))
}

/// Whether an executor has a template of this name.
pub(super) fn exists(connection: &mut AnyConnection, executor: Executor, name: &str) -> Result<bool, StoreError> {
    let mut is_stored = || change_template::find(connection, executor.as_str(), &case_folded(name));
    Ok(shipped(executor, name).is_some() || is_stored()?.is_some())
}

/// Returns the text of a template to run.
///
/// # Errors
/// [`StoreError`] also for a template that was removed, or modified outside the vault.
pub(super) fn source_to_run(
    connection: &mut AnyConnection,
    vault: &Inner,
    executor: Executor,
    name: &str,
) -> Result<String, StoreError> {
    match change_template::find(connection, executor.as_str(), &case_folded(name))? {
        Some(row) => Ok(genuine(vault, row)?.source),
        None => shipped(executor, name).map(|own| own.source.to_string()).ok_or(StoreError::NotFound),
    }
}
