//! Visibility: the objects that an authorization sees (contract, section 3.3).
//!
//! An authorization sees the objects that are linked to it, the objects that have a linked tag, and the credentials
//! of the devices that it sees. Creating an object links it.
//!
//! The rule exists twice: as a test of one object, and as filters for lists. A property of the test suite keeps them
//! equal.

use diesel::dsl::{auto_type, exists};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};

use super::connection::{BindValue, Literal, LiteralText, on_engine};
use super::id::{AuthorizationId, CredentialId, DeviceId, InformationId};
use super::link::{self, LinkedObject};
use super::schema::{authorization_link, credential, device, information, tagging};
use super::tag::TaggedObject;
use super::{AnyConnection, StoreError};

/// The kinds of linked and tagged objects in the text of queries.
#[derive(Clone, Copy)]
pub(super) struct OfCredential;
#[derive(Clone, Copy)]
pub(super) struct OfDevice;
#[derive(Clone, Copy)]
pub(super) struct OfInformation;
#[derive(Clone, Copy)]
pub(super) struct OfTag;

impl LiteralText for OfCredential {
    const TEXT: &'static str = "credential";
}
impl LiteralText for OfDevice {
    const TEXT: &'static str = "device";
}
impl LiteralText for OfInformation {
    const TEXT: &'static str = "information";
}
impl LiteralText for OfTag {
    const TEXT: &'static str = "tag";
}

/// Whether the authorization sees the device.
pub fn sees_device(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    device: DeviceId,
) -> Result<bool, StoreError> {
    Ok(link::exists(connection, authorization, LinkedObject::Device(device))?
        || sees_by_tag(connection, authorization, TaggedObject::Device(device))?)
}

/// Whether the authorization sees the credential, which is on this device.
pub fn sees_credential(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    id: CredentialId,
    device: DeviceId,
) -> Result<bool, StoreError> {
    Ok(link::exists(connection, authorization, LinkedObject::Credential(id))?
        || link::exists(connection, authorization, LinkedObject::Device(device))?
        || sees_by_tag(connection, authorization, TaggedObject::Credential(id))?
        || sees_by_tag(connection, authorization, TaggedObject::Device(device))?)
}

/// Whether the authorization sees the protected-information record.
pub fn sees_information(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    information: InformationId,
) -> Result<bool, StoreError> {
    link::exists(connection, authorization, LinkedObject::Information(information))
}

fn sees_by_tag(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    object: TaggedObject,
) -> Result<bool, StoreError> {
    let (kind, object) = object.columns();
    let tags = tagging::table
        .filter(tagging::object_kind.eq(kind))
        .filter(tagging::object_id.eq(object))
        .filter(tagging::tag_id.eq_any(linked::<OfTag>(authorization)));
    Ok(on_engine!(connection, c => diesel::select(exists(tags)).get_result(c))?)
}

/// Whether the authorization sees at most `bound` objects by its links and tags. A device counts once, with all of
/// its credentials.
pub(super) fn sees_at_most(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    bound: i64,
) -> Result<bool, StoreError> {
    let links = authorization_link::table.filter(authorization_link::authorization_id.eq(authorization));
    let tags = linked::<OfTag>(authorization);
    let tagged = tagging::table.filter(tagging::tag_id.eq_any(tags));
    let beyond_by_link: Vec<i32> =
        links.select(authorization_link::object_id).limit(1).offset(bound).load(connection)?;
    let beyond_by_tag: Vec<i32> = tagged.select(tagging::object_id).limit(1).offset(bound).load(connection)?;
    Ok(beyond_by_link.is_empty() && beyond_by_tag.is_empty())
}

// Filters for authorizations that see few objects: select the visible ids first, then the rows by id.

/// Selects the devices that the authorization sees.
#[auto_type]
pub(super) fn seen_devices(authorization: AuthorizationId) -> _ {
    let devices = linked::<OfDevice>(authorization);
    let tagged_devices = tagged::<OfDevice>(authorization);
    device::id.eq_any(devices).or(device::id.eq_any(tagged_devices))
}

/// Selects the credentials that the authorization sees.
#[auto_type]
pub(super) fn seen_credentials(authorization: AuthorizationId) -> _ {
    let credentials = linked::<OfCredential>(authorization);
    let devices = linked::<OfDevice>(authorization);
    let tagged_credentials = tagged::<OfCredential>(authorization);
    let tagged_devices = tagged::<OfDevice>(authorization);
    credential::id
        .eq_any(credentials)
        .or(credential::device_id.eq_any(devices))
        .or(credential::id.eq_any(tagged_credentials))
        .or(credential::device_id.eq_any(tagged_devices))
}

/// Selects the protected-information records that the authorization sees.
#[auto_type]
pub(super) fn seen_information(authorization: AuthorizationId) -> _ {
    let linked_information = linked::<OfInformation>(authorization);
    information::id.eq_any(linked_information)
}

// Filters for authorizations that see many objects: test each row.

/// Whether the authorization sees the device of this row.
#[auto_type]
pub(super) fn device_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfDevice>(authorization);
    let taggings = tagged::<OfDevice>(authorization);
    let by_link = exists(links.filter(authorization_link::object_id.eq(device::id)));
    by_link.or(exists(taggings.filter(tagging::object_id.eq(device::id))))
}

/// Whether the authorization sees the credential of this row.
#[auto_type]
pub(super) fn credential_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfCredential>(authorization);
    let device_links = linked::<OfDevice>(authorization);
    let taggings = tagged::<OfCredential>(authorization);
    let device_taggings = tagged::<OfDevice>(authorization);
    let by_link = exists(links.filter(authorization_link::object_id.eq(credential::id)));
    let by_device = exists(device_links.filter(authorization_link::object_id.eq(credential::device_id)));
    let by_tag = exists(taggings.filter(tagging::object_id.eq(credential::id)));
    let by_tag_of_device = exists(device_taggings.filter(tagging::object_id.eq(credential::device_id)));
    by_link.or(by_device).or(by_tag).or(by_tag_of_device)
}

