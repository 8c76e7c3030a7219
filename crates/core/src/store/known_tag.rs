//! The lookup of tags by their names, with whether an authorization may set them. Who is linked to a tag sees the objects that have it.

use diesel::{ExpressionMethods, PgConnection, QueryDsl, QueryResult};

use super::connection::{
    BindValue, Literal, LiteralText, first_of_each, load_for_each_with_cached_sql, load_with_cached_sql,
};
use super::id::{AuthorizationId, TagId};
use super::lookup::LookupKind;
use super::object_lookup::ANOTHER_OBJECT;
use super::schema::{authorization_link, lookup};
use super::visibility::OfTag;
use super::{AnyConnection, StoreError};

/// A tag that was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTag {
    /// Its id.
    pub id: TagId,
    /// Its name, in the case of keys.
    pub key: String,
    /// Whether the authorization that was asked for may set it: it is linked to the tag, or none is.
    pub may_be_set: bool,
}

/// A row of the query: the id and the key, and whether any authorization and this one are linked to the tag.
type Row = (TagId, String, bool, bool);

/// The query of a tag.
macro_rules! query {
    ($key:expr, $authorization:expr) => {{
        let of_tag: Literal<OfTag> = Literal::new();
        let links = authorization_link::table
            .filter(authorization_link::object_kind.eq(of_tag))
            .filter(authorization_link::object_id.eq(lookup::id))
            .select(authorization_link::authorization_id);
        // Without a literal, PostgreSQL finds it by the primary key, and not among all links of the tag.
        let own = authorization_link::table
            .filter(authorization_link::authorization_id.eq($authorization))
            .filter(authorization_link::object_kind.eq(OfTag::TEXT))
            .filter(authorization_link::object_id.eq(lookup::id))
            .select(authorization_link::authorization_id);
        let columns =
            (lookup::id, lookup::name_key, links.single_value().is_not_null(), own.single_value().is_not_null());
        let tag = lookup::table.filter(lookup::kind.eq(LookupKind::Tag.as_str()));
        tag.filter(lookup::name_key.eq($key)).select(columns)
    }};
}

/// The bind parameters of the query, in the order of its SQL.
fn values(key: &str, authorization: AuthorizationId) -> Vec<BindValue<'_>> {
    let one = BindValue::BigInt(1);
    let kind = BindValue::Text(LookupKind::Tag.as_str());
    vec![one, BindValue::Authorization(authorization), BindValue::Text(OfTag::TEXT), one, kind, BindValue::Text(key)]
}

/// Returns the tag of a row, which must have this key.
fn of_row(key: &str, (id, found, is_linked, is_own): Row) -> Result<KnownTag, StoreError> {
    if found != key {
        return Err(ANOTHER_OBJECT);
    }
    Ok(KnownTag { id, key: found, may_be_set: is_own || !is_linked })
}

/// Returns the tag with this name, in the case of keys, or `None` when it was never used.
pub fn find(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    key: &str,
) -> Result<Option<KnownTag>, StoreError> {
    let query = query!(key, authorization);
    let rows: Vec<Row> = load_with_cached_sql!(connection, query, values(key, authorization))?;
    rows.into_iter().next().map(|row| of_row(key, row)).transpose()
}

