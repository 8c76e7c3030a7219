//! The time of the last change of a credential or an SSH key. A save moves it if anything has another value than before: clients
//! send their whole inventory every night.
//!
//! The time is that of the row, or that of the head of the password or private key (`store/list.rs`), which the vault changes on targets
//! too.

use crate::crypto::SecretText;
use crate::store::credential;
use crate::store::id::CredentialId;
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};

/// The time in the row of a credential or an SSH key, during a save that writes other tables too.
pub(in crate::vault) struct ChangeTime {
    id: CredentialId,
    is_moved: bool,
}

impl ChangeTime {
    /// Begins with the row. `is_moved`: the save has inserted it, or has updated it with its time.
    pub(in crate::vault) fn new(id: CredentialId, is_moved: bool) -> Self {
        Self { id, is_moved }
    }

    /// Moves the time if something in another table was changed, unless it has moved already.
    pub(in crate::vault) fn move_if(
        &mut self,
        context: &mut OperationContext<'_>,
        is_changed: bool,
    ) -> Result<(), VaultError> {
        if is_changed && !self.is_moved {
            let now = context.micros();
            credential::set_changed(context.connection(), self.id, now)?;
            self.is_moved = true;
        }
        Ok(())
    }

    /// Stores a secret, and moves the time if it is another value than the current one.
    pub(in crate::vault) fn store_secret(
        &mut self,
        context: &mut OperationContext<'_>,
        owner: SecretOwner,
        value: &SecretText,
    ) -> Result<(), VaultError> {
        if !self.is_moved && secrets::is_current(context, owner, value)? {
            return Ok(());
        }
        secrets::store(context, owner, value)?;
        self.move_if(context, true)
    }
}
