//! A credential with everything that reading it decides on.

use super::{parent, resolve};
use crate::store::credential::CredentialRow;
use crate::store::credential_lookup::FoundCredential;
use crate::store::custody::CustodyRow;
use crate::store::device::DeviceRow;
use crate::vault::access::{SeenCredential, Visible, seen_credential};
use crate::vault::operation::{OperationContext, Subject};
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Switchable, VaultError, custody};

/// An active credential that the principal sees, on an active device.
pub(super) struct Readable {
    pub(super) row: Visible<CredentialRow>,
    pub(super) device: DeviceRow,
    /// The principal's custody, expired or not.
    pub(super) custody: Option<CustodyRow>,
    /// Its password, or that of its oldest ancestor.
    pub(super) password: Option<Sealed>,
}

impl Readable {
    /// Looks up the credential of a key in a path, and locks its row.
    ///
    /// # Errors
    /// As [`resolve::locked_readable_by_key`].
    pub(super) fn locked_by_key(context: &mut OperationContext<'_>, key: &str) -> Result<Self, VaultError> {
        let (row, device) = resolve::locked_readable_by_key(context, key)?;
        Self::load(context, row, device)
    }

    /// Takes the credential that a single statement found, without a lock. Returns `None` where that is not enough: for an SSH key
    /// and for a credential with a parent.
    ///
    /// # Errors
    /// [`VaultError::Inactive`]; [`VaultError::Seal`] for a password that was modified outside the vault.
    pub(super) fn at_once(
        context: &mut OperationContext<'_>,
        found: FoundCredential,
    ) -> Result<Option<Self>, VaultError> {
        let Some(SeenCredential { row, device, custody, password }) = seen_credential(context, found) else {
            return Ok(None);
        };
        if row.parent_id.is_some() || !resolve::is_password(&row) {
            return Ok(None);
        }
        context.found(Subject::Credential(row.id));
        if !(row.active && device.active) {
            return Err(VaultError::Inactive(Switchable::Credential));
        }
        let password = secrets::current_of(context, SecretOwner::Password(row.id), password)?;
        Ok(Some(Self { row, device, custody, password }))
    }

    /// Requires a password of which no newer one may be in force, if that is asked for.
    ///
    /// # Errors
    /// [`VaultError::BeingChanged`].
    pub(super) fn in_force(self, is_required: bool) -> Result<Self, VaultError> {
        let is_doubted = self.password.as_ref().is_some_and(Sealed::is_doubted);
        if is_required && is_doubted { Err(VaultError::BeingChanged) } else { Ok(self) }
    }

    /// Loads the rest for a credential that was looked up.
    pub(super) fn load(
        context: &mut OperationContext<'_>,
        row: Visible<CredentialRow>,
        device: DeviceRow,
    ) -> Result<Self, VaultError> {
        let custody = custody::find(context, &row)?;
        let password = parent::shared_password(context, &row)?;
        Ok(Self { row, device, custody, password })
    }
}
