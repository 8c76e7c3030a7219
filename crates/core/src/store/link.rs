//! The table of links: the objects that an authorization sees.

use diesel::dsl::auto_type;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::connection::{Literal, LiteralText, on_engine};
use super::id::{AuthorizationId, CredentialId, DeviceId, EntryId, InformationId, TagId};
use super::schema::{authorization_link, credential};
use super::{AnyConnection, StoreError};

/// The stored name of the kind `Credential`.
const CREDENTIAL: &str = "credential";

/// An object that an authorization can be linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LinkedObject {
    Device(DeviceId),
    Credential(CredentialId),
    Information(InformationId),
    /// A tag: every object that has it.
    Tag(TagId),
    Entry(EntryId),
}

impl LinkedObject {
    /// Returns the kind and the id, as stored.
    fn columns(self) -> (&'static str, i32) {
        match self {
            LinkedObject::Device(id) => ("device", id.get()),
            LinkedObject::Credential(id) => (CREDENTIAL, id.get()),
            LinkedObject::Information(id) => ("information", id.get()),
            LinkedObject::Tag(id) => ("tag", id.get()),
            LinkedObject::Entry(id) => ("entry", id.get()),
        }
    }
}

/// Whether the object itself is linked.
pub fn exists(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    object: LinkedObject,
) -> Result<bool, StoreError> {
    let (kind, id) = object.columns();
    let link = authorization_link::table.find((authorization, kind, id));
    let link = link.select(authorization_link::object_id);
    let found: Option<i32> = on_engine!(connection, c => link.get_result(c)).optional()?;
    Ok(found.is_some())
}

/// Deletes a link. Returns whether it existed.
pub fn delete(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    object: LinkedObject,
) -> Result<bool, StoreError> {
    let (kind, id) = object.columns();
    let link = authorization_link::table.find((authorization, kind, id));
    Ok(diesel::delete(link).execute(connection)? > 0)
}

/// Inserts a link, unless it exists.
pub fn insert(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    object: LinkedObject,
) -> Result<(), StoreError> {
    let (kind, id) = object.columns();
    let insert = diesel::insert_into(authorization_link::table)
        .values((
            authorization_link::authorization_id.eq(authorization),
            authorization_link::object_kind.eq(kind),
            authorization_link::object_id.eq(id),
        ))
        .on_conflict_do_nothing();
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Moves the link of an object from one authorization to another. Returns whether `from` had it.
pub fn transfer(
    connection: &mut AnyConnection,
    from: AuthorizationId,
    to: AuthorizationId,
    object: LinkedObject,
) -> Result<bool, StoreError> {
    if !delete(connection, from, object)? {
        return Ok(false);
    }
    insert(connection, to, object)?;
    Ok(true)
}

/// Returns the ids of the credentials of a device that are linked to the authorization one by one.
pub fn credentials_of_device(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    device: DeviceId,
) -> Result<Vec<CredentialId>, StoreError> {
    let of_device = credential::table.filter(credential::device_id.eq(device)).select(credential::id);
    Ok(authorization_link::table
        .filter(authorization_link::authorization_id.eq(authorization))
        .filter(authorization_link::object_kind.eq(CREDENTIAL))
        .filter(authorization_link::object_id.eq_any(of_device))
        .select(authorization_link::object_id)
        .load(connection)?)
}

/// Deletes all links of an entry.
pub fn delete_all_of_entry(connection: &mut AnyConnection, entry: EntryId) -> Result<(), StoreError> {
    diesel::delete(of_entry(entry)).execute(connection)?;
    Ok(())
}

/// Selects the links of an entry. Their kind is in the text, as the index of these links needs it.
#[auto_type]
fn of_entry(id: EntryId) -> _ {
    let kind: Literal<OfEntry> = Literal::new();
    authorization_link::table
        .filter(authorization_link::object_kind.eq(kind))
        .filter(authorization_link::object_id.eq(id))
}

/// The kind of entries in the text of queries.
struct OfEntry;

impl LiteralText for OfEntry {
    const TEXT: &'static str = "entry";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{
        insert_client, keep_without_statistics, link_all, on_each_engine, rows_read, sqlite_plan,
    };

    #[test]
    fn the_links_of_an_entry_are_found_among_those_of_many_credentials() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            connection.plan_once().unwrap();
            if connection.is_remote() {
                keep_without_statistics(connection);
            }
            let authorization = insert_client(connection);
            link_all(connection, "credential", 1..=3000);
            let entry = EntryId::new(7);
            insert(connection, authorization, LinkedObject::Entry(entry)).unwrap();
            if let AnyConnection::Sqlite(c) = connection {
                let plan = sqlite_plan(c, &diesel::delete(of_entry(entry)));
                assert!(plan.iter().all(|step| step.contains("INDEX authorization_link_object")), "{plan:?}");
                delete_all_of_entry(connection, entry).unwrap();
            } else {
                let read = rows_read(connection, |connection| delete_all_of_entry(connection, entry).unwrap());
                assert!((1..10).contains(&read), "{read} rows");
            }
            assert_eq!(exists(connection, authorization, LinkedObject::Entry(entry)), Ok(false));
        });
    }
}
