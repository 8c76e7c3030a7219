//! The table of taggings: the tags of each object.
//!
//! The row of an object has the text for display; this table is for searching. [`super::credential`] and
//! [`super::device`] update it whenever they write the text.

use std::collections::HashSet;

use diesel::dsl::{auto_type, exists};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

use super::connection::on_engine;
use super::id::{CredentialId, DeviceId, TagId};
use super::lookup;
use super::schema::{credential, device, tagging};
use super::{AnyConnection, StoreError};
use crate::text::comma_separated;

/// The kinds of objects that have tags. An SSH key is a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TaggedKind {
    Device,
    Credential,
}

impl TaggedKind {
    /// Returns the kind, as stored.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            TaggedKind::Device => "device",
            TaggedKind::Credential => "credential",
        }
    }
}

/// An object that can have tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TaggedObject {
    Device(DeviceId),
    Credential(CredentialId),
}

impl TaggedObject {
    /// Returns the kind and the id, as stored.
    pub(super) fn columns(self) -> (&'static str, i32) {
        match self {
            TaggedObject::Device(id) => (TaggedKind::Device.as_str(), id.get()),
            TaggedObject::Credential(id) => (TaggedKind::Credential.as_str(), id.get()),
        }
    }
}

/// Replaces the tags of an object by `tags`, a comma-separated list.
pub(super) fn index(connection: &mut AnyConnection, object: TaggedObject, tags: &str) -> Result<(), StoreError> {
    let wanted = registered(connection, tags)?;
    let (kind, id) = object.columns();
    let borne = tagging::table.filter(tagging::object_kind.eq(kind)).filter(tagging::object_id.eq(id));
    let before: HashSet<TagId> = borne.select(tagging::tag_id).load(connection)?.into_iter().collect();
    for tag in before.difference(&wanted) {
        diesel::delete(tagging::table.find((kind, id, *tag))).execute(connection)?;
    }
    wanted.difference(&before).try_for_each(|tag| insert(connection, object, *tag))
}

/// As [`index`], for an object that is new.
pub(super) fn index_new(connection: &mut AnyConnection, object: TaggedObject, tags: &str) -> Result<(), StoreError> {
    registered(connection, tags)?.into_iter().try_for_each(|tag| insert(connection, object, tag))
}

/// Returns the ids of the tags in a list. Inserts those that are new.
fn registered(connection: &mut AnyConnection, tags: &str) -> Result<HashSet<TagId>, StoreError> {
    comma_separated(tags).map(|tag| lookup::register_tag(connection, tag)).collect()
}

fn insert(connection: &mut AnyConnection, object: TaggedObject, tag: TagId) -> Result<(), StoreError> {
    let (kind, id) = object.columns();
    let insert = diesel::insert_into(tagging::table).values((
        tagging::object_kind.eq(kind),
        tagging::object_id.eq(id),
        tagging::tag_id.eq(tag),
    ));
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Whether at most `bound` objects of a kind have the tag.
pub(super) fn has_at_most(
    connection: &mut AnyConnection,
    tag: TagId,
    kind: TaggedKind,
    bound: i64,
) -> Result<bool, StoreError> {
    let beyond: Vec<i32> = objects_with(tag, kind.as_str()).limit(1).offset(bound).load(connection)?;
    Ok(beyond.is_empty())
}

/// Selects the ids of the objects of a kind that have the tag.
#[auto_type]
pub(super) fn objects_with(tag: TagId, kind: &'static str) -> _ {
    tagging::table.filter(tagging::tag_id.eq(tag)).filter(tagging::object_kind.eq(kind)).select(tagging::object_id)
}

/// Whether the credential of this row has the tag.
#[auto_type]
pub(super) fn credential_has(tag: TagId) -> _ {
    let taggings: objects_with = objects_with(tag, "credential");
    exists(taggings.filter(tagging::object_id.eq(credential::id)))
}

/// Whether the device of this row has the tag.
#[auto_type]
pub(super) fn device_has(tag: TagId) -> _ {
    let taggings: objects_with = objects_with(tag, "device");
    exists(taggings.filter(tagging::object_id.eq(device::id)))
}
