//! What is linked to an authorization, and so visible to it.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::connection::on_engine;
use super::schema::authorization_link;
use super::{AnyConnection, StoreError};

/// The kinds of object that an authorization can be linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LinkedKind {
    Device,
    Credential,
    Information,
    /// A tag, by its number among the lookup values: everything that bears it.
    Tag,
    Entry,
}

impl LinkedKind {
    /// The name under which the kind is stored.
    pub(super) fn name(self) -> &'static str {
        match self {
            LinkedKind::Device => "device",
            LinkedKind::Credential => "credential",
            LinkedKind::Information => "information",
            LinkedKind::Tag => "tag",
            LinkedKind::Entry => "entry",
        }
    }
}

/// Whether the object itself is linked.
pub fn exists(
    connection: &mut AnyConnection,
    authorization: i32,
    kind: LinkedKind,
    object: i32,
) -> Result<bool, StoreError> {
    let link = authorization_link::table.find((authorization, kind.name(), object));
    let link = link.select(authorization_link::object_id);
    let found: Option<i32> = on_engine!(connection, c => link.get_result(c)).optional()?;
    Ok(found.is_some())
}

/// Takes the link away. Tells whether it was there.
pub fn delete(
    connection: &mut AnyConnection,
    authorization: i32,
    kind: LinkedKind,
    object: i32,
) -> Result<bool, StoreError> {
    let link = authorization_link::table.find((authorization, kind.name(), object));
    Ok(diesel::delete(link).execute(connection)? > 0)
}

/// Links the object; a link that is there already is left as it is.
pub fn insert(
    connection: &mut AnyConnection,
    authorization: i32,
    kind: LinkedKind,
    object: i32,
) -> Result<(), StoreError> {
    if exists(connection, authorization, kind, object)? {
        return Ok(());
    }
    diesel::insert_into(authorization_link::table)
        .values((
            authorization_link::authorization_id.eq(authorization),
            authorization_link::object_kind.eq(kind.name()),
            authorization_link::object_id.eq(object),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes the object from everyone that it was linked to.
pub fn delete_all(connection: &mut AnyConnection, kind: LinkedKind, object: i32) -> Result<(), StoreError> {
    let links = authorization_link::table
        .filter(authorization_link::object_kind.eq(kind.name()))
        .filter(authorization_link::object_id.eq(object));
    diesel::delete(links).execute(connection)?;
    Ok(())
}
