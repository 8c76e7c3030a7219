//! Lists of the objects that an authorization sees: filtered, whole or page by page.
//!
//! A page should cost the same in a table of any size, and no single query plan achieves that. For an authorization
//! that sees few objects, or for a rare tag, the query selects these rows first and sorts them. For an authorization
//! that sees many, it scans the table in the order of the ids and tests each row. Near `MAX_SELECTED` both cost the
//! same in a table of a million rows.
//!
//! A list selects the columns that lists show, and no large one. On SQLite a whole list has one row in memory beside the results;
//! on PostgreSQL libpq holds all rows. Reading stops at the deadline of a list: a statement that goes on, for a client that has long
//! been answered 503, takes a connection, and on SQLite keeps the write-ahead log from being reset.

use std::time::Instant;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::{InnerJoin, IntoBoxed, auto_type, case_when, not};
use diesel::sql_types::Text;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, OptionalExtension, QueryDsl, QueryResult, Queryable,
    RunQueryDsl, Selectable, SelectableHelper,
};

use super::condition::Engine;
use super::credential::CredentialKind;
use super::id::{AuthorizationId, CredentialId, Cursor, DeviceId, TagId};
use super::information::InformationRow;
use super::lookup::{self, LookupKind};
use super::schema::{credential, device, information, rotation_policy, secret_head};
use super::tag::{self, TaggedKind, credential_has, device_has, objects_with};
use super::visibility::{
    credential_is_seen, device_is_seen, information_is_seen, seen_credentials, seen_devices, seen_information,
    sees_at_most,
};
use super::{AnyConnection, Cause, StoreError};
use crate::clock::instant;
use crate::crypto::SecretKind;
use crate::network::address_key;
use crate::text::case_folded;

/// The number of rows up to which the query selects first.
pub(super) const MAX_SELECTED: i64 = 4000;

/// A page of a list: at most `limit` rows after the position `after`, of which `offset` rows are skipped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Page {
    pub after: Cursor,
    pub offset: i64,
    pub limit: i64,
}

/// What a list selects, and until when it is read.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Selection<'a> {
    pub filter: &'a Filter,
    /// `None` selects the whole list.
    pub page: Option<Page>,
    /// `None` for a list of few rows.
    pub deadline: Option<Instant>,
}

impl Selection<'_> {
    /// Makes the result of each row as it is read. An error ends the statement.
    ///
    /// # Errors
    /// [`StoreError::StatementTimeout`] once the deadline has passed.
    fn collect<R, T>(
        &self,
        mut rows: impl Iterator<Item = QueryResult<R>>,
        mut result: impl FnMut(R) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let mut results = Vec::new();
        rows.try_for_each(|row| {
            self.check_deadline()?;
            results.push(result(row?));
            Ok(())
        })
        .map(|()| results)
    }

    /// Checks that the list may be read further.
    ///
    /// # Errors
    /// [`StoreError::StatementTimeout`]
    pub fn check_deadline(&self) -> Result<(), StoreError> {
        let has_passed = self.deadline.is_some_and(|deadline| instant() >= deadline);
        if has_passed { Err(StoreError::StatementTimeout(Cause::default())) } else { Ok(()) }
    }
}

/// A credential in a list, with the names of its device.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct CredentialSummary {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub username: String,
    pub credential_type: String,
    pub tags: String,
    pub domain: String,
    pub hostname: String,
    pub ip: String,
}

/// A credential in a list, with more columns of it and its device, and with those of its rotation policy and of the head of its
/// secret that lists show.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct CredentialDetails {
    pub summary: CredentialSummary,
    /// The last change of the row.
    pub changed_at: i64,
    /// The last change of its password or private key, if it has one of its own.
    pub secret_changed_at: Option<i64>,
    pub viewed_at: Option<i64>,
    pub device_type: String,
    pub vendor: String,
    pub model: String,
    /// The `automatic_change` of its rotation policy.
    pub automatic_change: Option<bool>,
}

/// A device in a list.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = device)]
#[expect(missing_docs, reason = "columns")]
pub struct DeviceSummary {
    pub id: DeviceId,
    pub hostname: String,
    pub ip: String,
    pub kind: String,
    pub vendor: String,
    pub model: String,
    pub site: String,
    pub tags: String,
}

/// The filter of a list. `None` does not filter, and neither does a field that the kind of object lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The username (exact match).
    pub username: Option<String>,
    /// The hostname, ignoring case.
    pub hostname: Option<String>,
    /// The management address, in any spelling.
    pub ip: Option<String>,
    /// The identifier (exact match).
    pub identifier: Option<String>,
    /// A tag, ignoring case.
    pub tag: Option<String>,
    /// The type of the object, ignoring case.
    pub kind: Option<String>,
    /// Selects inactive objects instead of active ones.
    pub inactive: bool,
}

/// The stored values behind the names of a filter.
struct ResolvedFilter {
    kind: Option<String>,
    tag: Option<Tag>,
}

struct Tag {
    id: TagId,
    is_rare: bool,
}

