//! Writes an item by its name: the credential or protected-information record that has it, or a new one.

use super::resolve::{self, VisibleItem};
use crate::crypto::SecretText;
use crate::store::StoreError;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::information::InformationRow;
use crate::vault::access::Visible;
use crate::vault::credential::{CredentialInput, SavePolicy, resolve as credentials, save as save_credential};
use crate::vault::information::{InformationInput, save as save_information};
use crate::vault::operation::{Done, OperationContext, Permit};
use crate::vault::{DenyReason, Field, IdentifierPolicy, Noun, Switchable, Vault, VaultError, custody, device};

/// The fields of an item to write. `None`: not sent.
#[derive(Clone, Debug)]
pub enum ItemInput {
    /// A password, with the account and device that it is for.
    Credential(CredentialItem),
    /// A text.
    Information {
        /// Its title.
        name: Option<String>,
        /// The text.
        text: SecretText,
    },
}

/// The fields of a password, named as a read returns them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CredentialItem {
    pub username: Option<String>,
    pub password: SecretText,
    pub hostname: Option<String>,
    pub address: Option<String>,
    pub port: Option<String>,
}

/// As at `/iso`, without defaults for what is missing.
const POLICY: SavePolicy =
    SavePolicy { identifiers: IdentifierPolicy::Free, username_required: false, jit_complete: false };

impl Vault {
    /// Replaces the password or text of an item, or creates an item. What is not sent of an existing item stays. A new
    /// password needs a username, and an existing device by its hostname and address.
    ///
    /// # Errors
    /// As for reading an item; [`VaultError::Inactive`]; [`VaultError::WrongKind`] for an item of another kind, as an SSH key
    /// is; the errors of saving a credential or a record.
    pub async fn save_item(&self, permit: Permit, name: String, input: ItemInput) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| save(context, &name, &input);
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn save(context: &mut OperationContext<'_>, name: &str, input: &ItemInput) -> Result<Done<()>, VaultError> {
    let found = match resolve::by_name(context, name) {
        Ok(found) => Some(found),
        Err(VaultError::NotFound(Noun::Item) | VaultError::NoAccess(Noun::Item)) => None,
        Err(error) => return Err(error),
    };
    match (found, input) {
        (None, ItemInput::Credential(sent)) => create_credential(context, name, sent),
        (Some(VisibleItem::Credential(row)), ItemInput::Credential(sent)) => update_credential(context, row, sent),
        (None, ItemInput::Information { name: title, text }) => write_information(context, name, title.clone(), text),
        (Some(VisibleItem::Information(row)), ItemInput::Information { name: title, text }) => {
            require_active(&row)?;
            write_information(context, name, title.clone(), text)
        }
        (Some(_), _) => Err(VaultError::WrongKind(Noun::Item)),
    }
}

fn create_credential(
    context: &mut OperationContext<'_>,
    name: &str,
    sent: &CredentialItem,
) -> Result<Done<()>, VaultError> {
    let required = |value: &Option<String>, field| match value.as_deref() {
        None | Some("") => Err(VaultError::Missing(field)),
        Some(_) => Ok(()),
    };
    required(&sent.username, Field::Username)?;
    required(&sent.hostname, Field::Hostname)?;
    required(&sent.address, Field::Ip)?;
    let input = CredentialInput {
        identifier: Some(name.into()),
        username: sent.username.clone(),
        content: Some(sent.password.clone()),
        hostname: sent.hostname.clone(),
        ip: sent.address.clone(),
        ..CredentialInput::default()
    };
    write_credential(context, &input, sent.port.as_deref())
}

fn update_credential(
    context: &mut OperationContext<'_>,
    row: Visible<CredentialRow>,
    sent: &CredentialItem,
) -> Result<Done<()>, VaultError> {
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::WrongKind(Noun::Item));
    }
    let row = credentials::locked(context, row)?;
    // Of exclusive custody is no item, neither to read nor to write.
    if custody::is_password_exclusive(context, &row)? {
        return Err(VaultError::Denied(DenyReason::ExclusiveCustody));
    }
    let (row, device) = credentials::readable(context, row, Switchable::Credential)?;
    let username = sent.username.clone().filter(|username| !username.is_empty());
    let input = CredentialInput {
        identifier: row.identifier.clone(),
        username: Some(username.unwrap_or_else(|| row.username.clone())),
        content: Some(sent.password.clone()),
        hostname: Some(sent.hostname.clone().unwrap_or_else(|| device.hostname.clone())),
        ip: Some(sent.address.clone().unwrap_or_else(|| device.ip.clone())),
        ..CredentialInput::default()
    };
    if row.identifier.is_none() {
        require_same_name(&row, &device, &input)?;
    }
    write_credential(context, &input, sent.port.as_deref())
}

/// Requires that a write leaves the name of an item as it is, which without an identifier is `hostname/username`.
fn require_same_name(row: &CredentialRow, device: &DeviceRow, input: &CredentialInput) -> Result<(), VaultError> {
    let expected = "is part of the name of this item, which has no identifier, and cannot be changed";
    for (field, sent, stored) in
        [(Field::Username, &input.username, &row.username), (Field::Hostname, &input.hostname, &device.hostname)]
    {
        if sent.as_ref() != Some(stored) {
            return Err(VaultError::invalid(field, expected));
        }
    }
    Ok(())
}

/// Saves a credential. A port must be that of its device, which is changed elsewhere.
fn write_credential(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    port: Option<&str>,
) -> Result<Done<()>, VaultError> {
    let saved = save_credential(context, input, POLICY)?;
    let row = credential::by_id(context.connection(), saved.value.id)?.ok_or(StoreError::NotFound)?;
    let device = credentials::device_of(context, &row)?.ok_or(StoreError::NotFound)?;
    if port.is_some_and(|port| port != device::first_port(&device.connectivities)) {
        return Err(VaultError::invalid(Field::Port, "expected the port of the device, which cannot be changed here"));
    }
    Ok(Done::new(saved.subject, ()))
}

fn require_active(row: &InformationRow) -> Result<(), VaultError> {
    if row.active { Ok(()) } else { Err(VaultError::Inactive(Switchable::Information)) }
}

fn write_information(
    context: &mut OperationContext<'_>,
    identifier: &str,
    title: Option<String>,
    text: &SecretText,
) -> Result<Done<()>, VaultError> {
    let input = InformationInput {
        content: Some(text.clone()),
        name: title,
        identifier: Some(identifier.into()),
        ..InformationInput::default()
    };
    let saved = save_information(context, &input, IdentifierPolicy::Free)?;
    Ok(Done::new(saved.subject, ()))
}
