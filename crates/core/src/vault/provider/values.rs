//! The values of a provider's parameters. Responses contain a reference in place of a secret. It is stable while the value
//! exists, and means "unchanged" in a request (contract: PAM providers, sections 2 and 3.4).

use std::collections::HashSet;

use uuid::Uuid;

use super::input::MAX_VALUE_BYTES;
use super::provider_type::{DataType, Parameter, ProviderType};
use crate::crypto::SecretText;
use crate::store::id::{ParameterId, ProviderId, ProviderValueId};
use crate::store::provider::{self, ValueFields, ValueRow};
use crate::text::storable;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, VaultError};

/// A value in a response.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 2")]
pub struct ProviderValue {
    /// The id of the value, not of its parameter.
    pub id: ProviderValueId,
    /// The text, or the reference of a secret.
    pub value: Option<String>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<String>,
    pub parameter: Parameter,
}

/// A value in a request. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 3.3")]
pub struct ValueInput {
    pub parameter_id: Option<ParameterId>,
    pub parameter_name: Option<String>,
    /// Treated as a secret until its parameter is known.
    pub value: Option<SecretText>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<Uuid>,
}

/// Builds the values of these rows. Skips values whose parameter is missing.
pub(super) fn from_rows(provider_type: &ProviderType, rows: Vec<ValueRow>) -> Vec<ProviderValue> {
    let value = |row: ValueRow| {
        let parameter = provider_type.parameters.iter().find(|parameter| parameter.id == row.parameter_id)?.clone();
        let value = match parameter.data_type {
            DataType::Text => row.value,
            DataType::Secret => row.instance_guid.clone(),
        };
        let (id, instance_id, instance_guid) = (row.id, row.instance_id, row.instance_guid);
        Some(ProviderValue { id, value, instance_id, instance_guid, parameter })
    };
    rows.into_iter().filter_map(value).collect()
}

/// Replaces the values of a provider by the sent ones. Existing values keep their ids and references.
pub(super) fn store(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    provider_type: &ProviderType,
    remote: bool,
    sent: &[ValueInput],
) -> Result<(), VaultError> {
    let sent = sent.iter().map(|value| Ok((parameter_of(provider_type, value)?, value)));
    let sent = sent.collect::<Result<Vec<(&Parameter, &ValueInput)>, VaultError>>()?;
    let mut listed = HashSet::new();
    if !sent.iter().all(|(parameter, _)| listed.insert(parameter.id)) {
        return Err(VaultError::invalid(Field::Parameter, "must not be repeated"));
    }
    let own = provider_type.parameters.iter().filter(|parameter| !parameter.instance_level);
    if let Some(missing) = own.filter(|_| !remote).find(|parameter| !listed.contains(&parameter.id)) {
        return Err(VaultError::MissingParameterValue { parameter: missing.name.clone() });
    }
    let stored = provider::values_by_provider(context.connection(), provider)?;
    for (parameter, value) in sent {
        let row = stored.iter().find(|row| row.parameter_id == parameter.id);
        match parameter.data_type {
            DataType::Text => store_text(context, provider, parameter, value, row)?,
            DataType::Secret => store_secret(context, provider, parameter, value, row)?,
        }
    }
    for row in stored.iter().filter(|row| !listed.contains(&row.parameter_id)) {
        delete(context, row.id)?;
    }
    Ok(())
}

/// Deletes a value and all versions of its secret.
pub(super) fn delete(context: &mut OperationContext<'_>, value: ProviderValueId) -> Result<(), VaultError> {
    secrets::delete(context, SecretOwner::ProviderParameter(value))?;
    Ok(provider::delete_value(context.connection(), value)?)
}