/// Looks up the names of a filter. Returns `None` when no object can have the type or the tag.
fn resolve(
    connection: &mut AnyConnection,
    filter: &Filter,
    kinds: LookupKind,
    tagged: TaggedKind,
) -> Result<Option<ResolvedFilter>, StoreError> {
    let mut resolved = ResolvedFilter { kind: None, tag: None };
    if let Some(name) = &filter.kind {
        let Some(kind) = lookup::find(connection, kinds, name)? else { return Ok(None) };
        resolved.kind = Some(kind.name);
    }
    if let Some(name) = &filter.tag {
        let Some(found) = lookup::find_tag(connection, name)? else { return Ok(None) };
        let is_rare = tag::has_at_most(connection, found, tagged, MAX_SELECTED)?;
        resolved.tag = Some(Tag { id: found, is_rare });
    }
    Ok(Some(resolved))
}

/// Whether to scan the table instead of selecting the visible rows first. A list without a filter and without a page
/// reads all visible rows anyway.
fn scans_table(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    filter: &Filter,
    page: Option<Page>,
) -> Result<bool, StoreError> {
    let is_whole = page.is_none() && *filter == Filter::default();
    Ok(!is_whole && !sees_at_most(connection, authorization, MAX_SELECTED)?)
}

/// Credentials with their devices, of which a query selects some.
type Credentials<'a> = IntoBoxed<'a, InnerJoin<credential::table, device::table>, Engine>;

/// Selects the credentials of a list, in any order. `scans`: whether each is tested, in place of selecting the visible ones first.
fn matching<'a>(
    authorization: AuthorizationId,
    kind: Option<CredentialKind>,
    filter: &'a Filter,
    resolved: &ResolvedFilter,
    scans: bool,
) -> Credentials<'a> {
    let mut query = credential::table.inner_join(device::table).into_boxed::<Engine>();
    query = if scans {
        query.filter(credential_is_seen(authorization))
    } else {
        query.filter(seen_credentials(authorization))
    };
    query = if filter.inactive {
        query.filter(not(credential::active))
    } else {
        query.filter(credential::active.and(device::active))
    };
    if let Some(kind) = kind {
        query = query.filter(credential::kind.eq(kind.as_str()));
    }
    if let Some(username) = &filter.username {
        query = query.filter(credential::username.eq(username));
    }
    if let Some(identifier) = &filter.identifier {
        query = query.filter(credential::identifier.eq(identifier));
    }
    if let Some(hostname) = &filter.hostname {
        query = query.filter(device::hostname_key.eq(case_folded(hostname)));
    }
    if let Some(ip) = &filter.ip {
        query = query.filter(device::ip_key.eq(address_key(ip)));
    }
    if let Some(kind) = &resolved.kind {
        query = query.filter(credential::credential_type.eq(kind.clone()));
    }
    match &resolved.tag {
        Some(Tag { id, is_rare: true }) => query.filter(credential::id.eq_any(objects_with(*id, "credential"))),
        Some(Tag { id, is_rare: false }) => query.filter(credential_has(*id)),
        None => query,
    }
}

/// Selects the credentials of a list, oldest first; `None` for a list without any.
fn in_order<'a>(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    kind: Option<CredentialKind>,
    Selection { filter, page, .. }: Selection<'a>,
) -> Result<Option<Credentials<'a>>, StoreError> {
    let Some(resolved) = resolve(connection, filter, LookupKind::CredentialType, TaggedKind::Credential)? else {
        return Ok(None);
    };
    let scans = scans_table(connection, authorization, filter, page)?;
    let matching = || matching(authorization, kind, filter, &resolved, scans).order(credential::id);
    let Some(page) = page else { return Ok(Some(matching())) };
    let after = matching().filter(credential::id.gt(page.after));
    if page.offset == 0 {
        return Ok(Some(after.limit(page.limit)));
    }
    // The first row, by its id alone: the columns of the rows before it, and of other tables, are not computed.
    let first = after.select(credential::id).offset(page.offset).limit(1);
    let first: Option<CredentialId> = first.first(connection).optional()?;
    Ok(first.map(|first| matching().filter(credential::id.ge(first)).limit(page.limit)))
}

/// The columns of a [`CredentialSummary`].
#[auto_type]
fn summary_columns() -> _ {
    (
        credential::id,
        credential::identifier,
        credential::username,
        credential::credential_type,
        credential::tags,
        credential::domain,
        device::hostname,
        device::ip,
    )
}

/// Lists the credentials that the authorization sees, of one kind or both, oldest first; `result` makes the result of a row as
/// it is read. Active credentials are on active devices.
pub fn credentials<T>(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    kind: Option<CredentialKind>,
    selection: Selection<'_>,
    result: impl FnMut(CredentialSummary) -> T,
) -> Result<Vec<T>, StoreError> {
    let Some(query) = in_order(connection, authorization, kind, selection)? else { return Ok(Vec::new()) };
    let rows = query.select(summary_columns());
    selection.collect(rows.load_iter::<CredentialSummary, DefaultLoadingMode>(connection)?, result)
}

