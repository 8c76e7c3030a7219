//! The table of links: the objects that an authorization sees.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::connection::on_engine;
use super::id::{AuthorizationId, CredentialId, DeviceId, EntryId, InformationId, TagId};
use super::lookup;
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

/// Deletes all links of an object.
pub fn delete_all(connection: &mut AnyConnection, object: LinkedObject) -> Result<(), StoreError> {
    let (kind, id) = object.columns();
    let links = authorization_link::table
        .filter(authorization_link::object_kind.eq(kind))
        .filter(authorization_link::object_id.eq(id));
    diesel::delete(links).execute(connection)?;
    Ok(())
}

/// Returns the authorizations that a tag is linked to, by its name, ignoring case.
pub fn holders_of_tag(connection: &mut AnyConnection, tag: &str) -> Result<Vec<AuthorizationId>, StoreError> {
    let Some(tag) = lookup::find_tag(connection, tag)? else { return Ok(Vec::new()) };
    let (kind, id) = LinkedObject::Tag(tag).columns();
    Ok(authorization_link::table
        .filter(authorization_link::object_kind.eq(kind))
        .filter(authorization_link::object_id.eq(id))
        .select(authorization_link::authorization_id)
        .load(connection)?)
}
