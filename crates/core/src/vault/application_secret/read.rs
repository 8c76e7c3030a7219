//! Reading every secret of an authorization.

use std::collections::HashSet;

use super::names::audit_object;
use super::{Application, ApplicationSecret, Engine, MAX_SECRETS, NamedValue, SecretData};
use crate::crypto::{SealError, SecretText};
use crate::store::StoreError;
use crate::store::application_secret::{self, ApplicationSecretRow};
use crate::store::registration::{self, RegistrationRow};
use crate::vault::item::{self, ItemField, NamedItem};
use crate::vault::operation::{Done, OperationContext, Permit, Principal, SecretWriter};
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Noun, Vault, VaultError};

/// Everything that an authorization reads, with its secrets still sealed.
struct Inventory {
    registration: Option<RegistrationRow>,
    own: Vec<(ApplicationSecretRow, Sealed)>,
    credentials: Vec<NamedItem>,
}

impl Vault {
    /// Returns the application of the client with every secret of its authorization, in one audit record that names them all: its
    /// own ones first, then the credentials that it sees. A credential with the name of an own secret is left out.
    ///
    /// # Errors
    /// [`VaultError::TooMany`].
    pub async fn read_application(&self, permit: Permit) -> Result<Application, VaultError> {
        let (writer, name) = (permit.secret_writer(), application_name(&permit));
        let query = |context: &mut OperationContext<'_>| {
            let registration = registration(context)?;
            let own = own_secrets(context)?;
            let taken: HashSet<&str> = own.iter().map(|(row, _)| row.identity.as_str()).collect();
            let mut credentials = item::inventory(context)?;
            credentials.retain(|item| !taken.contains(item.name.as_str()));
            let names = own.iter().map(|(row, _)| row.identity.as_str());
            let names = audit_object(names.chain(credentials.iter().map(|item| item.name.as_str())));
            Ok(Done::several(names, Inventory { registration, own, credentials }))
        };
        let (found, recorded) = self.search(permit, query).await?;
        let (own, credentials) = (found.own, found.credentials);
        let mut sealed: Vec<Sealed> = own.iter().map(|(_, sealed)| sealed.clone()).collect();
        sealed.extend(credentials.iter().flat_map(|item| item::sealed_fields(&item.fields)));
        let assemble = move |opened: Vec<SecretText>| {
            let mut opened = opened.into_iter();
            let mut secrets = Vec::with_capacity(own.len() + credentials.len());
            for (row, sealed) in own {
                let data = SecretData::decode(&opened.next().ok_or(SealError)?)?;
                secrets.push(ApplicationSecret::new(row, sealed.binding().version, data, &writer)?);
            }
            for item in credentials {
                secrets.push(of_credential(item, &writer, &mut opened)?);
            }
            Ok(secrets)
        };
        let secrets = self.unseal_all(&recorded, sealed, assemble).await?;
        application(name, found.registration, secrets)
    }
}

/// Shows a credential as a secret.
fn of_credential(
    item: NamedItem,
    writer: &SecretWriter,
    opened: &mut impl Iterator<Item = SecretText>,
) -> Result<ApplicationSecret, VaultError> {
    let NamedItem { id, name, version, fields } = item;
    let fields = item::with_opened(writer, fields, opened)?;
    Ok(ApplicationSecret {
        id: format!("credential-{id}"),
        name: name.clone(),
        identity: name,
        version,
        expiration_date: String::new(),
        engine: Engine::Generic.as_str().into(),
        data: vec![fields.into_iter().map(NamedValue::from).collect()],
    })
}

fn own_secrets(context: &mut OperationContext<'_>) -> Result<Vec<(ApplicationSecretRow, Sealed)>, VaultError> {
    let authorization = context.authorization()?;
    let rows = application_secret::by_authorization(context.connection(), authorization, MAX_SECRETS + 1)?;
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > MAX_SECRETS {
        return Err(VaultError::TooMany(Noun::Item));
    }
    let owners: Vec<SecretOwner> = rows.iter().map(|row| SecretOwner::ApplicationSecret(row.id)).collect();
    let mut sealed = secrets::current_of_all(context, &owners)?;
    let with_value = |row: ApplicationSecretRow| {
        let value = sealed.remove(&SecretOwner::ApplicationSecret(row.id));
        Ok((row, value.ok_or(StoreError::NotFound)?))
    };
    rows.into_iter().map(with_value).collect()
}

/// Returns the name of the application of the client.
pub(super) fn application_name(permit: &Permit) -> String {
    match permit.principal() {
        Principal::Client(client) => client.application.clone(),
        Principal::Account(_) | Principal::Operator | Principal::System => String::new(),
    }
}

/// Returns the registration of the client's authorization.
pub(super) fn registration(context: &mut OperationContext<'_>) -> Result<Option<RegistrationRow>, VaultError> {
    let authorization = context.authorization()?;
    Ok(registration::find(context.connection(), authorization)?)
}

/// Assembles an application.
pub(super) fn application(
    name: String,
    registration: Option<RegistrationRow>,
    secrets: Vec<ApplicationSecret>,
) -> Result<Application, VaultError> {
    let Some(row) = registration else {
        return Ok(Application { name, description: None, tags: Vec::new(), system: None, environment: None, secrets });
    };
    let tags = serde_json::from_str(&row.tags).map_err(|_| StoreError::Query("tags that cannot be read"))?;
    let (system, environment) = (Some(row.system), Some(row.environment));
    Ok(Application { name, description: row.description, tags, system, environment, secrets })
}

impl ApplicationSecret {
    /// A secret of the authorization, whose values the writer writes for it.
    pub(super) fn new(
        row: ApplicationSecretRow,
        version: i32,
        data: SecretData,
        writer: &SecretWriter,
    ) -> Result<Self, VaultError> {
        let value = |(name, value): (String, Option<_>)| {
            Ok(NamedValue { name: name.into(), value: value.map(|value| writer.write(value)).transpose()? })
        };
        let object = |object: super::Object| object.into_iter().map(value).collect::<Result<Vec<_>, VaultError>>();
        Ok(Self {
            id: row.id.to_string(),
            name: row.name,
            identity: row.identity,
            version,
            expiration_date: row.expiration_date,
            engine: row.engine.into(),
            data: data.0.into_iter().map(object).collect::<Result<_, _>>()?,
        })
    }
}

impl From<ItemField> for NamedValue {
    /// Names the address as these programs do.
    fn from(field: ItemField) -> Self {
        let name = if field.name == "address" { "ip" } else { field.name };
        Self { name: name.into(), value: Some(field.value) }
    }
}