/// As [`credentials`], of both kinds, with the columns of [`CredentialDetails`].
pub fn credentials_in_detail<T>(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    selection: Selection<'_>,
    result: impl FnMut(CredentialDetails) -> T,
) -> Result<Vec<T>, StoreError> {
    let Some(query) = in_order(connection, authorization, None, selection)? else { return Ok(Vec::new()) };
    let is_key = credential::kind.eq(CredentialKind::SshKey.as_str());
    let (key, password) = (SecretKind::SshPrivateKey.as_str(), SecretKind::Password.as_str());
    let kind = case_when(is_key, key.into_sql::<Text>()).otherwise(password.into_sql::<Text>());
    let head = secret_head::table.filter(secret_head::kind.eq(kind).and(secret_head::owner_id.eq(credential::id)));
    let policy = rotation_policy::table.filter(rotation_policy::credential_id.eq(credential::id));
    let rows = query.select((
        summary_columns(),
        credential::changed_at,
        head.select(secret_head::current_changed_at).single_value(),
        credential::viewed_at,
        device::kind,
        device::vendor,
        device::model,
        policy.select(rotation_policy::automatic_change).single_value(),
    ));
    selection.collect(rows.load_iter::<CredentialDetails, DefaultLoadingMode>(connection)?, result)
}

/// Lists the devices that the authorization sees, oldest first.
pub fn devices(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    selection: Selection<'_>,
) -> Result<Vec<DeviceSummary>, StoreError> {
    let Selection { filter, page, .. } = selection;
    let Some(resolved) = resolve(connection, filter, LookupKind::DeviceType, TaggedKind::Device)? else {
        return Ok(Vec::new());
    };
    let mut query = device::table.into_boxed();
    query = if scans_table(connection, authorization, filter, page)? {
        query.filter(device_is_seen(authorization))
    } else {
        query.filter(seen_devices(authorization))
    };
    query = if filter.inactive { query.filter(not(device::active)) } else { query.filter(device::active) };
    if let Some(hostname) = &filter.hostname {
        query = query.filter(device::hostname_key.eq(case_folded(hostname)));
    }
    if let Some(ip) = &filter.ip {
        query = query.filter(device::ip_key.eq(address_key(ip)));
    }
    if let Some(kind) = resolved.kind {
        query = query.filter(device::kind.eq(kind));
    }
    query = match resolved.tag {
        Some(Tag { id, is_rare: true }) => query.filter(device::id.eq_any(objects_with(id, "device"))),
        Some(Tag { id, is_rare: false }) => query.filter(device_has(id)),
        None => query,
    };
    if let Some(page) = page {
        query = query.filter(device::id.gt(page.after)).offset(page.offset).limit(page.limit);
    }
    let rows = query.order(device::id).select(DeviceSummary::as_select());
    selection.collect(rows.load_iter::<DeviceSummary, DefaultLoadingMode>(connection)?, |row| row)
}

/// Lists the protected-information records that the authorization sees, oldest first. They have no tags.
pub fn information(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    selection: Selection<'_>,
) -> Result<Vec<InformationRow>, StoreError> {
    let Selection { filter, page, .. } = selection;
    let untagged = Filter { tag: None, ..filter.clone() };
    let Some(resolved) = resolve(connection, &untagged, LookupKind::InformationType, TaggedKind::Device)? else {
        return Ok(Vec::new());
    };
    let mut query = information::table.into_boxed();
    query = if scans_table(connection, authorization, filter, page)? {
        query.filter(information_is_seen(authorization))
    } else {
        query.filter(seen_information(authorization))
    };
    query = if filter.inactive { query.filter(not(information::active)) } else { query.filter(information::active) };
    if let Some(identifier) = &filter.identifier {
        query = query.filter(information::identifier.eq(identifier));
    }
    if let Some(kind) = resolved.kind {
        query = query.filter(information::kind.eq(kind));
    }
    if let Some(page) = page {
        query = query.filter(information::id.gt(page.after)).offset(page.offset).limit(page.limit);
    }
    let rows = query.order(information::id);
    selection.collect(rows.load_iter::<InformationRow, DefaultLoadingMode>(connection)?, |row| row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_until_its_deadline() {
        let filter = Filter::default();
        let selection = |deadline| Selection { filter: &filter, page: None, deadline };
        let deadline = instant() + std::time::Duration::from_secs(1);
        let mut read = 0;
        let endless = std::iter::repeat_with(|| {
            read += 1;
            // The second row comes when the deadline has passed.
            while read == 2 && instant() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Ok(read)
        });
        let collected = selection(Some(deadline)).collect(endless, |number| number);
        assert_eq!(collected, Err(StoreError::StatementTimeout(Cause::default())));
        assert!(read <= 2, "{read} rows");
        assert_eq!(selection(None).collect((0..3).map(Ok), |number| number), Ok(vec![0, 1, 2]));
    }
}
