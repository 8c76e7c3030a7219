//! Types of PAM providers: which parameters a provider has, and which of them are secret (contract, section 4).

use std::collections::HashSet;

use uuid::Uuid;

use super::input;
use super::permission::{Permission, Verb};
use super::{KeyfactorAction, KeyfactorError};
use crate::store::claim::claim;
use crate::store::keyfactor::provider_type::{self, NewParameter, ParameterRow, ProviderTypeRow};
use crate::store::{AnyConnection, StoreError, folded};
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

/// The type of local providers, whose entries are kept here.
pub const LOCAL_TYPE: &str = "54ebf9ac-a1e4-48ae-b16e-1bfb9755465c";
/// How many parameters a type may have.
const MOST_PARAMETERS: usize = 100;

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// A text that may be shown.
    Text,
    /// A secret.
    Secret,
}

impl DataType {
    /// The number in calls and answers.
    pub fn number(self) -> i32 {
        match self {
            DataType::Text => 1,
            DataType::Secret => 2,
        }
    }

    /// What this number means. A row with another one is a secret: what is not known is not shown.
    fn of_row(number: i32) -> Self {
        if number == DataType::Text.number() { DataType::Text } else { DataType::Secret }
    }
}

/// A parameter of a type.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 2")]
pub struct Parameter {
    pub id: i32,
    pub name: String,
    pub display_name: Option<String>,
    pub data_type: DataType,
    /// Whether its value is given where the provider is used, and not by the provider.
    pub instance_level: bool,
}

impl From<ParameterRow> for Parameter {
    fn from(row: ParameterRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            display_name: row.display_name,
            data_type: DataType::of_row(row.data_type),
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

/// What a client sends to create a type. Nothing is not sent.
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
    /// All types, by name.
    pub async fn list_provider_types(&self, call: &Call) -> Result<Vec<ProviderType>, VaultError> {
        let query = |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Pam(Verb::Read))?;
            Ok((all(connection)?, None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::TypeList), query).await
    }

    /// One type.
    ///
    /// # Errors
    /// [`KeyfactorError::TypeNotFound`].
    pub async fn read_provider_type(
        &self,
        call: &Call,
        id: Result<Uuid, VaultError>,
    ) -> Result<ProviderType, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Pam(Verb::Read))?;
            let id = id?;
            let row = known(connection, id)?;
            let found = with_parameters(connection, row)?;
            Ok((found, Some(Object::ProviderType(id))))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::TypeRead), query).await
    }

    /// Creates a type.
    ///
    /// # Errors
    /// [`KeyfactorError::TypeNameTaken`].
    pub async fn create_provider_type(
        &self,
        call: &Call,
        input: Result<ProviderTypeInput, VaultError>,
    ) -> Result<ProviderType, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            work.require(Permission::Pam(Verb::Modify))?;
            create(work, input.as_ref().map_err(Clone::clone)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::TypeCreate), rule).await
    }

    /// Forgets a type that no provider is of.
    ///
    /// # Errors
    /// [`KeyfactorError::TypeNotFound`], [`KeyfactorError::TypeBuiltIn`], [`KeyfactorError::TypeInUse`].
    pub async fn delete_provider_type(&self, call: &Call, id: Result<Uuid, VaultError>) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            work.require(Permission::Pam(Verb::Modify))?;
            let id = id.clone()?;
            claim_type(work.connection(), &id.to_string())?;
            let row = known(work.connection(), id)?;
            work.touches(Object::ProviderType(id));
            if row.built_in {
                return Err(KeyfactorError::TypeBuiltIn.into());
            }
            if provider_type::is_used(work.connection(), &row.id)? {
                return Err(KeyfactorError::TypeInUse.into());
            }
            Ok(provider_type::delete(work.connection(), &row.id)?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::TypeDelete), rule).await
    }
}

/// Keeps a type from being deleted while a provider of it comes to be, and the reverse.
pub(super) fn claim_type(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    claim(connection, &format!("provider-type/{id}"))
}

fn known(connection: &mut AnyConnection, id: Uuid) -> Result<ProviderTypeRow, VaultError> {
    let row = provider_type::by_id(connection, &id.to_string())?;
    row.ok_or(VaultError::Keyfactor(KeyfactorError::TypeNotFound))
}

fn with_parameters(connection: &mut AnyConnection, row: ProviderTypeRow) -> Result<ProviderType, VaultError> {
    let parameters = provider_type::parameters_of(connection, &row.id)?;
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

/// The type of a provider, which is there.
pub(super) fn of_provider(connection: &mut AnyConnection, id: &str) -> Result<ProviderType, VaultError> {
    let row = provider_type::by_id(connection, id)?.ok_or(StoreError::NotFound)?;
    with_parameters(connection, row)
}

fn create(work: &mut Work<'_, '_>, sent: &ProviderTypeInput) -> Result<ProviderType, VaultError> {
    let name = input::name(sent.name.as_deref(), "Name")?;
    if sent.parameters.len() > MOST_PARAMETERS {
        return Err(InvalidInput::parameter("Parameters", "must not be more than 100"));
    }
    let parameters = sent.parameters.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    if !parameters.iter().all(|parameter| names.insert(folded(&parameter.name))) {
        return Err(InvalidInput::parameter("Parameters.Name", "must not be there twice"));
    }
    // One claim for all types, not one for each name: so the numbers of the parameters follow each other.
    claim(work.connection(), "provider-type")?;
    if provider_type::is_taken(work.connection(), &name)? {
        return Err(KeyfactorError::TypeNameTaken.into());
    }
    let (id, now) = (Uuid::new_v4(), work.micros());
    let key = id.to_string();
    work.touches(Object::ProviderType(id));
    provider_type::insert(work.connection(), &key, &name, now)?;
    for parameter in &parameters {
        let row = NewParameter {
            type_id: &key,
            name: &parameter.name,
            name_key: folded(&parameter.name),
            display_name: parameter.display_name.as_deref(),
            data_type: parameter.data_type.number(),
            instance_level: parameter.instance_level,
        };
        provider_type::insert_parameter(work.connection(), &row)?;
    }
    of_provider(work.connection(), &key)
}

/// A parameter as it will be kept, without its number.
fn checked(sent: &ParameterInput) -> Result<Parameter, VaultError> {
    let data_type = match sent.data_type {
        None | Some(1) => DataType::Text,
        Some(2) => DataType::Secret,
        Some(_) => return Err(InvalidInput::parameter("Parameters.DataType", "expected 1 (text) or 2 (secret)")),
    };
    Ok(Parameter {
        id: 0,
        name: input::name(sent.name.as_deref(), "Parameters.Name")?,
        display_name: input::text(sent.display_name.as_deref(), "Parameters.DisplayName")?.map(String::from),
        data_type,
        instance_level: sent.instance_level.unwrap_or(false),
    })
}
