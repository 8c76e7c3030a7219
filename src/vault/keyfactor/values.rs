//! The values of a provider's parameters, and how its secrets are shown: by a reference that stays the same for as
//! long as there is a value, and that means "unchanged" when it comes back (contract, sections 2 and 3.4).

use std::collections::HashSet;

use uuid::Uuid;

use super::KeyfactorError;
use super::input::LONGEST_VALUE;
use super::provider_type::{DataType, Parameter, ProviderType};
use crate::crypto::{SecretKind, SecretText};
use crate::store::keyfactor::provider::{self, ValueFields, ValueRow};
use crate::vault::{InvalidInput, VaultError, Work, secrets};

const VALUE: &str = "ProviderTypeParamValues.Value";
const PARAMETER: &str = "ProviderTypeParamValues.ProviderTypeParam.Id";

/// A value as it is shown.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 2")]
pub struct ProviderValue {
    /// The number of the value, not of its parameter.
    pub id: i32,
    /// The text, or the reference of a secret.
    pub value: Option<String>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<String>,
    pub parameter: Parameter,
}

/// A value as it is sent. Nothing is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 3.3")]
pub struct ValueInput {
    pub parameter_id: Option<i32>,
    pub parameter_name: Option<String>,
    /// A secret as long as nobody has looked whether it is one.
    pub value: Option<SecretText>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<Uuid>,
}

/// The values in these rows. One whose parameter is gone is not shown.
pub(super) fn shown(provider_type: &ProviderType, rows: Vec<ValueRow>) -> Vec<ProviderValue> {
    let shown = |row: ValueRow| {
        let parameter = provider_type.parameters.iter().find(|parameter| parameter.id == row.parameter_id)?.clone();
        let value = match parameter.data_type {
            DataType::Text => row.value,
            DataType::Secret => row.instance_guid.clone(),
        };
        let (id, instance_id, instance_guid) = (row.id, row.instance_id, row.instance_guid);
        Some(ProviderValue { id, value, instance_id, instance_guid, parameter })
    };
    rows.into_iter().filter_map(shown).collect()
}

/// Makes the values of a provider those that were sent. Values that are there already keep their numbers and
/// references.
pub(super) fn write(
    work: &mut Work<'_, '_>,
    provider: i32,
    provider_type: &ProviderType,
    remote: bool,
    sent: &[ValueInput],
) -> Result<(), VaultError> {
    let sent = sent.iter().map(|value| Ok((parameter_of(provider_type, value)?, value)));
    let sent = sent.collect::<Result<Vec<(&Parameter, &ValueInput)>, VaultError>>()?;
    let mut listed = HashSet::new();
    if !sent.iter().all(|(parameter, _)| listed.insert(parameter.id)) {
        return Err(InvalidInput::parameter(PARAMETER, "must not be there twice"));
    }
    let own = provider_type.parameters.iter().filter(|parameter| !parameter.instance_level);
    if let Some(missing) = own.filter(|_| !remote).find(|parameter| !listed.contains(&parameter.id)) {
        return Err(KeyfactorError::ValueMissing { parameter: missing.name.clone() }.into());
    }
    let stored = provider::values_of(work.connection(), provider)?;
    for (parameter, value) in sent {
        let row = stored.iter().find(|row| row.parameter_id == parameter.id);
        match parameter.data_type {
            DataType::Text => write_text(work, provider, parameter, value, row)?,
            DataType::Secret => write_secret(work, provider, parameter, value, row)?,
        }
    }
    for row in stored.iter().filter(|row| !listed.contains(&row.parameter_id)) {
        forget(work, row.id)?;
    }
    Ok(())
}

/// Forgets a value, and its secret with all versions.
pub(super) fn forget(work: &mut Work<'_, '_>, value: i32) -> Result<(), VaultError> {
    secrets::erase(work, SecretKind::ProviderParameter, value)?;
    Ok(provider::delete_value(work.connection(), value)?)
}

/// The parameter that a value is for, by its number, or by its name when there is no number.
fn parameter_of<'t>(provider_type: &'t ProviderType, sent: &ValueInput) -> Result<&'t Parameter, VaultError> {
    let named = |parameter: &&Parameter| match (sent.parameter_id, &sent.parameter_name) {
        (Some(id), _) => parameter.id == id,
        (None, Some(name)) => parameter.name.eq_ignore_ascii_case(name.trim()),
        (None, None) => false,
    };
    let parameter = provider_type.parameters.iter().find(named);
    let parameter = parameter.ok_or_else(|| {
        InvalidInput::parameter(PARAMETER, "required, and has to be a parameter of the provider's type")
    })?;
    if parameter.instance_level {
        let why = "its value is given where the provider is used, not by the provider (InstanceLevel is true)";
        return Err(InvalidInput::parameter(PARAMETER, why));
    }
    Ok(parameter)
}

fn write_text(
    work: &mut Work<'_, '_>,
    provider: i32,
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
    keep(work, provider, parameter, &fields, stored)?;
    Ok(())
}

fn write_secret(
    work: &mut Work<'_, '_>,
    provider: i32,
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
    let reference = reference.unwrap_or_else(|| Uuid::new_v4().to_string());
    let fields = ValueFields { value: None, instance_id: sent.instance_id, instance_guid: Some(reference) };
    let id = keep(work, provider, parameter, &fields, stored)?;
    if unchanged {
        Ok(())
    } else {
        secrets::put(work, SecretKind::ProviderParameter, id, checked(sent.value.as_ref())?)
    }
}

/// A value that has to be there.
fn checked(value: Option<&SecretText>) -> Result<&SecretText, VaultError> {
    let value = value.filter(|value| !value.is_empty()).ok_or_else(|| InvalidInput::parameter(VALUE, "required"))?;
    if value.expose().len() > LONGEST_VALUE {
        return Err(InvalidInput::parameter(VALUE, "must not be longer than 65536 bytes"));
    }
    if value.expose().contains('\0') {
        return Err(InvalidInput::parameter(VALUE, "must not hold a NUL character"));
    }
    Ok(value)
}

/// Writes the row of a value and returns its number.
fn keep(
    work: &mut Work<'_, '_>,
    provider: i32,
    parameter: &Parameter,
    fields: &ValueFields,
    stored: Option<&ValueRow>,
) -> Result<i32, VaultError> {
    match stored {
        Some(row) => {
            provider::update_value(work.connection(), row.id, fields)?;
            Ok(row.id)
        }
        None => Ok(provider::insert_value(work.connection(), provider, parameter.id, fields)?),
    }
}
