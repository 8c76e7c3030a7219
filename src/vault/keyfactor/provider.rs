//! PAM providers (contract, section 3).

use std::collections::HashMap;

use uuid::Uuid;

use super::filter::Field;
use super::listing::{ListRequest, Listed};
use super::permission::{Permission, Providers, Verb};
use super::provider_type::{self, LOCAL_TYPE, ProviderType};
use super::values::{self, ProviderValue, ValueInput};
use super::{ApiVersion, KeyfactorAction, KeyfactorError, input};
use crate::store::claim::claim;
use crate::store::keyfactor::entry;
use crate::store::keyfactor::provider::{
    self, ProviderColumn, ProviderFields, ProviderRow, ProviderScope, ProviderTest,
};
use crate::store::{AnyConnection, StoreError, folded};
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

/// What a provider without an area has.
const NO_AREA: i32 = 1;

const COLUMNS: [(&str, ProviderColumn); 6] = [
    ("Id", ProviderColumn::Id),
    ("Name", ProviderColumn::Name),
    ("Area", ProviderColumn::Area),
    ("ProviderType", ProviderColumn::Type),
    ("SecuredAreaId", ProviderColumn::SecuredArea),
    ("Remote", ProviderColumn::Remote),
];

/// A provider with its type and its values.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 3.1")]
pub struct Provider {
    pub id: i32,
    pub name: String,
    pub area: i32,
    pub provider_type: ProviderType,
    pub values: Vec<ProviderValue>,
    pub secured_area_id: Option<i32>,
    pub remote: bool,
}

/// What a client sends to create or update a provider. Nothing is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 3.3")]
pub struct ProviderInput {
    pub name: Option<String>,
    pub area: Option<i32>,
    pub provider_type: Option<Uuid>,
    pub values: Vec<ValueInput>,
    pub secured_area_id: Option<i32>,
    pub remote: Option<bool>,
}

impl Vault {
    /// The providers that the caller may read.
    pub async fn list_providers(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<Provider>, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let ids = match call.client.rights.providers(Verb::Read)? {
                Providers::All => None,
                Providers::Only(ids) => Some(ids),
            };
            let request = request?;
            let scope = ProviderScope { ids, condition: request.condition(field)? };
            let listed = provider::list(connection, &scope, request.page(ProviderColumn::Name, &COLUMNS)?)?;
            Ok((complete(connection, listed)?, None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::ProviderList), query).await
    }

    /// One provider.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNotFound`].
    pub async fn read_provider(&self, call: &Call, id: Result<i32, VaultError>) -> Result<Provider, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let id = call.require_for(Verb::Read, &id)?;
            let row = known(connection, id)?;
            Ok((with_values(connection, row)?, Some(Object::Provider(id))))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::ProviderRead), query).await
    }

    /// Creates a provider. That needs the permission on all of PAM: no other can be held before there is a number.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNameTaken`]; [`KeyfactorError::ValueMissing`].
    pub async fn create_provider(
        &self,
        call: &Call,
        version: ApiVersion,
        input: Result<ProviderInput, VaultError>,
    ) -> Result<Provider, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            work.require(Permission::Pam(Verb::Modify))?;
            create(work, version, input.as_ref().map_err(Clone::clone)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::ProviderCreate), rule).await
    }

    /// Writes a provider anew: what is not sent is cleared. Secrets stay as they are when what is shown for them comes
    /// back, so that a caller can send what it has read.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNotFound`], [`KeyfactorError::ProviderNameTaken`], [`KeyfactorError::ValueMissing`].
    pub async fn update_provider(
        &self,
        call: &Call,
        version: ApiVersion,
        id: Result<i32, VaultError>,
        input: Result<ProviderInput, VaultError>,
    ) -> Result<Provider, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let id = work.call.require_for(Verb::Modify, &id)?;
            update(work, version, id, input.as_ref().map_err(Clone::clone)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::ProviderUpdate), rule).await
    }

    /// Forgets a provider, its values and their secrets.
    ///
    /// # Errors
    /// [`KeyfactorError::ProviderNotFound`]; [`KeyfactorError::ProviderInUse`] while it has entries.
    pub async fn delete_provider(&self, call: &Call, id: Result<i32, VaultError>) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &id)?;
            if entry::has_any(work.connection(), row.id)? {
                return Err(KeyfactorError::ProviderInUse.into());
            }
            for value in provider::values_of(work.connection(), row.id)? {
                values::forget(work, value.id)?;
            }
            Ok(provider::delete(work.connection(), row.id)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::ProviderDelete), rule).await
    }
}

/// The fields that a list can be asked about.
fn field(name: &str) -> Option<Field<ProviderTest>> {
    match name {
        "name" => Some(Field::Text(ProviderTest::Name)),
        "providertype" => Some(Field::Text(ProviderTest::Type)),
        "area" => Some(Field::Number(ProviderTest::Area)),
        "securedareaid" => Some(Field::Number(ProviderTest::SecuredArea)),
        _ => None,
    }
}

/// The provider of that number.
pub(super) fn known(connection: &mut AnyConnection, id: i32) -> Result<ProviderRow, VaultError> {
    provider::by_id(connection, id)?.ok_or(VaultError::Keyfactor(KeyfactorError::ProviderNotFound))
}

