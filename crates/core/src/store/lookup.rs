//! The table of lookup values: device types, vendors, models, sites, credential types and tags.
//!
//! A value is inserted on first use, compared ignoring case, and stored in its first spelling, which other tables
//! repeat.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use super::connection::on_engine;
use super::id::{LookupId, TagId};
use super::schema::lookup;
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

/// The kind of a lookup value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LookupKind {
    CredentialType,
    DeviceType,
    Vendor,
    Model,
    Site,
    InformationType,
    Tag,
}

impl LookupKind {
    fn as_str(self) -> &'static str {
        match self {
            LookupKind::CredentialType => "credential_type",
            LookupKind::DeviceType => "device_type",
            LookupKind::Vendor => "vendor",
            LookupKind::Model => "model",
            LookupKind::Site => "site",
            LookupKind::InformationType => "information_type",
            LookupKind::Tag => "tag",
        }
    }
}

/// A lookup value.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = lookup)]
pub struct LookupValue {
    /// The id.
    pub id: LookupId,
    /// The first spelling.
    pub name: String,
}

/// Returns the value with this name, or `None` when it was never used.
pub fn find(connection: &mut AnyConnection, kind: LookupKind, name: &str) -> Result<Option<LookupValue>, StoreError> {
    let named = lookup::table.filter(lookup::kind.eq(kind.as_str())).filter(lookup::name_key.eq(case_folded(name)));
    Ok(on_engine!(connection, c => named.select(LookupValue::as_select()).get_result(c)).optional()?)
}

/// Returns the value with this name; inserts it in this spelling when it is new.
pub fn register(connection: &mut AnyConnection, kind: LookupKind, name: &str) -> Result<LookupValue, StoreError> {
    if let Some(known) = find(connection, kind, name)? {
        return Ok(known);
    }
    Ok(diesel::insert_into(lookup::table)
        .values((lookup::kind.eq(kind.as_str()), lookup::name.eq(name), lookup::name_key.eq(case_folded(name))))
        .returning((lookup::id, lookup::name))
        .get_result(connection)?)
}

/// Returns the id of the tag with this name, or `None` when it was never used.
pub fn find_tag(connection: &mut AnyConnection, name: &str) -> Result<Option<TagId>, StoreError> {
    Ok(find(connection, LookupKind::Tag, name)?.map(|value| TagId::new(value.id.get())))
}

/// Returns the id of the tag with this name; inserts it in this spelling when it is new.
pub fn register_tag(connection: &mut AnyConnection, name: &str) -> Result<TagId, StoreError> {
    Ok(TagId::new(register(connection, LookupKind::Tag, name)?.id.get()))
}

/// Returns all values of a kind.
pub fn all(connection: &mut AnyConnection, kind: LookupKind) -> Result<Vec<LookupValue>, StoreError> {
    Ok(lookup::table.filter(lookup::kind.eq(kind.as_str())).select(LookupValue::as_select()).load(connection)?)
}
