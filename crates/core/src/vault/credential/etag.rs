//! The ETag of a credential: over its row, its device, its parent and the version of its password.

use serde::Serialize;

use super::{parent, resolve};
use crate::store::credential::{self, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::id::CredentialId;
use crate::vault::access::visible_credential;
use crate::vault::operation::{ETag, OperationContext};
use crate::vault::secrets::Sealed;
use crate::vault::{VaultError, device as devices};

/// The label of a credential's ETag.
const LABEL: &str = "credential";

/// The columns of a credential or SSH key that ETags cover: all but the times of its last change and view.
pub(in crate::vault) fn columns(row: &CredentialRow) -> impl Serialize {
    let CredentialRow {
        id,
        kind,
        device_id,
        username,
        identifier,
        credential_type,
        additional,
        tags,
        parent_id,
        session_settings,
        additional_settings,
        domain,
        active,
        changed_at: _,
        viewed_at: _,
        exclusive_custody,
    } = row;
    let names = (username, identifier, credential_type, additional, tags, domain);
    (id, kind, device_id, names, parent_id, session_settings, additional_settings, active, exclusive_custody)
}

/// The data of a credential beside its row and its device, with the ETag of the whole.
pub(super) struct State {
    /// The id and username of the parent, if the principal sees it.
    pub(super) parent: Option<(CredentialId, String)>,
    pub(super) etag: ETag,
}

/// Reads the state of a credential with this password.
pub(super) fn state(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
    device: &DeviceRow,
    password: Option<&Sealed>,
) -> Result<State, VaultError> {
    let parent = match row.parent_id {
        Some(id) => credential::by_id(context.connection(), id)?,
        None => None,
    };
    let parent = parent.map(|parent| visible_credential(context, parent)).transpose()?.flatten();
    let parent = parent.map(|parent| (parent.id, parent.into_inner().username));
    let password = password.map(Sealed::binding);
    let etag = context.etag(LABEL, &(columns(row), devices::columns(device), &parent, password));
    Ok(State { parent, etag })
}

/// Computes the ETag of a credential and locks its row.
pub(in crate::vault) fn locked_etag(
    context: &mut OperationContext<'_>,
    id: CredentialId,
) -> Result<Option<ETag>, VaultError> {
    let Some(row) = credential::locked(context.connection(), id)? else { return Ok(None) };
    let Some(device) = resolve::device_of(context, &row)? else { return Ok(None) };
    let password = parent::shared_password(context, &row)?;
    Ok(Some(state(context, &row, &device, password.as_ref())?.etag))
}