/// Finds the parameter of a value: by id, or by name if the id is missing.
fn parameter_of<'t>(provider_type: &'t ProviderType, sent: &ValueInput) -> Result<&'t Parameter, VaultError> {
    let named = |parameter: &&Parameter| match (sent.parameter_id, &sent.parameter_name) {
        (Some(id), _) => parameter.id == id,
        (None, Some(name)) => parameter.name.eq_ignore_ascii_case(name.trim()),
        (None, None) => false,
    };
    let parameter = provider_type.parameters.iter().find(named);
    let parameter = parameter.ok_or_else(|| {
        VaultError::invalid(Field::Parameter, "required, and has to be a parameter of the provider's type")
    })?;
    if parameter.instance_level {
        let why = "its value is given where the provider is used, not by the provider (InstanceLevel is true)";
        return Err(VaultError::invalid(Field::Parameter, why));
    }
    Ok(parameter)
}

fn store_text(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    parameter: &Parameter,
    sent: &ValueInput,
    stored: Option<&ValueRow>,
) -> Result<(), VaultError> {
    let text = checked(sent.value.as_ref())?;
    let fields = ValueFields {
        value: Some(text.expose().into()),
        instance_id: sent.instance_id,
        instance_guid: sent.instance_guid.map(|guid| guid.to_string()),
    };
    store_row(context, provider, parameter, &fields, stored)?;
    Ok(())
}

fn store_secret(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    parameter: &Parameter,
    sent: &ValueInput,
    stored: Option<&ValueRow>,
) -> Result<(), VaultError> {
    let reference = stored.and_then(|row| row.instance_guid.clone());
    let unchanged = match (&reference, &sent.value) {
        (Some(_), None) => true,
        (Some(reference), Some(value)) => reference.eq_ignore_ascii_case(value.expose()),
        (None, _) => false,
    };
    if !unchanged {
        refuse_other_reference(context, sent.value.as_ref(), stored)?;
    }
    let reference = reference.unwrap_or_else(|| Uuid::new_v4().to_string());
    let fields = ValueFields { value: None, instance_id: sent.instance_id, instance_guid: Some(reference) };
    let id = store_row(context, provider, parameter, &fields, stored)?;
    if unchanged {
        Ok(())
    } else {
        secrets::store(context, SecretOwner::ProviderParameter(id), checked(sent.value.as_ref())?)
    }
}

/// Refuses the reference of another secret. A client that copies a provider sends it in the belief that it stands for that secret;
/// stored as one, it would take the place of a secret that works.
fn refuse_other_reference(
    context: &mut OperationContext<'_>,
    sent: Option<&SecretText>,
    own: Option<&ValueRow>,
) -> Result<(), VaultError> {
    let Some(reference) = sent.and_then(|value| Uuid::try_parse(value.expose().trim()).ok()) else { return Ok(()) };
    let text = DataType::Text.number();
    let found = provider::value_by_reference(context.connection(), &reference.to_string(), text)?;
    if found.is_some_and(|found| own.is_none_or(|own| own.id != found)) {
        let expected = "must not be the reference of another secret; send the secret itself";
        return Err(VaultError::invalid(Field::ParameterValue, expected));
    }
    Ok(())
}

/// Checks a required value.
fn checked(value: Option<&SecretText>) -> Result<&SecretText, VaultError> {
    let value = value.filter(|value| !value.is_empty()).ok_or(VaultError::Missing(Field::ParameterValue))?;
    if value.expose().len() > MAX_VALUE_BYTES {
        return Err(VaultError::invalid(Field::ParameterValue, "must not be longer than 65536 bytes"));
    }
    storable(value.expose()).map_err(|error| VaultError::invalid(Field::ParameterValue, error.expected()))?;
    Ok(value)
}

/// Writes the row of a value and returns its id.
fn store_row(
    context: &mut OperationContext<'_>,
    provider: ProviderId,
    parameter: &Parameter,
    fields: &ValueFields,
    stored: Option<&ValueRow>,
) -> Result<ProviderValueId, VaultError> {
    match stored {
        Some(row) => {
            provider::update_value(context.connection(), row.id, fields)?;
            Ok(row.id)
        }
        None => Ok(provider::insert_value(context.connection(), provider, parameter.id, fields)?),
    }
}
