//! The entries of local providers: secrets by name (contract: PAM providers, section 5).
//!
//! Administrators can write but not read the secrets. An application can read the entries that it is linked to.

use super::permitted::{self, PermittedProvider};
use super::{input, is_local, locked_provider};
use crate::crypto::SecretText;
use crate::store::StoreError;
use crate::store::entry::{self, EntryColumn, EntryRow, EntryTest};
use crate::store::id::{EntryId, ProviderId};
use crate::store::link;
use crate::text::is_storable;
use crate::vault::access::{Verb, visible_entry};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::{OffsetList, OffsetQuery};
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, Noun, Vault, VaultError};

/// An entry, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Entry {
    pub id: EntryId,
    pub provider_id: ProviderId,
    pub name: String,
    pub description: Option<String>,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self { id: row.id, provider_id: row.provider_id, name: row.name, description: row.description }
    }
}

/// Parameters of a request to create or update an entry. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EntryInput {
    pub secret_name: Option<String>,
    pub description: Option<String>,
    pub secret_value: Option<SecretText>,
}

impl Vault {
    /// Lists the entries of a local provider.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::WrongKind`] for a provider that is not local.
    pub async fn list_entries(
        &self,
        permit: Permit,
        provider: ProviderId,
        query: OffsetQuery<EntryTest, EntryColumn>,
    ) -> Result<OffsetList<Entry>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let provider = permitted::provider(context, Verb::Read, provider)?;
            let id = require_local(&provider)?;
            let list = entry::list(context.connection(), id, query.condition.as_ref(), query.page)?;
            Ok(Done::new(Subject::Provider(id), list.map(Entry::from)))
        };
        self.query(permit, list).await
    }

    /// Creates an entry.
    ///
    /// # Errors
    /// As [`Vault::list_entries`]; [`VaultError::Taken`].
    pub async fn create_entry(
        &self,
        permit: Permit,
        provider: ProviderId,
        input: EntryInput,
    ) -> Result<Entry, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let provider = locked_local(context, provider)?;
            create(context, provider, &input)
        };
        self.execute(permit, rule).await.map(|(entry, _)| entry)
    }

    /// Replaces the description of an entry, and its secret if sent. A missing secret keeps the stored one, since
    /// administrators cannot read it.
    ///
    /// # Errors
    /// As [`Vault::list_entries`]; [`VaultError::NotFound`].
    pub async fn update_entry(
        &self,
        permit: Permit,
        provider: ProviderId,
        input: EntryInput,
    ) -> Result<Entry, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let provider = locked_local(context, provider)?;
            update(context, provider, &input)
        };
        self.execute(permit, rule).await.map(|(entry, _)| entry)
    }

    /// Deletes an entry and all versions of its secret.
    ///
    /// # Errors
    /// As [`Vault::update_entry`].
    pub async fn delete_entry(
        &self,
        permit: Permit,
        provider: ProviderId,
        secret_name: Option<String>,
    ) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let provider = locked_local(context, provider)?;
            let name = input::name(secret_name.as_deref(), Field::SecretName)?;
            let entry = by_name(context, provider, &name)?;
            secrets::delete(context, SecretOwner::ProviderEntry(entry.id))?;
            link::delete_all_of_entry(context.connection(), entry.id)?;
            entry::delete(context.connection(), entry.id)?;
            Ok(Done::new(Subject::Entry(entry.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Returns one entry with its secret, to a linked application.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for an entry that the client does not see.
    pub async fn read_entry(
        &self,
        permit: Permit,
        provider: ProviderId,
        name: String,
    ) -> Result<(Entry, SecretText), VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let row = if is_storable(&name) { entry::by_name(context.connection(), provider, &name)? } else { None };
            let row = row.ok_or(VaultError::NotFound(Noun::Entry))?;
            let subject = Subject::Entry(row.id);
            context.found(subject);
            let row = visible_entry(context, row)?.ok_or(VaultError::NotFound(Noun::Entry))?;
            let sealed = secrets::current(context, SecretOwner::ProviderEntry(row.id))?.ok_or(StoreError::NotFound)?;
            Ok(Done::new(subject, (Entry::from(row.into_inner()), sealed)))
        };
        let ((entry, sealed), recorded) = self.reveal(permit, query).await?;
        Ok((entry, self.unseal(&recorded, &sealed).await?))
    }
}

/// Requires a local provider, and returns its id.
fn require_local(provider: &PermittedProvider) -> Result<ProviderId, VaultError> {
    let row = provider.row();
    if is_local(row) { Ok(row.id) } else { Err(VaultError::WrongKind(Noun::LocalProvider)) }
}

/// Locks a local provider for a change of its entries, and returns its id.
fn locked_local(context: &mut OperationContext<'_>, id: ProviderId) -> Result<ProviderId, VaultError> {
    let provider = locked_provider(context, id)?;
    require_local(&provider)
}

fn by_name(context: &mut OperationContext<'_>, provider: ProviderId, name: &str) -> Result<EntryRow, VaultError> {
    let row = entry::by_name(context.connection(), provider, name)?.ok_or(VaultError::NotFound(Noun::Entry))?;
    context.found(Subject::Entry(row.id));
    Ok(row)
}

fn saved(context: &mut OperationContext<'_>, provider: ProviderId, name: &str) -> Result<Done<Entry>, VaultError> {
    let row = by_name(context, provider, name)?;
    Ok(Done::new(Subject::Entry(row.id), row.into()))
}

fn create(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    sent: &EntryInput,
) -> Result<Done<Entry>, VaultError> {
    let name = input::name(sent.secret_name.as_deref(), Field::SecretName)?;
    let description = input::text(sent.description.as_deref(), Field::Description)?;
    let secret = sent.secret_value.as_ref().ok_or(VaultError::Missing(Field::SecretValue))?;
    let secret = input::secret(secret, Field::SecretValue)?;
    // The provider is locked, so the name cannot be taken concurrently.
    if entry::by_name(context.connection(), provider, &name)?.is_some() {
        return Err(VaultError::Taken(Noun::Entry));
    }
    let now = context.micros();
    let id = entry::insert(context.connection(), provider, &name, description, now)?;
    secrets::store(context, SecretOwner::ProviderEntry(id), secret)?;
    saved(context, provider, &name)
}

fn update(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    sent: &EntryInput,
) -> Result<Done<Entry>, VaultError> {
    let name = input::name(sent.secret_name.as_deref(), Field::SecretName)?;
    let description = input::text(sent.description.as_deref(), Field::Description)?;
    let secret = sent.secret_value.as_ref().map(|secret| input::secret(secret, Field::SecretValue)).transpose()?;
    let row = by_name(context, provider, &name)?;
    let now = context.micros();
    entry::describe(context.connection(), row.id, description, now)?;
    if let Some(secret) = secret {
        secrets::store(context, SecretOwner::ProviderEntry(row.id), secret)?;
    }
    saved(context, provider, &name)
}
