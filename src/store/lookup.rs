//! Lookup values: device types, vendors, models, sites and credential types. They come into being when first used,
//! are compared ignoring case, and keep their first spelling, which the rows that use them carry.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::schema::lookup;
use super::{AnyConnection, StoreError, folded};

/// What a lookup value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LookupKind {
    CredentialType,
    DeviceType,
    Vendor,
    Model,
    Site,
    InformationType,
}

impl LookupKind {
    fn name(self) -> &'static str {
        match self {
            LookupKind::CredentialType => "credential_type",
            LookupKind::DeviceType => "device_type",
            LookupKind::Vendor => "vendor",
            LookupKind::Model => "model",
            LookupKind::Site => "site",
            LookupKind::InformationType => "information_type",
        }
    }
}

/// The first spelling of `name`, or `None` when it has never been used.
pub fn spelling(connection: &mut AnyConnection, kind: LookupKind, name: &str) -> Result<Option<String>, StoreError> {
    Ok(lookup::table
        .filter(lookup::kind.eq(kind.name()))
        .filter(lookup::name_key.eq(folded(name)))
        .select(lookup::name)
        .first(connection)
        .optional()?)
}

/// The first spelling of `name`, which is this one when it is new.
pub fn register(connection: &mut AnyConnection, kind: LookupKind, name: &str) -> Result<String, StoreError> {
    if let Some(known) = spelling(connection, kind, name)? {
        return Ok(known);
    }
    diesel::insert_into(lookup::table)
        .values((lookup::kind.eq(kind.name()), lookup::name.eq(name), lookup::name_key.eq(folded(name))))
        .execute(connection)?;
    Ok(name.into())
}

/// The spelling and number of every value of a kind.
pub fn all(connection: &mut AnyConnection, kind: LookupKind) -> Result<Vec<(String, i32)>, StoreError> {
    Ok(lookup::table.filter(lookup::kind.eq(kind.name())).select((lookup::name, lookup::id)).load(connection)?)
}
