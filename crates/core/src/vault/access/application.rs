//! Applications: the programs that call the vault, each with its authorizations.

use crate::store::id::ApplicationId;
use crate::store::{StoreError, client, meta};
use crate::text::single_line;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// An application and the number of its authorizations.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApplicationSummary {
    pub name: String,
    pub active: bool,
    pub authorizations: usize,
}

impl Vault {
    /// Creates an application.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`] for an invalid name.
    pub async fn create_application(&self, permit: Permit, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let (name, now) = (checked_name(&name)?, context.micros());
            let id = client::insert_application(context.connection(), name, now).map_err(taken(Noun::Application))?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Application(id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Lists all applications.
    pub async fn applications(&self, permit: Permit) -> Result<Vec<ApplicationSummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let authorizations = client::authorizations(context.connection())?;
            let count = |id: ApplicationId| authorizations.iter().filter(|row| row.application_id == id).count();
            let applications = client::applications(context.connection())?;
            let summaries = applications.into_iter().map(|row| ApplicationSummary {
                authorizations: count(row.id),
                name: row.name,
                active: row.active,
            });
            Ok(Done::new(Subject::Collection, summaries.collect()))
        };
        self.query(permit, list).await
    }

    /// Disables an application and all of its clients, whose custodies end.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn disable_application(&self, permit: Permit, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let id = id_by_name(context, &name)?;
            client::set_application_active(context.connection(), id, false)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Application(id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Finds the id of an application by name.
pub(super) fn id_by_name(context: &mut OperationContext<'_>, name: &str) -> Result<ApplicationId, VaultError> {
    let row = client::application_by_name(context.connection(), name)?;
    let id = row.map(|row| row.id).ok_or(VaultError::NotFound(Noun::Application))?;
    context.found(Subject::Application(id));
    Ok(id)
}

/// Checks a name that appears in comma-separated lists: one line, not empty, without a comma.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn checked_name(name: &str) -> Result<&str, VaultError> {
    let line = single_line(name).map_err(|error| VaultError::invalid(Field::Name, error.expected()))?;
    if line.is_empty() || line.contains(',') {
        return Err(VaultError::invalid(Field::Name, "expected a name of 1 to 255 characters, without a comma"));
    }
    Ok(line)
}

/// Maps a unique violation to [`VaultError::Taken`].
pub(in crate::vault) fn taken(noun: Noun) -> impl FnOnce(StoreError) -> VaultError {
    move |error| if matches!(error, StoreError::Conflict(_)) { VaultError::Taken(noun) } else { error.into() }
}
