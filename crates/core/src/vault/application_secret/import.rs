//! Importing the variables of a pipeline as secrets.

use super::names::audit_object;
use super::save::{save, set_values};
use super::{Object, SecretData, SecretInput};
use crate::crypto::SecretText;
use crate::vault::operation::{Done, OperationContext, Permit};
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Vault, VaultError};

/// The variables of one secret.
#[derive(Clone, Debug)]
pub struct Variables {
    /// The identity of the secret.
    pub identity: String,
    /// The names of the variables, with the values of those that are set.
    pub data: SecretData,
}

impl Vault {
    /// Saves variables as secrets of the authorization, all or none. A variable that is not set keeps its stored value: pipelines
    /// remove variables once they are imported. Unchanged values add no version.
    ///
    /// # Errors
    /// As [`Vault::save_application_secret`].
    pub async fn import_variables(&self, permit: Permit, secrets: Vec<Variables>) -> Result<(), VaultError> {
        let items = u32::try_from(secrets.len()).unwrap_or(u32::MAX).max(1);
        let rule = move |context: &mut OperationContext<'_>| {
            let mut saved = Vec::new();
            for secret in secrets.iter().filter(|secret| secret.data.0.iter().flatten().any(is_set)) {
                import(context, secret)?;
                saved.push(secret.identity.as_str());
            }
            Ok(Done::several(audit_object(saved.into_iter()), ()))
        };
        self.execute_idempotent_items(permit, items, rule, |_, ()| Ok(())).await.map(|((), _)| ())
    }
}

fn is_set(variable: &(String, Option<SecretText>)) -> bool {
    variable.1.is_some()
}

fn import(context: &mut OperationContext<'_>, secret: &Variables) -> Result<(), VaultError> {
    secret.data.check()?;
    let input = SecretInput { identity: Some(secret.identity.clone()), ..SecretInput::default() };
    let (row, created) = save(context, &input)?;
    let owner = SecretOwner::ApplicationSecret(row.id);
    let stored = match secrets::current(context, owner)? {
        Some(sealed) => SecretData::decode(&sealed.open_within(context)?)?,
        None => SecretData::default(),
    };
    let stored = stored.by_name();
    let variable = |(name, value): &(String, Option<SecretText>)| {
        let value = value.as_ref().or_else(|| stored.get(name.as_str()).copied())?;
        Some((name.clone(), Some(value.clone())))
    };
    let objects = secret.data.0.iter().map(|object| object.iter().filter_map(variable).collect::<Object>());
    let data = SecretData(objects.filter(|object| !object.is_empty()).collect());
    let data = data.encode()?;
    if secrets::is_current(context, owner, &data)? { Ok(()) } else { set_values(context, &row, created, &data) }
}
