//! PAM providers, their types and entries (contract: PAM providers, sections 3 to 5).

pub mod entry;
pub mod provider_type;

pub(super) mod input;
mod permitted;
mod values;

use std::collections::HashMap;

use uuid::Uuid;

pub use entry::{Entry, EntryInput};
pub use provider_type::{DataType, Parameter, ParameterInput, ProviderType, ProviderTypeInput};
pub use values::{ProviderValue, ValueInput};

pub use crate::store::entry::{EntryColumn, EntryTest};
pub use crate::store::provider::{ProviderColumn, ProviderTest};

use crate::store::entry as entry_store;
use crate::store::id::ProviderId;
use crate::store::lock::lock_name;
use crate::store::provider::{self, ProviderFields, ProviderRow, ProviderScope, ValueRow};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;
use crate::vault::access::Verb;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::{OffsetList, OffsetQuery};
use crate::vault::{Field, Noun, Vault, VaultError};
use permitted::PermittedProvider;
use provider_type::LOCAL_TYPE;

/// Default area of a provider.
const NO_AREA: i32 = 1;

/// A provider with its type and its values.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 3.1")]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    pub area: i32,
    pub provider_type: ProviderType,
    pub values: Vec<ProviderValue>,
    pub secured_area_id: Option<i32>,
    pub remote: bool,
}

/// Parameters of a request to create or update a provider. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 3.3")]
pub struct ProviderInput {
    pub name: Option<String>,
    pub provider_type: Option<Uuid>,
    pub values: Vec<ValueInput>,
    pub placement: Placement,
    pub remote: Option<bool>,
}

/// Areas of a provider in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Unchanged: the client's version of the API has no areas, so it cannot clear them. Its updates do not contain the type.
    #[default]
    Kept,
    /// These areas. An update has to contain the type.
    Areas {
        /// The area; `None`: the default area.
        area: Option<i32>,
        /// The secured area.
        secured_area_id: Option<i32>,
    },
}

impl Placement {
    /// The new area and secured area of a provider in the areas `current`.
    fn resolve(self, current: (i32, Option<i32>)) -> (i32, Option<i32>) {
        match self {
            Placement::Kept => current,
            Placement::Areas { area, secured_area_id } => (area.unwrap_or(NO_AREA), secured_area_id),
        }
    }
}

