//! Finds the item of a name among the objects visible to the principal, with its secrets still sealed.

use super::ItemVersion;
use crate::clock::from_micros;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::information::{self, InformationRow};
use crate::store::{secret, ssh_key};
use crate::text::is_storable;
use crate::vault::access::{
    Visible, check_no_credential, check_no_information, visible_credential, visible_information,
};
use crate::vault::credential::{parent, resolve};
use crate::vault::operation::{OperationContext, Subject};
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{DenyReason, Noun, VaultError, custody, device};

/// The value of a field before the audit record is durable.
pub(in crate::vault) enum Sealable {
    Plain(String),
    Sealed(Sealed),
    /// A secret whose empty value says that it was removed.
    SealedUnlessEmpty(Sealed),
}

/// A found item.
pub(super) struct Found {
    pub(super) subject: Subject,
    pub(super) version: ItemVersion,
    pub(super) fields: Vec<(&'static str, Sealable)>,
}

/// An object that a name selects.
pub(super) enum VisibleItem {
    Credential(Visible<CredentialRow>),
    Information(Visible<InformationRow>),
}

impl VisibleItem {
    pub(super) fn subject(&self) -> Subject {
        match self {
            VisibleItem::Credential(row) => Subject::Credential(row.id),
            VisibleItem::Information(row) => Subject::Information(row.id),
        }
    }
}

/// Returns the only visible object of a name.
///
/// # Errors
/// [`VaultError::NotFound`]; [`VaultError::NoAccess`] if only invisible objects have the name, which is for the audit log and never
/// for the client; [`VaultError::Ambiguous`].
pub(super) fn by_name(context: &mut OperationContext<'_>, name: &str) -> Result<VisibleItem, VaultError> {
    let (mut found, mut invisible) = (Vec::new(), Vec::new());
    let credentials = credentials_named(context, name)?;
    if credentials.is_empty() {
        check_no_credential(context)?;
    }
    for row in credentials {
        let subject = Subject::Credential(row.id);
        match visible_credential(context, row)? {
            Some(row) => found.push(VisibleItem::Credential(row)),
            None => invisible.push(subject),
        }
    }
    let information = if is_storable(name) { information::by_identifier(context.connection(), name)? } else { None };
    match information {
        Some(row) => {
            let subject = Subject::Information(row.id);
            match visible_information(context, row)? {
                Some(row) => found.push(VisibleItem::Information(row)),
                None => invisible.push(subject),
            }
        }
        None => check_no_information(context)?,
    }
    match found.pop() {
        None if invisible.is_empty() => Err(VaultError::NotFound(Noun::Item)),
        None => {
            if let [only] = invisible[..] {
                context.found(only);
            }
            Err(VaultError::NoAccess(Noun::Item))
        }
        Some(only) if found.is_empty() => {
            context.found(only.subject());
            Ok(only)
        }
        Some(_) => Err(VaultError::Ambiguous(Vec::new())),
    }
}

/// Finds every credential that a name selects, visible or not.
fn credentials_named(context: &mut OperationContext<'_>, name: &str) -> Result<Vec<CredentialRow>, VaultError> {
    if !is_storable(name) {
        return Ok(Vec::new());
    }
    let connection = context.connection();
    let mut rows: Vec<_> = credential::by_identifier(connection, name)?.into_iter().collect();
    // A hostname contains no slash; a username may.
    if let Some((hostname, username)) = name.split_once('/') {
        let passwords = credential::all_by_username_at(connection, username, hostname)?;
        let unnamed = |row: &CredentialRow| row.kind() == CredentialKind::Password && row.identifier.is_none();
        rows.extend(passwords.into_iter().filter(unnamed));
    }
    Ok(rows)
}

/// Reads a version of an item, the current one without a number.
///
/// # Errors
/// [`VaultError::NotFound`] for a version that is not kept; [`DenyReason::ExclusiveCustody`].
pub(super) fn found(
    context: &mut OperationContext<'_>,
    item: VisibleItem,
    version: Option<i32>,
) -> Result<Found, VaultError> {
    match item {
        VisibleItem::Credential(row) => credential_item(context, &row, version),
        VisibleItem::Information(row) => information_item(context, &row, version),
    }
}

fn credential_item(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    version: Option<i32>,
) -> Result<Found, VaultError> {
    if is_exclusive(context, row)? {
        return Err(VaultError::Denied(DenyReason::ExclusiveCustody));
    }
    let owner = match row.kind() {
        CredentialKind::Password => parent::password_owner(context, row)?,
        CredentialKind::SshKey => SecretOwner::SshPrivateKey(row.id),
    };
    let secret = sealed(context, owner, version)?;
    let number = stored(context, owner, secret.as_ref(), row.changed_at)?;
    let device = resolve::device_of(context, row)?;
    let subject = Subject::Credential(row.id);
    let Some(device) = device.filter(|device| row.active && device.active) else {
        return Ok(inactive(subject, number, row.changed_at));
    };
    let (mut public_key, mut passphrase) = (None, None);
    if row.kind() == CredentialKind::SshKey {
        public_key = ssh_key::find(context.connection(), row.id)?.map(|key| key.public_key);
        passphrase = secrets::current(context, SecretOwner::SshPassphrase(row.id))?;
    }
    context.note_view(row);
    let secrets = CredentialSecrets { secret, public_key, passphrase };
    let fields =
        credential_fields(row.kind(), &row.username, (device.hostname, device.ip, &device.connectivities), secrets);
    Ok(Found { subject, version: number, fields })
}

/// The secrets of a credential, and the public key of an SSH key.
pub(super) struct CredentialSecrets {
    /// The password, or the private key.
    pub(super) secret: Option<Sealed>,
    pub(super) public_key: Option<String>,
    pub(super) passphrase: Option<Sealed>,
}

/// Returns the fields of a credential on a device, which is given by its hostname, address and connectivities.
pub(super) fn credential_fields(
    kind: CredentialKind,
    username: &str,
    (hostname, ip, connectivities): (String, String, &str),
    secrets: CredentialSecrets,
) -> Vec<(&'static str, Sealable)> {
    let mut fields = vec![("username", Sealable::Plain(username.into()))];
    let name = if kind == CredentialKind::SshKey { "private_key" } else { "password" };
    fields.extend(secrets.secret.map(|secret| (name, Sealable::Sealed(secret))));
    fields.extend(secrets.public_key.map(|key| ("public_key", Sealable::Plain(key))));
    fields.extend(secrets.passphrase.map(|passphrase| ("passphrase", Sealable::SealedUnlessEmpty(passphrase))));
    let port = device::first_port(connectivities).to_string();
    for (name, value) in [("hostname", hostname), ("address", ip), ("port", port)] {
        fields.push((name, Sealable::Plain(value)));
    }
    fields
}

/// Whether the custody of the password of a credential is exclusive: its own, or that of one that shares it.
pub(super) fn is_exclusive(context: &mut OperationContext<'_>, row: &CredentialRow) -> Result<bool, VaultError> {
    // Only passwords are taken into custody.
    if row.kind() != CredentialKind::Password {
        return Ok(false);
    }
    custody::is_password_exclusive(context, row)
}

fn information_item(
    context: &mut OperationContext<'_>,
    row: &Visible<InformationRow>,
    version: Option<i32>,
) -> Result<Found, VaultError> {
    let owner = SecretOwner::Information(row.id);
    let secret = sealed(context, owner, version)?;
    let number = stored(context, owner, secret.as_ref(), row.changed_at)?;
    let subject = Subject::Information(row.id);
    if !row.active {
        return Ok(inactive(subject, number, row.changed_at));
    }
    let mut fields = vec![("name", Sealable::Plain(row.name.clone()))];
    fields.extend(secret.map(|secret| ("text", Sealable::Sealed(secret))));
    Ok(Found { subject, version: number, fields })
}

fn inactive(subject: Subject, version: ItemVersion, changed_at: i64) -> Found {
    let version = ItemVersion { inactive_since: Some(from_micros(changed_at)), ..version };
    Found { subject, version, fields: Vec::new() }
}

/// Returns a version of a secret. A number that is not kept is an error; a secret that was never stored is `None`.
fn sealed(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    version: Option<i32>,
) -> Result<Option<Sealed>, VaultError> {
    match version {
        None => secrets::current(context, owner),
        Some(number) => {
            let found = secrets::version(context, owner, number)?;
            found.map(Some).ok_or(VaultError::NotFound(Noun::Version))
        }
    }
}

fn stored(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    secret: Option<&Sealed>,
    changed_at: i64,
) -> Result<ItemVersion, VaultError> {
    let number = secret.map_or(0, |secret| secret.binding().version);
    let stored_at = secret::created_at(context.connection(), owner, number)?.unwrap_or(changed_at);
    Ok(ItemVersion { number, stored_at: from_micros(stored_at), inactive_since: None })
}
