//! Types of PAM providers: their parameters, and which of them are secret (contract: PAM providers, section 4).

use std::collections::HashSet;

use uuid::Uuid;

use super::input;
use crate::store::id::ParameterId;
use crate::store::lock::lock_name;
use crate::store::provider_type::{self, NewParameter, ParameterRow, ProviderTypeRow};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The type of local providers, whose entries are stored here.
pub const LOCAL_TYPE: &str = "54ebf9ac-a1e4-48ae-b16e-1bfb9755465c";
/// Maximum number of parameters of a type.
const MAX_PARAMETERS: usize = 100;

/// Data type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// A text that may be returned.
    Text,
    /// A secret.
    Secret,
}

impl DataType {
    /// The number, as stored and on the wire.
    pub fn number(self) -> i32 {
        match self {
            DataType::Text => 1,
            DataType::Secret => 2,
        }
    }

    /// The data type of a stored number. An unknown number is treated as a secret.
    fn from_number(number: i32) -> Self {
        if number == DataType::Text.number() { DataType::Text } else { DataType::Secret }
    }
}

/// A parameter of a type.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 2")]
pub struct Parameter {
    pub id: ParameterId,
    pub name: String,
    pub display_name: Option<String>,
    pub data_type: DataType,
    /// Whether its value is set per use of the provider, not in the provider.
    pub instance_level: bool,
}

impl From<ParameterRow> for Parameter {
    fn from(row: ParameterRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            display_name: row.display_name,
            data_type: DataType::from_number(row.data_type),
            instance_level: row.instance_level,
        }
    }
}

/// A type with its parameters.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 4")]
pub struct ProviderType {
    pub id: String,
    pub name: String,
    pub parameters: Vec<Parameter>,
}

/// Parameters of a request to create a type. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 4")]
pub struct ProviderTypeInput {
    pub name: Option<String>,
    pub parameters: Vec<ParameterInput>,
}

/// A parameter of a new type.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 4")]
pub struct ParameterInput {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub data_type: Option<i32>,
    pub instance_level: Option<bool>,
}

impl Vault {
    /// Lists all types, by name.
    pub async fn list_provider_types(&self, permit: Permit) -> Result<Vec<ProviderType>, VaultError> {
        self.query(permit, |context| Ok(Done::new(Subject::Collection, all(context.connection())?))).await
    }

