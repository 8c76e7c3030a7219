//! Table of the identities that targets have to present.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::DeviceId;
use super::schema::target_identity;
use super::{AnyConnection, StoreError};

/// Returns the pinned identity of a service of a device.
pub fn find(connection: &mut AnyConnection, device: DeviceId, service: &str) -> Result<Option<String>, StoreError> {
    let pinned = target_identity::table.find((device, service)).select(target_identity::identity);
    Ok(pinned.first(connection).optional()?)
}

/// Pins an identity in place of the former one.
pub fn pin(
    connection: &mut AnyConnection,
    device: DeviceId,
    service: &str,
    identity: &str,
    now: i64,
) -> Result<(), StoreError> {
    diesel::delete(target_identity::table.find((device, service))).execute(connection)?;
    diesel::insert_into(target_identity::table)
        .values((
            target_identity::device_id.eq(device),
            target_identity::service.eq(service),
            target_identity::identity.eq(identity),
            target_identity::pinned_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}
