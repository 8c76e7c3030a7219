//! What a client sees, from the command line.

use super::authorization::authorization;
use super::{AdminError, named};
use crate::store::keyfactor::{entry, provider};
use crate::store::link::{self, LinkedKind};
use crate::store::lookup::{self, LookupKind};
use crate::store::{AnyConnection, credential, device, information};
use crate::vault::Vault;

/// What can be linked to an authorization.
#[derive(Clone, Debug)]
pub enum LinkTarget {
    /// A device by its hostname, with all of its credentials.
    Device(String),
    /// A credential by its number or identifier.
    Credential(String),
    /// A protected information by its number or identifier.
    Information(String),
    /// A tag, known or not yet: every device, credential and SSH key that bears it.
    Tag(String),
    /// An entry of a local PAM provider: the provider's number or name, a slash, the entry's name.
    Entry(String),
}

impl Vault {
    /// Links an object or a tag to a client, which then sees it.
    pub async fn link(&self, client_id: &str, target: LinkTarget) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            let (kind, id) = linked(connection, &target)?;
            link::insert(connection, row.id, kind, id)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.link", change).await
    }

    /// Takes a link away, also that of an object that the client has made. What the client sees by another link it
    /// goes on seeing.
    ///
    /// # Errors
    /// [`AdminError::Unknown`] when there is no such link.
    pub async fn unlink(&self, client_id: &str, target: LinkTarget) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            let (kind, id) = linked(connection, &target)?;
            match link::delete(connection, row.id, kind, id)? {
                true => Ok(((), format!("authorization:{}", row.id))),
                false => Err(AdminError::Unknown("such link".into())),
            }
        };
        self.administer("authorization.unlink", change).await
    }
}

fn linked(connection: &mut AnyConnection, target: &LinkTarget) -> Result<(LinkedKind, i32), AdminError> {
    match target {
        LinkTarget::Device(hostname) => {
            let row = device::by_hostname(connection, hostname)?;
            let row = row.ok_or_else(|| AdminError::Unknown(format!("device {hostname}")))?;
            Ok((LinkedKind::Device, row.id))
        }
        LinkTarget::Credential(key) => {
            let by_id = number(key).map(|id| credential::by_id(connection, id)).transpose()?.flatten();
            let row = match by_id {
                Some(row) => Some(row),
                None => credential::by_identifier(connection, key)?,
            };
            let row = row.ok_or_else(|| AdminError::Unknown(format!("credential {key}")))?;
            Ok((LinkedKind::Credential, row.id))
        }
        LinkTarget::Information(key) => {
            let by_id = number(key).map(|id| information::by_id(connection, id)).transpose()?.flatten();
            let row = match by_id {
                Some(row) => Some(row),
                None => information::by_identifier(connection, key)?,
            };
            let row = row.ok_or_else(|| AdminError::Unknown(format!("information {key}")))?;
            Ok((LinkedKind::Information, row.id))
        }
        LinkTarget::Tag(tag) => {
            let tag = named(tag, "the tag")?;
            Ok((LinkedKind::Tag, lookup::register(connection, LookupKind::Tag, &tag)?.id))
        }
        LinkTarget::Entry(key) => {
            let unknown = || AdminError::Unknown(format!("entry {key}"));
            let (provider, name) = key.split_once('/').ok_or_else(unknown)?;
            let id = match number(provider) {
                Some(id) => id,
                None => provider::id_by_name(connection, provider)?.ok_or_else(unknown)?,
            };
            let row = entry::by_name(connection, id, name)?.ok_or_else(unknown)?;
            Ok((LinkedKind::Entry, row.id))
        }
    }
}

fn number(key: &str) -> Option<i32> {
    key.parse().ok()
}
