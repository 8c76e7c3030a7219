//! The table of lookup values: device types, vendors, models, sites, credential types and tags.
//!
//! A value is inserted on first use, compared ignoring case, and stored in its first spelling, which other tables
//! repeat.

use diesel::{ExpressionMethods, PgConnection, QueryDsl, Queryable, RunQueryDsl, Selectable};

use super::connection::{BindValue, first_of_each, load_for_each_with_cached_sql, load_with_cached_sql};
use super::id::{LookupId, TagId};
use super::object_lookup::columns;
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
    pub(super) fn as_str(self) -> &'static str {
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
    let key = case_folded(name);
    let named = lookup::table.filter(lookup::kind.eq(kind.as_str())).filter(lookup::name_key.eq(&key));
    let values = [BindValue::Text(kind.as_str()), BindValue::Text(&key)];
    let found: Vec<LookupValue> = load_with_cached_sql!(connection, named.select(columns::<LookupValue>()), values)?;
    Ok(found.into_iter().next())
}

/// As [`find`], for several names, which may be equal, with one statement of PostgreSQL.
pub(super) fn find_each(
    connection: &mut PgConnection,
    kind: LookupKind,
    names: &[&str],
) -> Result<Vec<Option<LookupValue>>, StoreError> {
    let keys: Vec<String> = names.iter().map(|name| case_folded(name)).collect();
    let load = |keys: &[String]| {
        let sets: Vec<_> = keys.iter().map(|key| vec![BindValue::Text(kind.as_str()), BindValue::Text(key)]).collect();
        let named = lookup::table.filter(lookup::kind.eq(kind.as_str())).filter(lookup::name_key.eq(&keys[0]));
        let query = named.select(columns::<LookupValue>());
        load_for_each_with_cached_sql!(connection, query, &sets)
    };
    Ok(first_of_each(&keys, load)?)
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
    Ok(lookup::table.filter(lookup::kind.eq(kind.as_str())).select(columns::<LookupValue>()).load(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{on_postgresql, rows_read, run_sql, with_plans_of_empty_tables};

    fn names(connection: &mut AnyConnection, names: &[&str]) -> Vec<Option<String>> {
        let AnyConnection::Postgresql(c) = connection else { return Vec::new() };
        let found = find_each(c, LookupKind::CredentialType, names).unwrap();
        found.into_iter().map(|value| value.map(|value| value.name)).collect()
    }

    #[test]
    fn several_names_are_found_in_their_order_each_by_itself() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            register(connection, LookupKind::Vendor, "Debian").unwrap();
            let [local, domain] = ["Local User", "Domain User"].map(|name| Some(name.to_string()));
            let asked = ["LOCAL USER", "debian", "domain user", "local user", ""];
            assert_eq!(names(connection, &asked), [local.clone(), None, domain, local, None]);
            assert_eq!(names(connection, &[]), []);
        });
    }

    #[test]
    fn few_rows_are_read_also_by_plans_of_the_time_when_the_table_was_small() {
        with_plans_of_empty_tables(|connection| {
            assert_eq!(names(connection, &["type 7", "type 8"]), [None, None]);
            let many = "INSERT INTO lookup (kind, name, name_key)
                SELECT 'credential_type', 'type ' || n, 'type ' || n FROM generate_series(1, 3000) n";
            run_sql(connection, many);
            let read = rows_read(connection, |connection| {
                assert!(names(connection, &["type 7", "type 8", "type 7"]).iter().all(Option::is_some));
            });
            assert!((2..20).contains(&read), "{read} rows");
        });
    }
}