/// Whether the authorization sees the protected-information record of this row.
#[auto_type]
pub(super) fn information_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfInformation>(authorization);
    exists(links.filter(authorization_link::object_id.eq(information::id)))
}

// Tests of single rows. A value of a sub-select, and not `exists`: for that PostgreSQL may read all links of the authorization at
// once, as long as it does not know that there are many.

/// As `device_is_seen`, for a lookup.
#[auto_type]
pub(super) fn one_device_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfDevice>(authorization);
    let taggings = tagged::<OfDevice>(authorization);
    let by_link = links.filter(authorization_link::object_id.eq(device::id)).single_value().is_not_null();
    by_link.or(taggings.filter(tagging::object_id.eq(device::id)).single_value().is_not_null())
}

/// The bind parameters of `one_device_is_seen`, in the order of its SQL.
pub(super) fn values_of_one_device(authorization: AuthorizationId) -> [BindValue<'static>; 4] {
    let (who, one) = (BindValue::Authorization(authorization), BindValue::BigInt(1));
    [who, one, who, one]
}

/// As `credential_is_seen`, for a lookup.
#[auto_type]
pub(super) fn one_credential_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfCredential>(authorization);
    let device_links = linked::<OfDevice>(authorization);
    let taggings = tagged::<OfCredential>(authorization);
    let device_taggings = tagged::<OfDevice>(authorization);
    let by_link = links.filter(authorization_link::object_id.eq(credential::id)).single_value().is_not_null();
    let by_device =
        device_links.filter(authorization_link::object_id.eq(credential::device_id)).single_value().is_not_null();
    let by_tag = taggings.filter(tagging::object_id.eq(credential::id)).single_value().is_not_null();
    let by_tag_of_device =
        device_taggings.filter(tagging::object_id.eq(credential::device_id)).single_value().is_not_null();
    by_link.or(by_device).or(by_tag).or(by_tag_of_device)
}

/// The bind parameters of `one_credential_is_seen`, in the order of its SQL.
pub(super) fn values_of_one_credential(authorization: AuthorizationId) -> [BindValue<'static>; 8] {
    let (who, one) = (BindValue::Authorization(authorization), BindValue::BigInt(1));
    [who, one, who, one, who, one, who, one]
}

/// As `information_is_seen`, for a lookup.
#[auto_type]
pub(super) fn one_information_is_seen(authorization: AuthorizationId) -> _ {
    let links = linked::<OfInformation>(authorization);
    links.filter(authorization_link::object_id.eq(information::id)).single_value().is_not_null()
}

/// The bind parameters of `one_information_is_seen`, in the order of its SQL.
pub(super) fn values_of_one_information(authorization: AuthorizationId) -> [BindValue<'static>; 2] {
    [BindValue::Authorization(authorization), BindValue::BigInt(1)]
}

/// Selects the ids of the linked objects of a kind.
#[auto_type]
fn linked<K: LiteralText>(authorization: AuthorizationId) -> _ {
    let kind: Literal<K> = Literal::new();
    authorization_link::table
        .filter(authorization_link::authorization_id.eq(authorization))
        .filter(authorization_link::object_kind.eq(kind))
        .select(authorization_link::object_id)
}

/// Selects the ids of the objects of a kind that have a linked tag.
#[auto_type]
fn tagged<K: LiteralText>(authorization: AuthorizationId) -> _ {
    let kind: Literal<K> = Literal::new();
    let tags = linked::<OfTag>(authorization);
    tagging::table.filter(tagging::object_kind.eq(kind)).filter(tagging::tag_id.eq_any(tags)).select(tagging::object_id)
}

#[cfg(test)]
mod tests {
    use diesel::pg::Pg;
    use diesel::sql_types::Text;
    use diesel::{QueryableByName, debug_query};

    use super::*;
    use crate::store::tests::{insert_client, on_postgresql, run_sql};

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        text: String,
    }

    /// Returns the plan that PostgreSQL makes of a query for any values.
    fn generic_plan(connection: &mut AnyConnection, query: &impl diesel::query_builder::QueryFragment<Pg>) -> String {
        let text = debug_query::<Pg, _>(query).to_string();
        let sql = text.split(" -- binds").next().unwrap_or_default();
        let values = vec!["NULL"; sql.matches('$').count()].join(", ");
        run_sql(connection, &format!("SET plan_cache_mode = force_generic_plan; PREPARE query AS {sql}"));
        let explain = format!("EXPLAIN EXECUTE query({values})");
        let lines: Vec<Line> = diesel::sql_query(explain).load(connection).unwrap();
        run_sql(connection, "DEALLOCATE query");
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_lookup_reads_all_links_of_an_authorization_while_the_tables_are_not_analyzed() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let authorization = insert_client(connection);
            run_sql(
                connection,
                &format!(
                    "ALTER TABLE authorization_link SET (autovacuum_enabled = off);
                     INSERT INTO authorization_link SELECT {}, 'credential', n FROM generate_series(1, 20000) n",
                    authorization.get()
                ),
            );
            let id = credential::id.eq(1).and(one_credential_is_seen(authorization));
            let of_credential = generic_plan(connection, &credential::table.filter(id).select(credential::id));
            let id = device::id.eq(1).and(one_device_is_seen(authorization));
            let of_device = generic_plan(connection, &device::table.filter(id).select(device::id));
            for plan in [of_credential, of_device] {
                assert!(plan.contains("SubPlan") && !plan.contains("hashed"), "{plan}");
            }
        });
    }
}
