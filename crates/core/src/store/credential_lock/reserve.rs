//! Places of accounts that do not exist yet, reserved for several saves that create them: their devices, the locks of their names, and
//! ids.

use std::collections::HashSet;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, PgConnection, QueryDsl, QueryResult, RunQueryDsl};

use super::TypedLookup;
use crate::store::StoreError;
use crate::store::connection::{
    BindValue, LockingQuery, RowLock, first_of_each, found_by_text, load_for_each_with_cached_sql,
};
use crate::store::device::DeviceRow;
use crate::store::domain::{self, KnownDomain};
use crate::store::id::{AuthorizationId, CredentialId};
use crate::store::known_tag::{self, KnownTag};
use crate::store::lock::{identifier_lock_name, try_lock_names, username_lock_name};
use crate::store::lookup::LookupValue;
use crate::store::object_lookup::columns;
use crate::store::schema::device;
use crate::store::visibility::{one_device_is_seen, values_of_one_device};

/// The place of an account that does not exist. Its names are locked until the transaction ends.
#[derive(Debug)]
pub struct ReservedAccount {
    /// The authorization of the lookup.
    pub authorization: AuthorizationId,
    /// The id for the row, which no other one gets.
    pub id: CredentialId,
    /// The device, which is active, which the authorization sees, and which has what the request sends of it. Nobody
    /// deactivates it.
    pub device: DeviceRow,
    /// The registered type of credential that the request names.
    pub credential_type: Option<LookupValue>,
    /// The tags that the credential gets, as far as they are known.
    pub tags: Vec<KnownTag>,
    /// The domains that it gets, as far as they are registered.
    pub domains: Vec<KnownDomain>,
}

/// A lookup with its device, and the names that it locks.
struct Candidate<'a> {
    place: usize,
    typed: &'a TypedLookup<'a>,
    device: DeviceRow,
    names: Vec<String>,
}

/// Locks the devices and the names of accounts that were not found, and returns those that do not exist, in the order of the lookups.
/// Waits for no lock.
///
/// `None` for an account that exists or that another transaction may create, for one on a device that is not seen, inactive or
/// locked, and for the second one of the same name.
pub(super) fn reserve_accounts(
    connection: &mut PgConnection,
    lookups: &[&TypedLookup<'_>],
) -> Result<Vec<Option<ReservedAccount>>, StoreError> {
    let mut reserved: Vec<Option<ReservedAccount>> = lookups.iter().map(|_| None).collect();
    let mut candidates = candidates(lookups, locked_devices(connection, lookups)?)?;
    let names: Vec<&str> = candidates.iter().flat_map(|candidate| &candidate.names).map(String::as_str).collect();
    if names.is_empty() {
        return Ok(reserved);
    }
    let mut are_locked = try_lock_names(connection, &names)?.into_iter();
    candidates.retain(|candidate| {
        let of_this: Vec<bool> = are_locked.by_ref().take(candidate.names.len()).collect();
        of_this.len() == candidate.names.len() && !of_this.contains(&false)
    });
    if candidates.is_empty() {
        return Ok(reserved);
    }
    // Another statement than the one that locks: its snapshot has what earlier holders of the locks have committed.
    let ids = ReserveIds::new(&candidates).load::<(i64, CredentialId)>(connection)?;
    let mut ids = ids.into_iter().peekable();
    let id_of = |(number, candidate)| Some((ids.next_if(|(found, _)| *found == number)?.1, candidate));
    let free: Vec<(CredentialId, Candidate<'_>)> = (1..).zip(candidates).filter_map(id_of).collect();
    let mut tags = tags_of(connection, &free)?.into_iter();
    let mut domains = domains_of(connection, &free)?.into_iter();
    for (id, Candidate { place, typed, device, .. }) in free {
        reserved[place] = Some(ReservedAccount {
            authorization: typed.lookup.authorization,
            id,
            device,
            credential_type: typed.credential_type.clone(),
            tags: tags.by_ref().take(typed.lookup.tags.len()).flatten().collect(),
            domains: domains.by_ref().take(typed.lookup.domains.len()).flatten().collect(),
        });
    }
    Ok(reserved)
}

/// Keeps the lookups whose device was found at their address, and whose names no lookup before has.
fn candidates<'a>(
    lookups: &[&'a TypedLookup<'a>],
    devices: Vec<Option<DeviceRow>>,
) -> Result<Vec<Candidate<'a>>, StoreError> {
    let mut taken = HashSet::new();
    let mut candidates = Vec::new();
    for (place, (typed, device)) in lookups.iter().copied().zip(devices).enumerate() {
        let own = device.map(|device| typed.own_device(device)).transpose()?.flatten();
        let Some(device) = own else { continue };
        let mut names: Vec<String> =
            typed.lookup.identifier.iter().map(|identifier| identifier_lock_name(identifier)).collect();
        names.push(username_lock_name(device.id, &typed.lookup.username));
        if names.iter().all(|name| !taken.contains(name)) {
            taken.extend(names.iter().cloned());
            candidates.push(Candidate { place, typed, device, names });
        }
    }
    Ok(candidates)
}

