//! Links: the objects and tags that are visible to a client.

use super::application::checked_name;
use super::authorization;
use crate::store::id::{CredentialId, InformationId, ProviderId};
use crate::store::link::{self, LinkedObject};
use crate::store::{credential, device, entry, information, lookup, provider};
use crate::text::canonical_number;
use crate::vault::operation::{OperationContext, Permit};
use crate::vault::{Noun, Vault, VaultError};

/// Target of a link to an authorization.
#[derive(Clone, Debug)]
pub enum LinkTarget {
    /// A device by its hostname, with all of its credentials.
    Device(String),
    /// A credential by its id or identifier.
    Credential(String),
    /// A protected-information record by its id or identifier.
    Information(String),
    /// A tag: every device, credential and SSH key that has it. It need not be in use yet.
    Tag(String),
    /// An entry of a local PAM provider: the provider's id or name, a slash, the entry's name.
    Entry(String),
}

impl Vault {
    /// Links an object or a tag to a client, which then sees it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn link(&self, permit: Permit, client_id: &str, target: LinkTarget) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = authorization::existing(context, &client_id)?;
            let object = resolve(context, &target)?;
            link::insert(context.connection(), row.id, object)?;
            authorization::changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Removes a link, even to an object that the client has created. Objects with another link to the client stay visible.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn unlink(&self, permit: Permit, client_id: &str, target: LinkTarget) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = authorization::existing(context, &client_id)?;
            let object = resolve(context, &target)?;
            if !link::delete(context.connection(), row.id, object)? {
                return Err(VaultError::NotFound(Noun::Link));
            }
            authorization::changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Finds the object of a link. The operator sees everything, so an id takes precedence over an equal identifier.
pub(super) fn resolve(context: &mut OperationContext<'_>, target: &LinkTarget) -> Result<LinkedObject, VaultError> {
    let connection = context.connection();
    match target {
        LinkTarget::Device(hostname) => {
            let row = device::by_hostname(connection, hostname)?.ok_or(VaultError::NotFound(Noun::Device))?;
            Ok(LinkedObject::Device(row.id))
        }
        LinkTarget::Credential(key) => {
            let by_id = match canonical_number(key) {
                Some(number) => credential::by_id(connection, CredentialId::new(number))?,
                None => None,
            };
            let row = match by_id {
                Some(row) => Some(row),
                None => credential::by_identifier(connection, key)?,
            };
            Ok(LinkedObject::Credential(row.ok_or(VaultError::NotFound(Noun::Credential))?.id))
        }
        LinkTarget::Information(key) => {
            let by_id = match canonical_number(key) {
                Some(number) => information::by_id(connection, InformationId::new(number))?,
                None => None,
            };
            let row = match by_id {
                Some(row) => Some(row),
                None => information::by_identifier(connection, key)?,
            };
            Ok(LinkedObject::Information(row.ok_or(VaultError::NotFound(Noun::Information))?.id))
        }
        LinkTarget::Tag(tag) => Ok(LinkedObject::Tag(lookup::register_tag(connection, checked_name(tag)?)?)),
        LinkTarget::Entry(key) => {
            let missing = VaultError::NotFound(Noun::Entry);
            let Some((provider, name)) = key.split_once('/') else { return Err(missing) };
            let provider_id = match canonical_number(provider) {
                Some(number) => Some(ProviderId::new(number)),
                None => provider::id_by_name(connection, provider)?,
            };
            let Some(provider_id) = provider_id else { return Err(missing) };
            let row = entry::by_name(connection, provider_id, name)?.ok_or(missing)?;
            Ok(LinkedObject::Entry(row.id))
        }
    }
}