impl Vault {
    /// Lists the providers that the principal may read.
    pub async fn list_providers(
        &self,
        permit: Permit,
        query: OffsetQuery<ProviderTest, ProviderColumn>,
    ) -> Result<OffsetList<Provider>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let scope = ProviderScope { ids: permitted::readable_ids(context)?, condition: query.condition.clone() };
            let list = provider::list(context.connection(), &scope, query.page)?;
            Ok(Done::new(Subject::Collection, complete(context.connection(), list)?))
        };
        self.query(permit, list).await
    }

    /// Returns one provider.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn read_provider(&self, permit: Permit, id: ProviderId) -> Result<Provider, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = permitted::provider(context, Verb::Read, id)?.into_row();
            Ok(Done::new(Subject::Provider(id), with_values(context.connection(), row)?))
        };
        self.query(permit, read).await
    }

    /// Creates a provider.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::MissingParameterValue`]; [`VaultError::Invalid`].
    pub async fn create_provider(&self, permit: Permit, input: ProviderInput) -> Result<Provider, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| create(context, &input);
        self.execute(permit, rule).await.map(|(provider, _)| provider)
    }

    /// Replaces a provider. Fields that are not sent are cleared. A secret stays unchanged when its reference is sent, so that
    /// a client can send back a response.
    ///
    /// # Errors
    /// As [`Vault::create_provider`]; [`VaultError::NotFound`].
    pub async fn update_provider(
        &self,
        permit: Permit,
        id: ProviderId,
        input: ProviderInput,
    ) -> Result<Provider, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| update(context, id, &input);
        self.execute(permit, rule).await.map(|(provider, _)| provider)
    }

    /// Deletes a provider, its values and their secrets.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::InUse`] while it has entries.
    pub async fn delete_provider(&self, permit: Permit, id: ProviderId) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = locked_provider(context, id)?.into_row();
            if entry_store::has_any(context.connection(), row.id)? {
                return Err(VaultError::InUse(Noun::Provider));
            }
            for value in provider::values_by_provider(context.connection(), row.id)? {
                values::delete(context, value.id)?;
            }
            provider::delete(context.connection(), row.id)?;
            Ok(Done::new(Subject::Provider(row.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

/// Looks up and locks a provider that the principal may modify. Concurrent changes wait for the end of the transaction.
fn locked_provider(context: &mut OperationContext<'_>, id: ProviderId) -> Result<PermittedProvider, VaultError> {
    lock_name(context.connection(), &format!("provider/{id}"))?;
    permitted::provider(context, Verb::Modify, id)
}

fn with_values(connection: &mut AnyConnection, row: ProviderRow) -> Result<Provider, VaultError> {
    let provider_type = provider_type::of_provider(connection, &row.type_id)?;
    let rows = provider::values_by_provider(connection, row.id)?;
    Ok(provider_from_rows(row, provider_type, rows))
}

fn provider_from_rows(row: ProviderRow, provider_type: ProviderType, rows: Vec<ValueRow>) -> Provider {
    Provider {
        id: row.id,
        name: row.name,
        area: row.area,
        values: values::from_rows(&provider_type, rows),
        provider_type,
        secured_area_id: row.secured_area_id,
        remote: row.remote,
    }
}

/// Adds types and values to a page, in a fixed number of queries.
fn complete(connection: &mut AnyConnection, list: OffsetList<ProviderRow>) -> Result<OffsetList<Provider>, VaultError> {
    let types: HashMap<String, ProviderType> =
        provider_type::all(connection)?.into_iter().map(|known| (known.id.clone(), known)).collect();
    let ids: Vec<ProviderId> = list.rows.iter().map(|row| row.id).collect();
    let mut rows: HashMap<ProviderId, Vec<ValueRow>> = HashMap::new();
    for row in provider::values_by_providers(connection, &ids)? {
        rows.entry(row.provider_id).or_default().push(row);
    }
    list.try_map(|row| {
        let provider_type = types.get(&row.type_id).cloned().ok_or(StoreError::NotFound)?;
        let values = rows.remove(&row.id).unwrap_or_default();
        Ok(provider_from_rows(row, provider_type, values))
    })
}

fn create(context: &mut OperationContext<'_>, sent: &ProviderInput) -> Result<Done<Provider>, VaultError> {
    let name = input::name(sent.name.as_deref(), Field::Name)?;
    let type_id = sent.provider_type.ok_or(VaultError::Missing(Field::ProviderType))?;
    let provider_type = provider_type::locked(context.connection(), type_id)?
        .ok_or_else(|| VaultError::invalid(Field::ProviderType, "there is no such provider type"))?;
    require_free_name(context, &name, None)?;
    let (area, secured_area_id) = sent.placement.resolve((NO_AREA, None));
    let fields = ProviderFields {
        name_key: case_folded(&name),
        name,
        type_id: provider_type.id.clone(),
        area,
        secured_area_id,
        remote: sent.remote.unwrap_or(false),
    };
    let now = context.micros();
    let id = provider::insert(context.connection(), &fields, now)?;
    saved(context, id, &provider_type, sent)
}

fn update(
    context: &mut OperationContext<'_>,
    id: ProviderId,
    sent: &ProviderInput,
) -> Result<Done<Provider>, VaultError> {
    let row = locked_provider(context, id)?.into_row();
    let name = input::name(sent.name.as_deref(), Field::Name)?;
    match (sent.provider_type, sent.placement) {
        (Some(sent), _) if sent.to_string() != row.type_id => {
            return Err(VaultError::invalid(Field::ProviderType, "the type of a provider does not change"));
        }
        (None, Placement::Areas { .. }) => return Err(VaultError::Missing(Field::ProviderType)),
        (Some(_), _) | (None, Placement::Kept) => {}
    }
    require_free_name(context, &name, Some(id))?;
    let (area, secured_area_id) = sent.placement.resolve((row.area, row.secured_area_id));
    let fields = ProviderFields {
        name_key: case_folded(&name),
        name,
        type_id: row.type_id,
        area,
        secured_area_id,
        remote: sent.remote.unwrap_or(false),
    };
    let now = context.micros();
    provider::update(context.connection(), id, &fields, now)?;
    let provider_type = provider_type::of_provider(context.connection(), &fields.type_id)?;
    saved(context, id, &provider_type, sent)
}

/// Stores the values of a provider after its row, and returns the provider.
fn saved(
    context: &mut OperationContext<'_>,
    id: ProviderId,
    provider_type: &ProviderType,
    sent: &ProviderInput,
) -> Result<Done<Provider>, VaultError> {
    values::store(context, id, provider_type, sent.remote.unwrap_or(false), &sent.values)?;
    let row = provider::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?;
    Ok(Done::new(Subject::Provider(id), with_values(context.connection(), row)?))
}

/// Whether the entries of this provider are stored here.
fn is_local(row: &ProviderRow) -> bool {
    row.type_id == LOCAL_TYPE
}

/// Requires that no other provider has the name.
fn require_free_name(
    context: &mut OperationContext<'_>,
    name: &str,
    own: Option<ProviderId>,
) -> Result<(), VaultError> {
    lock_name(context.connection(), &format!("provider-name/{}", case_folded(name)))?;
    match provider::id_by_name(context.connection(), name)? {
        Some(taken) if Some(taken) != own => Err(VaultError::Taken(Noun::Provider)),
        _ => Ok(()),
    }
}
