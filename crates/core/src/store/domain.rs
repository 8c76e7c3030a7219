//! The table of registered domains, the only ones that devices and credentials may name.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, PgConnection, QueryDsl, RunQueryDsl,
};

use super::connection::{BindValue, first_of_each, load_for_each_with_cached_sql, load_with_cached_sql};
use super::id::DomainId;
use super::object_lookup::ANOTHER_OBJECT;
use super::schema::domain;
use super::{AnyConnection, Cause, StoreError};
use crate::text::case_folded;

/// Inserts a domain with its name and optional short name, and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when either name is taken.
pub fn insert(connection: &mut AnyConnection, name: &str, short_name: Option<&str>) -> Result<DomainId, StoreError> {
    for taken in [Some(name), short_name].into_iter().flatten() {
        if find(connection, taken)?.is_some() {
            return Err(StoreError::Conflict(Cause::default()));
        }
    }
    Ok(diesel::insert_into(domain::table)
        .values((
            domain::name.eq(name),
            domain::name_key.eq(case_folded(name)),
            domain::short_name.eq(short_name),
            domain::short_name_key.eq(short_name.map(case_folded)),
        ))
        .returning(domain::id)
        .get_result(connection)?)
}

/// A registered domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDomain {
    /// The name or short name by which it was found, in the case of keys.
    pub key: String,
    /// Its full name.
    pub name: String,
}

/// A row of the query: the name, and the name and short name in the case of keys.
type Row = (String, String, Option<String>);

/// The query of a domain.
macro_rules! query {
    ($key:expr) => {{
        let named = domain::name_key.eq($key).or(domain::short_name_key.eq($key).assume_not_null());
        domain::table.filter(named).select((domain::name, domain::name_key, domain::short_name_key))
    }};
}

/// The bind parameters of the query.
fn values(key: &str) -> Vec<BindValue<'_>> {
    vec![BindValue::Text(key); 2]
}

/// Returns the domain of a row, which must have this key.
fn of_row(key: &str, (name, name_key, short_name_key): Row) -> Result<KnownDomain, StoreError> {
    if name_key != key && short_name_key.as_deref() != Some(key) {
        return Err(ANOTHER_OBJECT);
    }
    Ok(KnownDomain { key: key.into(), name })
}

/// Returns the domain with this name or short name, ignoring case.
pub fn find(connection: &mut AnyConnection, name: &str) -> Result<Option<KnownDomain>, StoreError> {
    let key = case_folded(name);
    let rows: Vec<Row> = load_with_cached_sql!(connection, query!(&key), values(&key))?;
    rows.into_iter().next().map(|row| of_row(&key, row)).transpose()
}

/// As [`find`], for several names in the case of keys, which may be equal, with one statement of PostgreSQL.
pub(super) fn find_each(connection: &mut PgConnection, keys: &[&str]) -> Result<Vec<Option<KnownDomain>>, StoreError> {
    let load = |keys: &[&str]| {
        let sets: Vec<_> = keys.iter().map(|key| values(key)).collect();
        let query = query!(keys[0]);
        load_for_each_with_cached_sql!(connection, query, &sets)
    };
    let found = first_of_each(keys, load)?;
    keys.iter().zip(found).map(|(key, row)| row.map(|row| of_row(key, row)).transpose()).collect()
}

/// Returns all domains: name and short name, by name.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<(String, Option<String>)>, StoreError> {
    Ok(domain::table.order(domain::name_key).select((domain::name, domain::short_name)).load(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::on_each_engine;

    #[test]
    fn a_domain_is_found_by_its_name_and_by_its_short_name() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert(connection, "Corp.Example", Some("CORP")).unwrap();
            insert(connection, "lab.example", None).unwrap();
            let known = |key: &str, name: Option<&str>| Some(KnownDomain { key: key.into(), name: name?.into() });
            let cases = [
                ("lab.example", Some("lab.example")),
                ("corp", Some("Corp.Example")),
                ("other", None),
                ("corp.example", Some("Corp.Example")),
                ("corp", Some("Corp.Example")),
                ("", None),
            ];
            for (key, expected) in cases {
                assert_eq!(find(connection, &key.to_uppercase()), Ok(known(key, expected)), "{key}");
            }
            if let AnyConnection::Postgresql(c) = connection {
                let found = find_each(c, &cases.map(|(key, _)| key)).unwrap();
                assert_eq!(found, cases.map(|(key, expected)| known(key, expected)));
                assert_eq!(find_each(c, &[]), Ok(Vec::new()));
            }
        });
    }
}
