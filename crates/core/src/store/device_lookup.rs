//! The lookup of devices by a key in a path, with what an authorization sees of them, in one query. On PostgreSQL each query is a
//! round trip.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};

use super::connection::{BindValue, load_with_cached_sql};
use super::device::DeviceRow;
use super::id::{AuthorizationId, DeviceId};
use super::schema::device;
use super::visibility::{one_device_is_seen, values_of_one_device};
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

/// Returns the devices with this id, and with this hostname, ignoring case; each with whether the authorization sees it.
pub fn by_id_or_hostname(
    connection: &mut AnyConnection,
    id: Option<DeviceId>,
    hostname: &str,
    authorization: AuthorizationId,
) -> Result<Vec<(DeviceRow, bool)>, StoreError> {
    let hostname = case_folded(hostname);
    let name = BindValue::Text(&hostname);
    let named = device::hostname_key.eq(&hostname);
    macro_rules! rows {
        ($filter:expr, $($value:expr),+) => {{
            let mut values = values_of_one_device(authorization).to_vec();
            values.extend([$($value),+]);
            load_with_cached_sql!(
                connection,
                device::table.filter($filter).select((DeviceRow::as_select(), one_device_is_seen(authorization))),
                values
            )
        }};
    }
    Ok(match id {
        None => rows!(named, name)?,
        Some(id) => rows!(device::id.eq(id).or(named), BindValue::Device(id), name)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::device::{self as devices, DeviceChanges};
    use crate::store::link::{self, LinkedObject};
    use crate::store::lookup;
    use crate::store::tests::{insert_client, on_each_engine};

    #[test]
    fn a_key_finds_by_id_and_hostname_and_says_what_is_seen() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let authorization = insert_client(connection);
            let mut insert = |hostname: &str, tags: &str| {
                let changes = DeviceChanges { tags: Some(tags.into()), ..DeviceChanges::default() };
                devices::insert(connection, hostname, &changes, 0).unwrap().id
            };
            let (linked, tagged) = (insert("Linked", ""), insert("Tagged", "site"));
            let unseen = insert(&linked.to_string(), "");
            link::insert(connection, authorization, LinkedObject::Device(linked)).unwrap();
            let tag = lookup::find_tag(connection, "site").unwrap().unwrap();
            link::insert(connection, authorization, LinkedObject::Tag(tag)).unwrap();

            let mut find = |id: Option<DeviceId>, hostname: &str| {
                let found = by_id_or_hostname(connection, id, hostname, authorization).unwrap();
                let mut found: Vec<_> = found.into_iter().map(|(row, is_seen)| (row.id, is_seen)).collect();
                found.sort_unstable();
                found
            };
            assert_eq!(find(None, "LINKED"), [(linked, true)]);
            assert_eq!(find(None, "tagged"), [(tagged, true)]);
            assert_eq!(find(None, "other"), []);
            assert_eq!(find(Some(tagged), &tagged.to_string()), [(tagged, true)]);
            // A device whose hostname is the id of another one.
            assert_eq!(find(Some(linked), &linked.to_string()), [(linked, true), (unseen, false)]);
            assert_eq!(find(Some(DeviceId::new(-1)), "linked"), [(linked, true)]);
        });
    }
}
