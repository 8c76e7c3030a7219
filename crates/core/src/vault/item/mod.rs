//! Items: credentials, SSH keys and protected information under one name, for protocols that know one kind of secret.
//!
//! The name of an item is its identifier; a password without one is named `hostname/username`. Reading an item takes no
//! custody, because clients of these protocols poll. A password whose custody is exclusive is therefore no item: it is missing
//! from lists, and a read of it is refused.

mod inventory;
mod list;
mod resolve;
mod save;
mod search;

use chrono::{DateTime, Utc};

pub use list::ItemName;
pub use save::{CredentialItem, ItemInput};
pub use search::{Condition, ItemSearch, SearchedItem};

use super::operation::{Done, OperationContext, Permit, Recorded, SecretWriter};
use super::secrets::Sealed;
use super::{Vault, VaultError};
use crate::crypto::{SealError, SecretText};
use crate::store::credential::CredentialKind;
pub(super) use inventory::{NamedItem, inventory};
pub(super) use resolve::Sealable;

use resolve::Found;

/// An item without its secrets, or what is left of an inactive one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemVersion {
    /// The number of the version of its main secret; 0 without a secret.
    pub number: i32,
    /// The time at which that version was stored; the time of the last change without a secret.
    pub stored_at: DateTime<Utc>,
    /// The time of the last change of an inactive item, which is mostly its deactivation. Its secrets are not revealed.
    pub inactive_since: Option<DateTime<Utc>>,
}

/// An item with its secrets.
#[derive(Debug)]
pub struct Item {
    /// The version that was read.
    pub version: ItemVersion,
    /// Its fields, in a stable order; none for an inactive item.
    pub fields: Vec<ItemField>,
}

/// A field of an item.
#[derive(Debug)]
pub struct ItemField {
    /// `username`, `password`, `hostname`, `address`, `port`, `name`, `text`, `private_key`, `public_key` or `passphrase`.
    pub name: &'static str,
    /// Its value. Secrets are written by the response key of the authorization, if it has one.
    pub value: SecretText,
}

impl Vault {
    /// Returns an item by its name, in its current version or an earlier one.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for a version that is not kept; [`VaultError::NoAccess`] for an item that the client does not
    /// see; [`VaultError::Ambiguous`] for a name of two items; [`super::DenyReason::ExclusiveCustody`].
    pub async fn read_item(&self, permit: Permit, name: String, version: Option<i32>) -> Result<Item, VaultError> {
        let writer = permit.secret_writer();
        let query = move |context: &mut OperationContext<'_>| {
            let visible = resolve::by_name(context, &name)?;
            let found = resolve::found(context, visible, version)?;
            Ok(match found.version.inactive_since {
                None => Done::new(found.subject, found),
                Some(_) => Done::inactive(found.subject, found),
            })
        };
        let (found, recorded) = self.reveal(permit, query).await?;
        let Found { version, fields, .. } = found;
        Ok(Item { version, fields: opened(self, &recorded, &writer, fields).await? })
    }
}

/// Returns the name of a credential as an item; `None` for an SSH key without an identifier.
fn name_of(kind: CredentialKind, identifier: Option<&str>, hostname: &str, username: &str) -> Option<String> {
    let unnamed = || (kind == CredentialKind::Password).then(|| format!("{hostname}/{username}"));
    identifier.map(String::from).or_else(unnamed)
}

/// Returns the sealed values among the fields of an item, in their order.
pub(super) fn sealed_fields(fields: &[(&'static str, Sealable)]) -> impl Iterator<Item = Sealed> {
    fields.iter().filter_map(|(_, value)| match value {
        Sealable::Plain(_) => None,
        Sealable::Sealed(sealed) | Sealable::SealedUnlessEmpty(sealed) => Some(sealed.clone()),
    })
}

/// Completes the fields of an item with its opened values, in the order of [`sealed_fields`], and writes its secrets for the
/// client. An empty optional secret is left out.
pub(super) fn with_opened(
    writer: &SecretWriter,
    fields: Vec<(&'static str, Sealable)>,
    opened: &mut impl Iterator<Item = SecretText>,
) -> Result<Vec<ItemField>, VaultError> {
    let mut complete = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let value = match value {
            Sealable::Plain(text) => SecretText::new(text),
            Sealable::Sealed(_) => writer.write(opened.next().ok_or(SealError)?)?,
            Sealable::SealedUnlessEmpty(_) => match opened.next().ok_or(SealError)? {
                secret if secret.is_empty() => continue,
                secret => writer.write(secret)?,
            },
        };
        complete.push(ItemField { name, value });
    }
    Ok(complete)
}

/// Decrypts the fields of an item whose read is recorded, and writes its secrets for the client.
async fn opened(
    vault: &Vault,
    recorded: &Recorded,
    writer: &SecretWriter,
    fields: Vec<(&'static str, Sealable)>,
) -> Result<Vec<ItemField>, VaultError> {
    let mut opened = Vec::new();
    for sealed in sealed_fields(&fields) {
        opened.push(vault.unseal(recorded, &sealed).await?);
    }
    with_opened(writer, fields, &mut opened.into_iter())
}
