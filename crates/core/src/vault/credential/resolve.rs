//! Resolves the names of credentials and SSH keys among the objects visible to the principal (contract, section 1.8). An
//! invisible object never shadows a visible one.

use super::composite::candidate;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::credential_lookup::{CredentialKey, CredentialLookup};
use crate::store::device::{self, DeviceRow};
use crate::store::id::CredentialId;
use crate::store::ssh_key_lookup::SshKeyLookup;
use crate::store::{Cause, StoreError};
use crate::text::{canonical_number, is_storable};
use crate::vault::access::{Visible, visible_credential};
use crate::vault::operation::{OperationContext, Principal, Subject};
use crate::vault::{Noun, Switchable, VaultError};

/// The noun of a kind in errors.
fn noun(kind: CredentialKind) -> Noun {
    match kind {
        CredentialKind::Password => Noun::Credential,
        CredentialKind::SshKey => Noun::SshKey,
    }
}

/// Resolves a key in a path: an id, an identifier or, for passwords, `username@hostname`.
///
/// # Errors
/// In the order of the contract (1.9): [`VaultError::NotFound`], [`VaultError::WrongKind`], [`VaultError::NoAccess`];
/// [`VaultError::Ambiguous`] when the key matches two visible objects.
pub(in crate::vault) fn by_key(
    context: &mut OperationContext<'_>,
    key: &str,
    kind: CredentialKind,
) -> Result<Visible<CredentialRow>, VaultError> {
    let rows = named(context, key, kind)?;
    pick(context, rows, kind)
}

/// Returns the kind of what a key in a path stands for, visible or not: that of a password unless it names SSH keys alone.
pub(in crate::vault) fn kind_named(
    context: &mut OperationContext<'_>,
    key: &str,
) -> Result<CredentialKind, VaultError> {
    let rows = named(context, key, CredentialKind::Password)?;
    let names_keys_alone = !rows.is_empty() && !rows.iter().any(is_password);
    Ok(if names_keys_alone { CredentialKind::SshKey } else { CredentialKind::Password })
}

/// Returns what a key in a path may stand for.
fn parsed(key: &str, kind: CredentialKind) -> CredentialKey<'_> {
    // Split at the last @: a username may contain one, a hostname does not.
    let username_at = if kind == CredentialKind::Password { key.rsplit_once('@') } else { None };
    CredentialKey { identifier: key, id: canonical_number(key).map(CredentialId::new), username_at }
}

/// Returns the lookup of a password by its key for a client. `None` for a key that no text in the database equals.
pub(super) fn password_lookup(principal: &Principal, key: &str) -> Option<CredentialLookup> {
    let authorization = principal.authorization()?;
    is_storable(key).then(|| CredentialLookup::new(parsed(key, CredentialKind::Password), authorization))
}

/// Returns the lookup of an SSH key by its key for a client. `None` for a key that no text in the database equals.
pub(in crate::vault) fn ssh_key_lookup(principal: &Principal, key: &str) -> Option<SshKeyLookup> {
    let authorization = principal.authorization()?;
    let id = canonical_number(key).map(CredentialId::new);
    is_storable(key).then(|| SshKeyLookup { identifier: key.into(), id, authorization })
}

/// Whether this is a password and no SSH key.
pub(super) fn is_password(row: &CredentialRow) -> bool {
    row.kind() == CredentialKind::Password
}

/// Finds every object that a key matches, visible or not.
fn named(
    context: &mut OperationContext<'_>,
    key: &str,
    kind: CredentialKind,
) -> Result<Vec<CredentialRow>, VaultError> {
    if !is_storable(key) {
        return Ok(Vec::new());
    }
    let key = parsed(key, kind);
    let connection = context.connection();
    let mut rows: Vec<CredentialRow> = Vec::new();
    if let Some(id) = key.id {
        rows.extend(credential::by_id(connection, id)?);
    }
    if let Some((username, hostname)) = key.username_at {
        rows.extend(credential::all_by_username_at(connection, username, hostname)?);
    }
    if let Some(row) = credential::by_identifier(connection, key.identifier)?
        && rows.iter().all(|known| known.id != row.id)
    {
        rows.push(row);
    }
    Ok(rows)
}

