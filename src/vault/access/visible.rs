//! Proof that an object is visible to the principal (contract, section 3.3). Operations take the proof, never an id from a
//! request.

use std::ops::Deref;

use crate::store::credential::CredentialRow;
use crate::store::device::DeviceRow;
use crate::store::entry::EntryRow;
use crate::store::id::{AuthorizationId, CredentialId, DeviceId, InformationId};
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
    let sees = sees_credential(context, row.id, row.device_id)?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// Does the work of [`visible_credential`] for no credential, so that one that does not exist takes as long as one that the
/// principal does not see.
pub(in crate::vault) fn check_no_credential(context: &mut OperationContext<'_>) -> Result<(), VaultError> {
    sees_credential(context, CredentialId::new(0), DeviceId::new(0)).map(drop)
}

fn sees_credential(context: &mut OperationContext<'_>, id: CredentialId, device: DeviceId) -> Result<bool, VaultError> {
    asks(context, |context, authorization| visibility::sees_credential(context.connection(), authorization, id, device))
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
    let sees = sees_information(context, row.id)?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// As [`check_no_credential`], for a protected-information record.
pub(in crate::vault) fn check_no_information(context: &mut OperationContext<'_>) -> Result<(), VaultError> {
    sees_information(context, InformationId::new(0)).map(drop)
}

fn sees_information(context: &mut OperationContext<'_>, id: InformationId) -> Result<bool, VaultError> {
    asks(context, |context, authorization| visibility::sees_information(context.connection(), authorization, id))
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
