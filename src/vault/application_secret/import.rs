//! Importing the variables of a pipeline as secrets.

use super::save::save;
use super::{Object, SecretData, SecretInput, read};
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
        let rule = move |context: &mut OperationContext<'_>| {
            let mut saved = Vec::new();
            for secret in secrets.iter().filter(|secret| secret.data.0.iter().flatten().any(is_set)) {
                import(context, secret)?;
                saved.push(secret.identity.as_str());
            }
            Ok(Done::several(read::identities(saved.into_iter()), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn is_set(variable: &(String, Option<crate::crypto::SecretText>)) -> bool {
    variable.1.is_some()
}

fn import(context: &mut OperationContext<'_>, secret: &Variables) -> Result<(), VaultError> {
    secret.data.check()?;
    let input = SecretInput { identity: Some(secret.identity.clone()), ..SecretInput::default() };
    let (row, _) = save(context, &input)?;
    let owner = SecretOwner::ApplicationSecret(row.id);
    let stored = match secrets::current(context, owner)? {
        Some(sealed) => SecretData::decode(&sealed.open_within(context)?)?,
        None => SecretData::default(),
    };
    let variable = |(name, value): &(String, Option<_>)| {
        let value = value.clone().or_else(|| stored.get(name).cloned())?;
        Some((name.clone(), Some(value)))
    };
    let objects = secret.data.0.iter().map(|object| object.iter().filter_map(variable).collect::<Object>());
    let data = SecretData(objects.filter(|object| !object.is_empty()).collect());
    secrets::store(context, owner, &data.encode()?)
}