/// As [`find`], for several authorizations and names, with one statement of PostgreSQL.
pub(super) fn find_each(
    connection: &mut PgConnection,
    tags: &[(AuthorizationId, &str)],
) -> Result<Vec<Option<KnownTag>>, StoreError> {
    let load = |tags: &[(AuthorizationId, &str)]| -> QueryResult<Vec<Vec<Row>>> {
        let sets: Vec<_> = tags.iter().map(|(authorization, key)| values(key, *authorization)).collect();
        let (authorization, key) = tags[0];
        let query = query!(key, authorization);
        load_for_each_with_cached_sql!(connection, query, &sets)
    };
    let found = first_of_each(tags, load)?;
    tags.iter().zip(found).map(|((_, key), row)| row.map(|row| of_row(key, row)).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::link::{self, LinkedObject};
    use crate::store::lookup as lookups;
    use crate::store::tests::{
        insert_client, keep_without_statistics, link_all, on_each_engine, rows_read, run_sql, sqlite_plan,
        with_plans_of_empty_tables,
    };

    #[test]
    fn a_tag_may_be_set_by_those_who_are_linked_to_it_and_by_all_if_none_is() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let (one, other) = (insert_client(connection), insert_client(connection));
            let [free, linked] = ["Free", "Linked"].map(|name| lookups::register_tag(connection, name).unwrap());
            lookups::register(connection, LookupKind::Vendor, "vendor").unwrap();
            link::insert(connection, one, LinkedObject::Tag(linked)).unwrap();
            link::insert(connection, other, LinkedObject::Device(free.get().into())).unwrap();
            let tag = |key: &str, id, may_be_set| Some(KnownTag { id, key: key.into(), may_be_set });
            let cases = [
                ((one, "linked"), tag("linked", linked, true)),
                ((other, "linked"), tag("linked", linked, false)),
                ((one, "free"), tag("free", free, true)),
                ((other, "unknown"), None),
                ((other, "vendor"), None),
                ((other, "linked"), tag("linked", linked, false)),
            ];
            for ((authorization, key), expected) in &cases {
                assert_eq!(find(connection, *authorization, key), Ok(expected.clone()), "{key}");
            }
            if let AnyConnection::Postgresql(c) = connection {
                let found = find_each(c, &cases.clone().map(|(asked, _)| asked)).unwrap();
                assert_eq!(found, cases.map(|(_, expected)| expected));
                assert_eq!(find_each(c, &[]), Ok(Vec::new()));
            }
        });
    }

    #[test]
    fn the_links_of_a_tag_are_found_among_those_of_many_credentials() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            connection.plan_once().unwrap();
            if connection.is_remote() {
                keep_without_statistics(connection);
            }
            let authorization = insert_client(connection);
            let tag = lookups::register_tag(connection, "site").unwrap();
            let may_be_set = |connection: &mut AnyConnection, who| {
                find(connection, who, "site").unwrap().is_some_and(|tag| tag.may_be_set)
            };
            assert!(may_be_set(connection, authorization));
            link_all(connection, "credential", 1..=3000);
            link::insert(connection, authorization, LinkedObject::Tag(tag)).unwrap();
            for _ in 0..30 {
                let client = insert_client(connection);
                link::insert(connection, client, LinkedObject::Tag(tag)).unwrap();
            }
            let other = insert_client(connection);
            if let AnyConnection::Sqlite(c) = connection {
                let plan = sqlite_plan(c, &query!("site", authorization));
                let by = |index: &str| plan.iter().filter(|step| step.contains(index)).count();
                assert_eq!(
                    (by("INDEX authorization_link_object "), by("authorization_link USING PRIMARY KEY")),
                    (1, 1),
                    "{plan:?}"
                );
            } else {
                for who in [authorization, other] {
                    let read = rows_read(connection, |connection| _ = may_be_set(connection, who));
                    assert!((1..10).contains(&read), "{read} rows");
                }
            }
            assert!(may_be_set(connection, authorization) && !may_be_set(connection, other));
        });
    }

    #[test]
    fn few_rows_are_read_for_several_tags_also_by_plans_of_empty_tables() {
        with_plans_of_empty_tables(|connection| {
            let authorization = insert_client(connection);
            let find = |connection: &mut AnyConnection| {
                let AnyConnection::Postgresql(c) = connection else { return Vec::new() };
                find_each(c, &[(authorization, "tag 7"), (authorization, "tag 8")]).unwrap()
            };
            assert_eq!(find(connection), [None, None]);
            let tags = "INSERT INTO lookup (id, kind, name, name_key)
                SELECT 100 + n, 'tag', 'tag ' || n, 'tag ' || n FROM generate_series(1, 3000) n";
            run_sql(connection, tags);
            link_all(connection, "credential", 1..=3000);
            link_all(connection, "tag", 101..=3000);
            let read = rows_read(connection, |connection| {
                assert!(find(connection).into_iter().flatten().all(|tag| tag.may_be_set));
            });
            assert!((2..20).contains(&read), "{read} rows");
        });
    }
}
