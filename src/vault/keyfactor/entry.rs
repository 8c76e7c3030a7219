//! The entries of local PAM providers: secrets by name (contract, section 5). Their callers on the Keyfactor routes
//! write secrets and never read them; an application reads one as it reads a credential, when it is linked to it.

use super::filter::Field;
use super::listing::{ListRequest, Listed};
use super::permission::Verb;
use super::provider::{self, is_local};
use super::{KeyfactorAction, KeyfactorError, input};
use crate::crypto::{SecretKind, SecretText};
use crate::store::keyfactor::entry::{self, EntryColumn, EntryRow, EntryTest};
use crate::store::keyfactor::provider::ProviderRow;
use crate::store::link::{self, LinkedKind};
use crate::store::{AnyConnection, StoreError};
use crate::vault::secrets::{self, Sealed};
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

/// An entry, without its secret.
pub type Entry = EntryRow;

const COLUMNS: [(&str, EntryColumn); 2] =
    [("SecretName", EntryColumn::Name), ("Description", EntryColumn::Description)];

/// What a client sends to create or update an entry. Nothing is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 5")]
pub struct EntryInput {
    pub secret_name: Option<String>,
    pub description: Option<String>,
    pub secret_value: Option<SecretText>,
}

impl Vault {
    /// The entries of a local provider.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNotFound`], [`KeyfactorError::ProviderNotLocal`].
    pub async fn list_entries(
        &self,
        call: &Call,
        provider: Result<i32, VaultError>,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<Entry>, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let id = call.require_for(Verb::Read, &provider)?;
            local(&provider::known(connection, id)?)?;
            let request = request?;
            let condition = request.condition(field)?;
            let page = request.page(EntryColumn::Name, &COLUMNS)?;
            Ok((entry::list(connection, id, condition.as_ref(), page)?, Some(Object::Provider(id))))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::EntryList), query).await
    }

    /// Creates an entry.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNotFound`], [`KeyfactorError::ProviderNotLocal`], [`KeyfactorError::EntryNameTaken`].
    pub async fn create_entry(
        &self,
        call: &Call,
        provider: Result<i32, VaultError>,
        input: Result<EntryInput, VaultError>,
    ) -> Result<Entry, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &provider)?;
            create(work, &row, input.as_ref().map_err(Clone::clone)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::EntryCreate), rule).await
    }

    /// Writes the description of an entry, and its secret if one is sent: nobody can send back what nobody can read, so
    /// a secret that is not sent stays.
    ///
    /// # Errors
    /// As [`Vault::create_entry`]; [`KeyfactorError::EntryNotFound`].
    pub async fn update_entry(
        &self,
        call: &Call,
        provider: Result<i32, VaultError>,
        input: Result<EntryInput, VaultError>,
    ) -> Result<Entry, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &provider)?;
            update(work, &row, input.as_ref().map_err(Clone::clone)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::EntryUpdate), rule).await
    }

    /// Forgets an entry and its secret in all versions.
    ///
    /// # Errors
    /// As [`Vault::update_entry`].
    pub async fn delete_entry(
        &self,
        call: &Call,
        provider: Result<i32, VaultError>,
        secret_name: Option<String>,
    ) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &provider)?;
            let name = input::name(secret_name.as_deref(), "secretName")?;
            let entry = known(work, &row, &name)?;
            secrets::erase(work, SecretKind::ProviderEntry, entry.id)?;
            link::delete_all(work.connection(), LinkedKind::Entry, entry.id)?;
            Ok(entry::delete(work.connection(), entry.id)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::EntryDelete), rule).await
    }

    /// One entry with its secret, for an application that it is linked to.
    ///
    /// # Errors
    /// [`KeyfactorError::EntryNotFound`], also for one that the client does not see.
    pub async fn read_entry(
        &self,
        call: &Call,
        provider: Option<i32>,
        name: String,
    ) -> Result<(Entry, SecretText), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let missing = || VaultError::Keyfactor(KeyfactorError::EntryNotFound);
            let sound = provider.filter(|_| !name.contains('\0')).ok_or_else(missing)?;
            let row = entry::by_name(work.connection(), sound, &name)?.ok_or_else(missing)?;
            work.touches(Object::Entry(row.id));
            let authorization = work.authorization();
            if !link::exists(work.connection(), authorization, LinkedKind::Entry, row.id)? {
                return Err(missing());
            }
            let secret = secrets::current(work, SecretKind::ProviderEntry, row.id)?.ok_or(StoreError::NotFound)?;
            Ok((row, secret))
        };
        let (row, secret): (Entry, Sealed) = self.perform(call, Action::EntryRead, rule).await?;
        Ok((row, self.unseal(call, Action::EntryRead, &secret).await?))
    }
}

/// The fields that a list can be asked about.
fn field(name: &str) -> Option<Field<EntryTest>> {
    match name {
        "secretname" => Some(Field::Text(EntryTest::Name)),
        "description" => Some(Field::Text(EntryTest::Description)),
        _ => None,
    }
}

fn local(row: &ProviderRow) -> Result<(), VaultError> {
    if is_local(row) { Ok(()) } else { Err(KeyfactorError::ProviderNotLocal.into()) }
}

/// The local provider whose entries a call is to change.
fn for_change(work: &mut Work<'_, '_>, id: &Result<i32, VaultError>) -> Result<ProviderRow, VaultError> {
    let row = provider::for_change(work, id)?;
    local(&row)?;
    Ok(row)
}

fn known(work: &mut Work<'_, '_>, provider: &ProviderRow, name: &str) -> Result<Entry, VaultError> {
    let row = entry::by_name(work.connection(), provider.id, name)?.ok_or(KeyfactorError::EntryNotFound)?;
    work.touches(Object::Entry(row.id));
    Ok(row)
}

fn create(work: &mut Work<'_, '_>, provider: &ProviderRow, sent: &EntryInput) -> Result<Entry, VaultError> {
    let name = input::name(sent.secret_name.as_deref(), "SecretName")?;
    let description = input::text(sent.description.as_deref(), "Description")?;
    let secret = sent.secret_value.as_ref().ok_or_else(|| InvalidInput::parameter("SecretValue", "required"))?;
    let secret = input::secret(secret, "SecretValue")?;
    // The provider is claimed, so nobody else takes the name in between.
    if entry::by_name(work.connection(), provider.id, &name)?.is_some() {
        return Err(KeyfactorError::EntryNameTaken.into());
    }
    let now = work.micros();
    let id = entry::insert(work.connection(), provider.id, &name, description, now)?;
    work.touches(Object::Entry(id));
    secrets::put(work, SecretKind::ProviderEntry, id, secret)?;
    known(work, provider, &name)
}

fn update(work: &mut Work<'_, '_>, provider: &ProviderRow, sent: &EntryInput) -> Result<Entry, VaultError> {
    let name = input::name(sent.secret_name.as_deref(), "SecretName")?;
    let description = input::text(sent.description.as_deref(), "Description")?;
    let secret = sent.secret_value.as_ref().map(|secret| input::secret(secret, "SecretValue")).transpose()?;
    let row = known(work, provider, &name)?;
    let now = work.micros();
    entry::describe(work.connection(), row.id, description, now)?;
    if let Some(secret) = secret {
        secrets::put(work, SecretKind::ProviderEntry, row.id, secret)?;
    }
    known(work, provider, &name)
}