    /// Returns one type.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn read_provider_type(&self, permit: Permit, id: Uuid) -> Result<ProviderType, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = existing(context, id)?;
            Ok(Done::new(Subject::ProviderType(id), with_parameters(context.connection(), row)?))
        };
        self.query(permit, read).await
    }

    /// Creates a type.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn create_provider_type(
        &self,
        permit: Permit,
        input: ProviderTypeInput,
    ) -> Result<ProviderType, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| create(context, &input);
        self.execute(permit, rule).await.map(|(created, _)| created)
    }

    /// Deletes a type without providers.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Protected`] for a built-in type; [`VaultError::InUse`].
    pub async fn delete_provider_type(&self, permit: Permit, id: Uuid) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            lock_type(context.connection(), &id.to_string())?;
            let row = existing(context, id)?;
            if row.built_in {
                return Err(VaultError::Protected(Noun::ProviderType));
            }
            if provider_type::is_used(context.connection(), &row.id)? {
                return Err(VaultError::InUse(Noun::ProviderType));
            }
            provider_type::delete(context.connection(), &row.id)?;
            Ok(Done::new(Subject::ProviderType(id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

/// Locks a type, so that it is not deleted while a provider of it is created, and vice versa.
fn lock_type(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    lock_name(connection, &format!("provider-type/{id}"))
}

/// Locks and returns a type, which then cannot be deleted until the transaction ends.
pub(super) fn locked(connection: &mut AnyConnection, id: Uuid) -> Result<Option<ProviderType>, VaultError> {
    let id = id.to_string();
    lock_type(connection, &id)?;
    let row = provider_type::by_id(connection, &id)?;
    row.map(|row| with_parameters(connection, row)).transpose()
}

fn existing(context: &mut OperationContext<'_>, id: Uuid) -> Result<ProviderTypeRow, VaultError> {
    let row = provider_type::by_id(context.connection(), &id.to_string())?;
    let row = row.ok_or(VaultError::NotFound(Noun::ProviderType))?;
    context.found(Subject::ProviderType(id));
    Ok(row)
}

fn with_parameters(connection: &mut AnyConnection, row: ProviderTypeRow) -> Result<ProviderType, VaultError> {
    let parameters = provider_type::parameters_by_type(connection, &row.id)?;
    let parameters = parameters.into_iter().map(Parameter::from).collect();
    Ok(ProviderType { id: row.id, name: row.name, parameters })
}

/// All types with their parameters, by name.
pub(super) fn all(connection: &mut AnyConnection) -> Result<Vec<ProviderType>, VaultError> {
    let parameters = provider_type::parameters(connection)?;
    let of = |id: &str| parameters.iter().filter(|row| row.type_id == id).cloned().map(Parameter::from).collect();
    let types = provider_type::all(connection)?.into_iter();
    Ok(types.map(|row| ProviderType { parameters: of(&row.id), id: row.id, name: row.name }).collect())
}

/// The type of an existing provider.
pub(super) fn of_provider(connection: &mut AnyConnection, id: &str) -> Result<ProviderType, VaultError> {
    let row = provider_type::by_id(connection, id)?.ok_or(StoreError::NotFound)?;
    with_parameters(connection, row)
}

fn create(context: &mut OperationContext<'_>, sent: &ProviderTypeInput) -> Result<Done<ProviderType>, VaultError> {
    let name = input::name(sent.name.as_deref(), Field::Name)?;
    if sent.parameters.len() > MAX_PARAMETERS {
        return Err(VaultError::invalid(Field::Parameters, "must not be more than 100"));
    }
    let parameters = sent.parameters.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    if !parameters.iter().all(|parameter| names.insert(case_folded(&parameter.name))) {
        return Err(VaultError::invalid(Field::ParameterName, "must not be repeated"));
    }
    // One lock for all types, not one per name, so that the ids of the parameters are consecutive.
    lock_name(context.connection(), "provider-type")?;
    if provider_type::is_taken(context.connection(), &name)? {
        return Err(VaultError::Taken(Noun::ProviderType));
    }
    let (id, now) = (Uuid::new_v4(), context.micros());
    let key = id.to_string();
    provider_type::insert(context.connection(), &key, &name, now)?;
    for parameter in &parameters {
        let row = NewParameter {
            type_id: &key,
            name: &parameter.name,
            name_key: case_folded(&parameter.name),
            display_name: parameter.display_name.as_deref(),
            data_type: parameter.data_type.number(),
            instance_level: parameter.instance_level,
        };
        provider_type::insert_parameter(context.connection(), &row)?;
    }
    Ok(Done::new(Subject::ProviderType(id), of_provider(context.connection(), &key)?))
}

/// A parameter of a new type, checked; it has no id yet.
struct CheckedParameter {
    name: String,
    display_name: Option<String>,
    data_type: DataType,
    instance_level: bool,
}

/// Checks a parameter of a new type.
fn checked(sent: &ParameterInput) -> Result<CheckedParameter, VaultError> {
    let data_type = match sent.data_type {
        None | Some(1) => DataType::Text,
        Some(2) => DataType::Secret,
        Some(_) => return Err(VaultError::invalid(Field::DataType, "expected 1 (text) or 2 (secret)")),
    };
    Ok(CheckedParameter {
        name: input::name(sent.name.as_deref(), Field::ParameterName)?,
        display_name: input::optional_line(sent.display_name.as_deref(), Field::DisplayName)?.map(String::from),
        data_type,
        instance_level: sent.instance_level.unwrap_or(false),
    })
}
