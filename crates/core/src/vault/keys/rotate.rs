//! A new data key: the key of all new values from its commit on, while a background job moves the older values to it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{LOCK, VALUES};
use crate::clock::{from_micros, to_micros};
use crate::crypto::{DataKey, SealError};
use crate::store::id::DataKeyId;
use crate::store::key;
use crate::store::lock::lock_name;
use crate::store::{AnyConnection, StoreError, job, meta, reseal};
use crate::vault::jobs::JobKind;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Vault, VaultError};

/// A rotation of the data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotatedDataKey {
    /// The id of the former key.
    pub former: i32,
    /// The id of the key that is current now.
    pub current: i32,
    /// The number of rows whose values will be re-sealed.
    pub values: i64,
}

impl Vault {
    /// Generates a data key and makes it the current one: this node seals under it when this returns, the others within a
    /// second. Queues the job that re-seals what is under the former keys, and then deletes these.
    ///
    /// # Errors
    /// [`VaultError::Store`]; [`VaultError::Seal`] when this node does not have the root key of the database.
    pub async fn rotate_data_key(&self, permit: Permit) -> Result<RotatedDataKey, VaultError> {
        let values = self.0.store.read(count_values).await?;
        self.execute_and_refresh(permit, move |context| rotate(context, values)).await
    }

    /// Whether a data key that was created at `created_at` is older than the settings allow.
    pub(super) fn is_old(&self, created_at: i64) -> bool {
        let days = self.0.settings.keys.rotate_after_days;
        days > 0 && self.now() - from_micros(created_at) > TimeDelta::days(i64::from(days))
    }

    /// The age of the current data key.
    pub fn data_key_age(&self) -> TimeDelta {
        let created_at: DateTime<Utc> = from_micros(self.0.data_keys.created_at());
        self.now() - created_at
    }
}

/// Counts the rows under every data key.
fn count_values(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let mut values = 0;
    for row in key::data_keys(connection)? {
        values += reseal::count_under(connection, row.id)?;
    }
    Ok(values)
}

/// Replaces the current data key, in one transaction with the change mark and the due time of the job.
fn rotate(context: &mut OperationContext<'_>, values: i64) -> Result<Done<RotatedDataKey>, VaultError> {
    let now = context.micros();
    lock_name(context.connection(), LOCK)?;
    let check = meta::root_key_check(context.connection())?.ok_or(SealError)?;
    let root_key = context.vault.data_keys.root_key_of(&check).ok_or(SealError)?;
    let connection = context.connection();
    let rows = key::data_keys_for(connection, VALUES)?;
    let former = rows.iter().find(|row| row.is_current()).ok_or(SealError)?.id;
    key::retire_data_key(connection, VALUES, now)?;
    let wrap = |id: DataKeyId| Ok::<_, VaultError>(root_key.wrap((VALUES, id.get()), &DataKey::generate())?);
    let current = key::insert_data_key(connection, VALUES, wrap, now)?;
    job::hasten(connection, JobKind::MaintainKeys.as_str(), "", now)?;
    meta::increment_change_mark(connection)?;
    context.found(Subject::DataKey(current));
    let rotated = RotatedDataKey { former: former.get(), current: current.get(), values };
    Ok(Done::several(format!("data-key:{current} replaces data-key:{former}, values: {values}"), rotated))
}

/// The earliest time at which a retired key may be deleted: by then every serving node has noticed that another key is current,
/// since a node that cannot check for changes refuses requests after three seconds.
pub(super) fn earliest_deletion(current_created_at: i64) -> i64 {
    to_micros(from_micros(current_created_at) + TimeDelta::seconds(5))
}