/// The provider that a call is to change. Whoever else changes it waits until this call is done.
pub(super) fn for_change(work: &mut Work<'_, '_>, id: &Result<i32, VaultError>) -> Result<ProviderRow, VaultError> {
    let id = work.call.require_for(Verb::Modify, id)?;
    claim(work.connection(), &format!("provider/{id}"))?;
    let row = known(work.connection(), id)?;
    work.touches(Object::Provider(row.id));
    Ok(row)
}

fn with_values(connection: &mut AnyConnection, row: ProviderRow) -> Result<Provider, VaultError> {
    let provider_type = provider_type::of_provider(connection, &row.type_id)?;
    let rows = provider::values_of(connection, row.id)?;
    Ok(joined(row, provider_type, rows))
}

fn joined(row: ProviderRow, provider_type: ProviderType, rows: Vec<provider::ValueRow>) -> Provider {
    Provider {
        id: row.id,
        name: row.name,
        area: row.area,
        values: values::shown(&provider_type, rows),
        provider_type,
        secured_area_id: row.secured_area_id,
        remote: row.remote,
    }
}

/// A part of the list with types and values, in a number of queries that does not depend on its length.
fn complete(connection: &mut AnyConnection, listed: Listed<ProviderRow>) -> Result<Listed<Provider>, VaultError> {
    let types: HashMap<String, ProviderType> =
        provider_type::all(connection)?.into_iter().map(|known| (known.id.clone(), known)).collect();
    let ids: Vec<i32> = listed.rows.iter().map(|row| row.id).collect();
    let mut rows: HashMap<i32, Vec<provider::ValueRow>> = HashMap::new();
    for row in provider::values_of_all(connection, &ids)? {
        rows.entry(row.provider_id).or_default().push(row);
    }
    listed.try_map(|row| {
        let provider_type = types.get(&row.type_id).cloned().ok_or(StoreError::NotFound)?;
        let values = rows.remove(&row.id).unwrap_or_default();
        Ok(joined(row, provider_type, values))
    })
}

fn create(work: &mut Work<'_, '_>, version: ApiVersion, sent: &ProviderInput) -> Result<Provider, VaultError> {
    let name = input::name(sent.name.as_deref(), "Name")?;
    let type_id = sent.provider_type.ok_or_else(|| InvalidInput::parameter("ProviderType.Id", "required"))?.to_string();
    provider_type::claim_type(work.connection(), &type_id)?;
    let provider_type = match crate::store::keyfactor::provider_type::by_id(work.connection(), &type_id)? {
        Some(row) => provider_type::of_provider(work.connection(), &row.id)?,
        None => return Err(InvalidInput::parameter("ProviderType.Id", "there is no such provider type")),
    };
    take_name(work, &name, None)?;
    let (area, secured_area_id) = match version {
        ApiVersion::One => (sent.area.unwrap_or(NO_AREA), sent.secured_area_id),
        ApiVersion::Two => (NO_AREA, None),
    };
    let fields = ProviderFields {
        name_key: folded(&name),
        name,
        type_id,
        area,
        secured_area_id,
        remote: sent.remote.unwrap_or(false),
    };
    let now = work.micros();
    let id = provider::insert(work.connection(), &fields, now)?;
    work.touches(Object::Provider(id));
    values::write(work, id, &provider_type, fields.remote, &sent.values)?;
    let row = known(work.connection(), id)?;
    with_values(work.connection(), row)
}

fn update(work: &mut Work<'_, '_>, version: ApiVersion, id: i32, sent: &ProviderInput) -> Result<Provider, VaultError> {
    let row = for_change(work, &Ok(id))?;
    let name = input::name(sent.name.as_deref(), "Name")?;
    match (sent.provider_type, version) {
        (Some(sent), _) if sent.to_string() != row.type_id => {
            return Err(InvalidInput::parameter("ProviderType.Id", "the type of a provider does not change"));
        }
        // Version 1 requires it. Clients of version 2 have no such member.
        (None, ApiVersion::One) => return Err(InvalidInput::parameter("ProviderType.Id", "required")),
        (Some(_), _) | (None, ApiVersion::Two) => {}
    }
    take_name(work, &name, Some(id))?;
    let (area, secured_area_id) = match version {
        ApiVersion::One => (sent.area.unwrap_or(NO_AREA), sent.secured_area_id),
        // Version 2 has no areas, so it cannot clear them either.
        ApiVersion::Two => (row.area, row.secured_area_id),
    };
    let fields = ProviderFields {
        name_key: folded(&name),
        name,
        type_id: row.type_id,
        area,
        secured_area_id,
        remote: sent.remote.unwrap_or(false),
    };
    let now = work.micros();
    provider::update(work.connection(), id, &fields, now)?;
    let provider_type = provider_type::of_provider(work.connection(), &fields.type_id)?;
    values::write(work, id, &provider_type, fields.remote, &sent.values)?;
    let row = known(work.connection(), id)?;
    with_values(work.connection(), row)
}

/// Whether entries of this provider are kept here.
pub(super) fn is_local(row: &ProviderRow) -> bool {
    row.type_id == LOCAL_TYPE
}

/// Sees to it that no other provider has the name.
fn take_name(work: &mut Work<'_, '_>, name: &str, own: Option<i32>) -> Result<(), VaultError> {
    claim(work.connection(), &format!("provider-name/{}", folded(name)))?;
    match provider::id_by_name(work.connection(), name)? {
        Some(taken) if Some(taken) != own => Err(KeyfactorError::ProviderNameTaken.into()),
        _ => Ok(()),
    }
}