/// Returns the only visible object of the kind. Ignores an invisible object of the other kind: it must not change the
/// response.
pub(in crate::vault) fn pick(
    context: &mut OperationContext<'_>,
    rows: Vec<CredentialRow>,
    kind: CredentialKind,
) -> Result<Visible<CredentialRow>, VaultError> {
    if let [only] = rows.as_slice() {
        context.found(Subject::Credential(only.id));
    }
    let exists = rows.iter().any(|row| row.kind() == kind);
    let (mut fitting, mut sees_other_kind) = (Vec::new(), false);
    for row in rows {
        let fits = row.kind() == kind;
        match visible_credential(context, row)? {
            Some(visible) if fits => fitting.push(visible),
            Some(_) => sees_other_kind = true,
            None => {}
        }
    }
    match fitting.pop() {
        Some(row) if fitting.is_empty() => {
            context.found(Subject::Credential(row.id));
            Ok(row)
        }
        Some(last) => {
            let mut candidates = Vec::new();
            for row in fitting.into_iter().chain([last]) {
                if let Some(device) = device_of(context, &row)? {
                    candidates.push(candidate((row.into_inner(), device)));
                }
            }
            Err(VaultError::Ambiguous(candidates))
        }
        None if sees_other_kind => Err(VaultError::WrongKind(noun(kind))),
        None if exists => Err(VaultError::NoAccess(Noun::Credential)),
        None => Err(VaultError::NotFound(noun(kind))),
    }
}

/// Resolves a key to a password credential and its device, both active.
///
/// # Errors
/// As [`by_key`]; [`VaultError::Inactive`].
pub(in crate::vault) fn readable_by_key(
    context: &mut OperationContext<'_>,
    key: &str,
) -> Result<(Visible<CredentialRow>, DeviceRow), VaultError> {
    let row = by_key(context, key, CredentialKind::Password)?;
    readable(context, row, Switchable::Credential)
}

/// As [`readable_by_key`], on the locked row: a transaction must not decide on a row that may change.
pub(in crate::vault) fn locked_readable_by_key(
    context: &mut OperationContext<'_>,
    key: &str,
) -> Result<(Visible<CredentialRow>, DeviceRow), VaultError> {
    let row = locked_by_key(context, key, CredentialKind::Password)?;
    readable(context, row, Switchable::Credential)
}

/// As [`by_key`], on the locked row.
pub(in crate::vault) fn locked_by_key(
    context: &mut OperationContext<'_>,
    key: &str,
    kind: CredentialKind,
) -> Result<Visible<CredentialRow>, VaultError> {
    let row = by_key(context, key, kind)?;
    locked(context, row)
}

/// Locks the row of a visible credential and returns its current state.
///
/// # Errors
/// [`VaultError::NoAccess`] when the principal does not see it any more; [`StoreError::Contended`] inside when it has got other names
/// meanwhile: the key may name another one now.
pub(in crate::vault) fn locked(
    context: &mut OperationContext<'_>,
    row: Visible<CredentialRow>,
) -> Result<Visible<CredentialRow>, VaultError> {
    if context.connection().has_one_writer() {
        return Ok(row);
    }
    let current = credential::locked(context.connection(), row.id)?.ok_or(StoreError::NotFound)?;
    let is_renamed = current.username != row.username || current.identifier != row.identifier;
    if is_renamed || current.device_id != row.device_id {
        return Err(StoreError::Contended(Cause::default()).into());
    }
    require_visible(context, current)
}

/// Requires that a credential or SSH key and its device are active.
///
/// # Errors
/// [`VaultError::Inactive`].
pub(in crate::vault) fn readable(
    context: &mut OperationContext<'_>,
    row: Visible<CredentialRow>,
    noun: Switchable,
) -> Result<(Visible<CredentialRow>, DeviceRow), VaultError> {
    let device = device_of(context, &row)?.filter(|device| row.active && device.active);
    Ok((row, device.ok_or(VaultError::Inactive(noun))?))
}

/// Requires that the principal sees a credential, for rows found by other means than a key.
///
/// # Errors
/// [`VaultError::NoAccess`].
pub(in crate::vault) fn require_visible(
    context: &mut OperationContext<'_>,
    row: CredentialRow,
) -> Result<Visible<CredentialRow>, VaultError> {
    visible_credential(context, row)?.ok_or(VaultError::NoAccess(Noun::Credential))
}

/// Returns the device of a credential.
pub(in crate::vault) fn device_of(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<Option<DeviceRow>, VaultError> {
    Ok(device::by_id(context.connection(), row.device_id)?)
}

/// Finds the credential that settings reference by username, hostname and address. It must be visible.
///
/// # Errors
/// [`VaultError::NotFound`], [`VaultError::NoAccess`].
pub(super) fn referenced(
    context: &mut OperationContext<'_>,
    reference: &super::settings::CredentialReference,
) -> Result<Visible<CredentialRow>, VaultError> {
    let missing = VaultError::NotFound(Noun::Credential);
    let Some(device) = device_at(context, &reference.hostname, &reference.ip)? else { return Err(missing) };
    let kind = CredentialKind::Password;
    let row = credential::by_username(context.connection(), device.id, &reference.username, kind)?;
    let Some(row) = row else { return Err(missing) };
    require_visible(context, row)
}

/// Finds the device of `hostname` whose address is `ip`.
pub(super) fn device_at(
    context: &mut OperationContext<'_>,
    hostname: &str,
    ip: &str,
) -> Result<Option<DeviceRow>, VaultError> {
    Ok(device::by_hostname(context.connection(), hostname)?.filter(|device| device.is_at(ip)))
}
