//! Tables of SSH keys: name, public key and further devices. The rest of an SSH key is in the table of credentials.

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::changes::changed;
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

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = ssh_key)]
#[expect(missing_docs, reason = "columns")]
pub struct SshKeyChanges {
    pub key_name: Option<String>,
    pub public_key: Option<String>,
}

impl SshKeyChanges {
    /// Leaves out the columns that have the value already.
    fn without_unchanged(self, row: &SshKeyRow) -> Self {
        Self { key_name: changed(self.key_name, &row.key_name), public_key: changed(self.public_key, &row.public_key) }
    }
}

/// Returns the SSH key of a credential.
pub fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<SshKeyRow>, StoreError> {
    Ok(ssh_key::table.find(credential).first(connection).optional()?)
}

/// Inserts an SSH key. Columns without a value are empty.
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

/// Updates the columns that have another value than before. Returns whether there are any.
pub fn update(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &SshKeyChanges,
) -> Result<bool, StoreError> {
    let row = find(connection, credential)?.ok_or(StoreError::NotFound)?;
    let changes = changes.clone().without_unchanged(&row);
    if changes == SshKeyChanges::default() {
        return Ok(false);
    }
    diesel::update(ssh_key::table.find(credential)).set(&changes).execute(connection)?;
    Ok(true)
}

/// Returns the further devices of a key: hostname and address, oldest device first.
pub fn devices(connection: &mut AnyConnection, credential: CredentialId) -> Result<Vec<(String, String)>, StoreError> {
    Ok(ssh_key_device::table
        .inner_join(device::table)
        .filter(ssh_key_device::credential_id.eq(credential))
        .order(device::id)
        .select((device::hostname, device::ip))
        .load(connection)?)
}

/// Replaces the further devices of a key by `devices`. Returns whether they are others than before.
pub fn replace_devices(
    connection: &mut AnyConnection,
    credential: CredentialId,
    devices: &[DeviceId],
) -> Result<bool, StoreError> {
    let stored = ssh_key_device::table.filter(ssh_key_device::credential_id.eq(credential));
    let stored: Vec<DeviceId> = stored.select(ssh_key_device::device_id).load(connection)?;
    if stored.len() == devices.len() && devices.iter().all(|device| stored.contains(device)) {
        return Ok(false);
    }
    diesel::delete(ssh_key_device::table.filter(ssh_key_device::credential_id.eq(credential))).execute(connection)?;
    for device in devices {
        diesel::insert_into(ssh_key_device::table)
            .values((ssh_key_device::credential_id.eq(credential), ssh_key_device::device_id.eq(device)))
            .execute(connection)?;
    }
    Ok(true)
}