/// Returns the tags of new accounts, those of each after those of the one before.
fn tags_of(
    connection: &mut PgConnection,
    accounts: &[(CredentialId, Candidate<'_>)],
) -> Result<Vec<Option<KnownTag>>, StoreError> {
    let lookups = accounts.iter().map(|(_, candidate)| candidate.typed.lookup);
    let tags: Vec<_> =
        lookups.flat_map(|lookup| lookup.tags.iter().map(|tag| (lookup.authorization, tag.as_str()))).collect();
    known_tag::find_each(connection, &tags)
}

/// Returns the domains of new accounts, those of each after those of the one before.
fn domains_of(
    connection: &mut PgConnection,
    accounts: &[(CredentialId, Candidate<'_>)],
) -> Result<Vec<Option<KnownDomain>>, StoreError> {
    let domains = accounts.iter().flat_map(|(_, candidate)| &candidate.typed.lookup.domains);
    domain::find_each(connection, &domains.map(String::as_str).collect::<Vec<_>>())
}

/// A device that another transaction deactivates is skipped, as by [`super::DeviceAndCredential`].
struct Device;

impl RowLock for Device {
    const CLAUSE: &'static str = " FOR KEY SHARE OF device SKIP LOCKED";
}

/// Returns the device of each lookup, if it is active and seen, and keeps it active. Many accounts may be of one device.
fn locked_devices(
    connection: &mut PgConnection,
    lookups: &[&TypedLookup<'_>],
) -> Result<Vec<Option<DeviceRow>>, StoreError> {
    let of_lookups: Vec<(&str, AuthorizationId)> =
        lookups.iter().map(|typed| (typed.lookup.hostname.as_str(), typed.lookup.authorization)).collect();
    let load = |of_lookups: &[(&str, AuthorizationId)]| {
        let mut sets: Vec<_> = of_lookups.iter().map(|(hostname, _)| vec![BindValue::Text(hostname)]).collect();
        for (set, (_, authorization)) in sets.iter_mut().zip(of_lookups) {
            set.extend(values_of_one_device(*authorization));
        }
        let (hostname, authorization) = of_lookups[0];
        let named = device::hostname_key.eq(hostname).and(device::active);
        let query = device::table.filter(named.and(one_device_is_seen(authorization))).select(columns::<DeviceRow>());
        let query = LockingQuery::new(query, Device);
        load_for_each_with_cached_sql!(connection, query, &sets)
    };
    Ok(first_of_each(&of_lookups, load)?)
}

/// The statement that takes an id for each candidate of which no credential has a name. Both sub-selects find at most one row by a
/// unique index.
#[derive(Default)]
struct ReserveIds<'a> {
    devices: Vec<i32>,
    usernames: Vec<&'a str>,
    identifiers: Vec<Option<&'a str>>,
}

impl<'a> ReserveIds<'a> {
    fn new(candidates: &[Candidate<'a>]) -> Self {
        let mut columns = Self::default();
        for candidate in candidates {
            columns.devices.push(candidate.device.id.get());
            columns.usernames.push(&candidate.typed.lookup.username);
            columns.identifiers.push(candidate.typed.lookup.identifier.as_deref());
        }
        columns
    }
}

impl QueryFragment<Pg> for ReserveIds<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT number, nextval('credential_id_seq')::integer FROM unnest(");
        out.push_bind_param::<Array<Integer>, _>(&self.devices)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.usernames)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.identifiers)?;
        out.push_sql(
            ") WITH ORDINALITY AS asked (device_id, username, identifier, number) \
             WHERE (SELECT id FROM credential WHERE credential.identifier = asked.identifier) IS NULL \
             AND (SELECT id FROM credential WHERE credential.device_id = asked.device_id \
             AND credential.username = asked.username AND kind = 'password') IS NULL ORDER BY number",
        );
        Ok(())
    }
}

found_by_text!(ReserveIds);

impl Query for ReserveIds<'_> {
    type SqlType = (BigInt, Integer);
}

#[cfg(test)]
mod tests {
    use super::super::AccountLookup;
    use super::*;
    use crate::store::AnyConnection;
    use crate::store::device::{self as devices, DeviceChanges};
    use crate::store::link::{self, LinkedObject};
    use crate::store::lookup;
    use crate::store::tests::{
        insert_accounts, insert_client, link_all, on_postgresql, rows_read, run_sql, with_plans_of_empty_tables,
    };

    /// Returns the hostnames of the devices of the accounts that do not exist.
    fn hosts(connection: &mut AnyConnection, lookups: &[AccountLookup]) -> Vec<Option<String>> {
        let AnyConnection::Postgresql(c) = connection else { return Vec::new() };
        let typed = TypedLookup::of_each(c, &lookups.iter().collect::<Vec<_>>()).unwrap();
        let reserved = reserve_accounts(c, &typed.iter().collect::<Vec<_>>()).unwrap();
        let ids: HashSet<i32> = reserved.iter().flatten().map(|account| account.id.get()).collect();
        assert_eq!(ids.len(), reserved.iter().flatten().count(), "each has an id of its own");
        reserved.into_iter().map(|account| account.map(|account| account.device.hostname)).collect()
    }

    #[test]
    fn an_account_is_free_if_nothing_has_its_names_and_its_device_is_seen_and_active() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let authorization = insert_client(connection);
            insert_accounts(connection);
            link_all(connection, "device", 1..=20);
            run_sql(
                connection,
                "UPDATE device SET active = FALSE WHERE id = 5;
                 UPDATE credential SET kind = 'ssh_key' WHERE id IN (6, 7)",
            );
            let lookup = |hostname: &str, username: &str, identifier| {
                AccountLookup::new(hostname, "", username, identifier, authorization).unwrap()
            };
            let cases = [
                (lookup("1", "new", None), true),
                (lookup("1", "newer", Some("x")), true),
                (lookup("2", "new", None), true),
                (lookup("2", "root", None), false),
                (lookup("2", "root", Some("y")), false),
                (lookup("2", "other", Some("3000")), false),
                (lookup("3", "other", Some("6")), false),
                (lookup("7", "root", Some("z")), true),
                (lookup("5", "new", None), false),
                (lookup("21", "new", None), false),
                (lookup("missing", "new", None), false),
                // Of each of these, one before has a name.
                (lookup("1", "new", Some("y")), false),
                (lookup("4", "new", Some("x")), false),
            ];
            let lookups: Vec<_> = cases.iter().map(|(lookup, _)| lookup.clone()).collect();
            let expected: Vec<_> =
                cases.iter().map(|(lookup, is_free)| is_free.then(|| lookup.hostname.clone())).collect();
            assert_eq!(hosts(connection, &lookups), expected);
            assert_eq!(hosts(connection, &[]), []);
        });
    }

    #[test]
    fn each_lookup_has_the_device_that_its_own_authorization_sees_at_its_address() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let (one, other) = (insert_client(connection), insert_client(connection));
            let mut insert = |hostname: &str, tags: &str| {
                let changes =
                    DeviceChanges { ip: Some("10.0.0.1".into()), tags: Some(tags.into()), ..DeviceChanges::default() };
                devices::insert(connection, hostname, &changes, 0).unwrap().id
            };
            let (linked, _tagged) = (insert("Linked", ""), insert("Tagged", "site"));
            link::insert(connection, one, LinkedObject::Device(linked)).unwrap();
            let tag = lookup::find_tag(connection, "site").unwrap().unwrap();
            link::insert(connection, other, LinkedObject::Tag(tag)).unwrap();
            let lookup = |hostname, ip, name, who| AccountLookup::new(hostname, ip, name, None, who).unwrap();
            let lookups = [
                lookup("tagged", "10.0.0.1", "a", other),
                lookup("LINKED", "10.0.0.1", "a", other),
                lookup("linked", "::ffff:10.0.0.1", "a", one),
                lookup("tagged", "10.0.0.1", "b", one),
                lookup("linked", "10.0.0.2", "b", one),
                lookup("tagged", "10.0.0.1", "c", other),
            ];
            let [host_linked, host_tagged] = ["Linked", "Tagged"].map(|hostname| Some(hostname.to_string()));
            let expected = [host_tagged.clone(), None, host_linked, None, None, host_tagged];
            assert_eq!(hosts(connection, &lookups), expected);
        });
    }

    #[test]
    fn each_account_has_its_own_tags_and_domains_as_far_as_they_are_known() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            domain::insert(connection, "corp.example", Some("CORP")).unwrap();
            domain::insert(connection, "lab.example", None).unwrap();
            let (one, other) = (insert_client(connection), insert_client(connection));
            let host = devices::insert(connection, "host", &DeviceChanges::default(), 0).unwrap().id;
            for authorization in [one, other] {
                link::insert(connection, authorization, LinkedObject::Device(host)).unwrap();
            }
            let [free, linked] = ["free", "linked"].map(|name| lookup::register_tag(connection, name).unwrap());
            link::insert(connection, one, LinkedObject::Tag(linked)).unwrap();
            let lookup = |username: &str, who, tags, domains| {
                let lookup = AccountLookup::new("host", "", username, None, who).unwrap();
                lookup.with_tags(tags).unwrap().with_domains(domains).unwrap()
            };
            let lookups = [
                lookup("a", one, "Linked,unknown,FREE", "unknown,corp"),
                lookup("b", other, "", ""),
                lookup("a", other, "free", "lab.example"),
                lookup("c", other, "linked,free", "lab.example, Corp.Example"),
                lookup("d", one, "", "other,lab.example,unknown"),
            ];
            let AnyConnection::Postgresql(c) = connection else { return };
            let typed = TypedLookup::of_each(c, &lookups.iter().collect::<Vec<_>>()).unwrap();
            let reserved = reserve_accounts(c, &typed.iter().collect::<Vec<_>>()).unwrap();
            let tags = |account: &ReservedAccount| account.tags.iter().map(|tag| (tag.id, tag.may_be_set)).collect();
            let found: Vec<Option<Vec<_>>> = reserved.iter().map(|account| account.as_ref().map(tags)).collect();
            let (first, third) = (vec![(linked, true), (free, true)], vec![(linked, false), (free, true)]);
            assert_eq!(found, [Some(first), Some(Vec::new()), None, Some(third), Some(Vec::new())]);
            let domains = |account: ReservedAccount| -> Vec<_> {
                account.domains.into_iter().map(|domain| (domain.key, domain.name)).collect()
            };
            let found: Vec<Option<Vec<_>>> = reserved.into_iter().map(|account| account.map(domains)).collect();
            let [corp, full, lab] =
                [("corp", "corp.example"), ("corp.example", "corp.example"), ("lab.example", "lab.example")]
                    .map(|(key, name)| (key.to_string(), name.to_string()));
            let expected = [vec![corp], vec![], vec![lab.clone(), full], vec![lab]];
            assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn few_rows_are_read_also_by_plans_of_the_time_when_the_tables_were_empty() {
        with_plans_of_empty_tables(|connection| {
            let authorization = insert_client(connection);
            let lookups: Vec<_> = (1..=10)
                .map(|n| (n.to_string(), format!("new-{n}")))
                .flat_map(|(hostname, name)| {
                    let lookup =
                        |username, identifier| AccountLookup::new(&hostname, "", username, identifier, authorization);
                    [lookup("root", Some(name.as_str())), lookup(&name, None)]
                })
                .flatten()
                .collect();
            assert!(hosts(connection, &lookups).iter().all(Option::is_none));
            insert_accounts(connection);
            link_all(connection, "device", 1..=3000);
            let read = rows_read(connection, |connection| {
                assert_eq!(hosts(connection, &lookups).iter().flatten().count(), 10);
            });
            assert!((20..80).contains(&read), "{read} rows");
        });
    }
}
