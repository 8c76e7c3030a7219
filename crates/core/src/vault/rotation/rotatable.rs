//! The credentials and SSH keys that requests name.

use crate::store::credential::{CredentialKind, CredentialRow};
use crate::vault::access::Visible;
use crate::vault::credential::{resolve, resolve_for_change};
use crate::vault::operation::OperationContext;
use crate::vault::{Switchable, VaultError};

/// The kind of what a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotatable {
    /// A credential, by its id, identifier or `username@hostname`.
    Credential,
    /// An SSH key, by its id or identifier.
    SshKey,
    /// Either: an SSH key if no credential has the name.
    Any,
}

impl Rotatable {
    fn kind(self, context: &mut OperationContext<'_>, key: &str) -> Result<CredentialKind, VaultError> {
        match self {
            Self::Credential => Ok(CredentialKind::Password),
            Self::SshKey => Ok(CredentialKind::SshKey),
            Self::Any => resolve::kind_named(context, key),
        }
    }

    /// Resolves a key in a path, of an active object or not.
    pub(super) fn resolve(
        self,
        context: &mut OperationContext<'_>,
        key: &str,
    ) -> Result<Visible<CredentialRow>, VaultError> {
        let kind = self.kind(context, key)?;
        resolve::by_key(context, key, kind)
    }

    /// Resolves a key to an active object on an active device.
    pub(super) fn readable(
        self,
        context: &mut OperationContext<'_>,
        key: &str,
    ) -> Result<Visible<CredentialRow>, VaultError> {
        let row = self.resolve(context, key)?;
        require_readable(context, row)
    }

    /// As [`Rotatable::readable`], on the locked row.
    pub(super) fn locked(
        self,
        context: &mut OperationContext<'_>,
        key: &str,
    ) -> Result<Visible<CredentialRow>, VaultError> {
        let row = self.resolve(context, key)?;
        let row = resolve::locked(context, row)?;
        require_readable(context, row)
    }

    /// As [`Rotatable::locked`], after the preconditions of a change were checked.
    pub(super) fn for_change(
        self,
        context: &mut OperationContext<'_>,
        key: &str,
    ) -> Result<Visible<CredentialRow>, VaultError> {
        let row = self.for_decision(context, key)?;
        require_readable(context, row)
    }

    /// As [`Rotatable::for_change`], of an active object or not: an account has to be removed from a target that is not in use any more.
    pub(super) fn for_decision(
        self,
        context: &mut OperationContext<'_>,
        key: &str,
    ) -> Result<Visible<CredentialRow>, VaultError> {
        let kind = self.kind(context, key)?;
        resolve_for_change(context, key, kind)
    }
}

/// Requires an active object on an active device.
pub(super) fn require_readable(
    context: &mut OperationContext<'_>,
    row: Visible<CredentialRow>,
) -> Result<Visible<CredentialRow>, VaultError> {
    let noun = match row.kind() {
        CredentialKind::Password => Switchable::Credential,
        CredentialKind::SshKey => Switchable::SshKey,
    };
    Ok(resolve::readable(context, row, noun)?.0)
}
