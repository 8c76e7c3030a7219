//! What belongs to an SSH key beside its row in the table of credentials: its name, its public key, its further
//! devices.

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::{CredentialId, DeviceId};
use super::schema::{device, ssh_key, ssh_key_device};
use super::{AnyConnection, StoreError};

/// The part of an SSH key that is not in its credential.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct SshKeyRow {
    pub credential_id: CredentialId,
    pub key_name: String,
    pub public_key: String,
}

/// What may be written of it; `None` leaves a column as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = ssh_key)]
#[expect(missing_docs, reason = "columns")]
pub struct SshKeyChanges {
    pub key_name: Option<String>,
    pub public_key: Option<String>,
}

/// The SSH key of a credential.
pub fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<SshKeyRow>, StoreError> {
    Ok(ssh_key::table.find(credential).first(connection).optional()?)
}

/// Keeps a new SSH key. Columns without a value are empty.
pub fn insert(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &SshKeyChanges,
) -> Result<(), StoreError> {
    diesel::insert_into(ssh_key::table)
        .values((
            ssh_key::credential_id.eq(credential),
            ssh_key::key_name.eq(changes.key_name.clone().unwrap_or_default()),
            ssh_key::public_key.eq(changes.public_key.clone().unwrap_or_default()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Writes the columns that have a value; one at least has to.
pub fn update(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &SshKeyChanges,
) -> Result<(), StoreError> {
    diesel::update(ssh_key::table.find(credential)).set(changes).execute(connection)?;
    Ok(())
}

/// The further devices of a key: hostname and address, oldest device first.
pub fn devices(connection: &mut AnyConnection, credential: CredentialId) -> Result<Vec<(String, String)>, StoreError> {
    Ok(ssh_key_device::table
        .inner_join(device::table)
        .filter(ssh_key_device::credential_id.eq(credential))
        .order(device::id)
        .select((device::hostname, device::ip))
        .load(connection)?)
}

/// Puts `devices` in the place of the further devices that the key had.
pub fn replace_devices(
    connection: &mut AnyConnection,
    credential: CredentialId,
    devices: &[DeviceId],
) -> Result<(), StoreError> {
    diesel::delete(ssh_key_device::table.filter(ssh_key_device::credential_id.eq(credential))).execute(connection)?;
    for device in devices {
        diesel::insert_into(ssh_key_device::table)
            .values((ssh_key_device::credential_id.eq(credential), ssh_key_device::device_id.eq(device)))
            .execute(connection)?;
    }
    Ok(())
}
