//! Reading every secret of an authorization.

use super::{Application, ApplicationSecret, GENERIC, NamedValue};
use crate::vault::item::{self, ItemField, NamedItem};
use crate::vault::operation::{Done, OperationContext, Permit, Principal};
use crate::vault::{Vault, VaultError};

impl Vault {
    /// Returns the application of the client with every secret of its authorization, in one audit record that names them all.
    ///
    /// # Errors
    /// [`VaultError::TooMany`].
    pub async fn read_application(&self, permit: Permit) -> Result<Application, VaultError> {
        let writer = permit.secret_writer();
        let name = match permit.principal() {
            Principal::Client(client) => client.application.clone(),
            Principal::Account(_) | Principal::Operator | Principal::System => String::new(),
        };
        let query = |context: &mut OperationContext<'_>| {
            let items = item::inventory(context)?;
            Ok(Done::several(identities(items.iter().map(|item| item.name.as_str())), items))
        };
        let (items, recorded) = self.reveal(permit, query, |_, _, _| Ok(())).await?;
        let mut secrets = Vec::with_capacity(items.len());
        for NamedItem { id, name, version, fields } in items {
            let fields = item::opened(self, &recorded, &writer, fields).await?;
            secrets.push(ApplicationSecret {
                id: format!("credential-{id}"),
                name: name.clone(),
                identity: name,
                version,
                expiration_date: String::new(),
                engine: GENERIC.into(),
                data: vec![fields.into_iter().map(NamedValue::from).collect()],
            });
        }
        Ok(Application { name, secrets })
    }
}

impl From<ItemField> for NamedValue {
    /// Names the address as these programs do.
    fn from(field: ItemField) -> Self {
        let name = if field.name == "address" { "ip" } else { field.name };
        Self { name: name.into(), value: Some(field.value) }
    }
}

/// Returns the object of an audit record that names secrets. A JSON array, because an identity may have any separator.
fn identities<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("secrets:{}", serde_json::Value::from_iter(names))
}
