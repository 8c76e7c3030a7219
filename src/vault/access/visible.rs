//! Proof that an object is visible to the principal (contract, section 3.3). Operations take the proof, never an id from a
//! request.

use std::ops::Deref;

use crate::store::credential::CredentialRow;
use crate::store::device::DeviceRow;
use crate::store::entry::EntryRow;
use crate::store::id::AuthorizationId;
use crate::store::information::InformationRow;
use crate::store::link::{self, LinkedObject};
use crate::store::visibility;
use crate::vault::VaultError;
use crate::vault::operation::{OperationContext, Principal};

/// An object that is visible to the principal. Created only by the functions of this module.
#[derive(Clone, Debug)]
pub(in crate::vault) struct Visible<T>(T);

impl<T> Visible<T> {
    /// Returns the object, for a response.
    pub(in crate::vault) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Visible<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Runs `sees` for a client. The operator and the system see everything, an account nothing.
fn asks(
    context: &mut OperationContext<'_>,
    sees: impl FnOnce(&mut OperationContext<'_>, AuthorizationId) -> Result<bool, crate::store::StoreError>,
) -> Result<bool, VaultError> {
    match context.principal() {
        Principal::Operator | Principal::System => Ok(true),
        Principal::Account(_) => Ok(false),
        Principal::Client(client) => {
            let authorization = client.id;
            Ok(sees(context, authorization)?)
        }
    }
}

/// Returns the credential or SSH key if the principal sees it.
pub(in crate::vault) fn visible_credential(
    context: &mut OperationContext<'_>,
    row: CredentialRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    let sees =
        asks(context, |context, authorization| visibility::sees_credential(context.connection(), authorization, &row))?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// Returns the device if the principal sees it.
pub(in crate::vault) fn visible_device(
    context: &mut OperationContext<'_>,
    row: DeviceRow,
) -> Result<Option<Visible<DeviceRow>>, VaultError> {
    let sees =
        asks(context, |context, authorization| visibility::sees_device(context.connection(), authorization, row.id))?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// Returns the protected-information record if the principal sees it.
pub(in crate::vault) fn visible_information(
    context: &mut OperationContext<'_>,
    row: InformationRow,
) -> Result<Option<Visible<InformationRow>>, VaultError> {
    let sees = asks(context, |context, authorization| {
        visibility::sees_information(context.connection(), authorization, row.id)
    })?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// Returns the entry of a local provider if it is linked to the principal.
pub(in crate::vault) fn visible_entry(
    context: &mut OperationContext<'_>,
    row: EntryRow,
) -> Result<Option<Visible<EntryRow>>, VaultError> {
    let sees = asks(context, |context, authorization| {
        link::exists(context.connection(), authorization, LinkedObject::Entry(row.id))
    })?;
    Ok(if sees { Some(Visible(row)) } else { None })
}
