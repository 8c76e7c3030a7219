//! The lookup and the locks of a credential for an update that changes neither its names nor its device, in one query.
//!
//! On PostgreSQL each query is a round trip, and those of several updates are one; `reserve.rs` has those of several saves that create
//! their credentials.

mod account_lookup;
mod reserve;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, PgConnection, QueryDsl, TextExpressionMethods,
};

use super::connection::{
    Literal, LiteralText, LockingQuery, RowLock, load_for_each_with_cached_sql, load_with_cached_sql,
};
use super::credential::{CredentialRow, PasswordKind};
use super::device::DeviceRow;
use super::id::{AuthorizationId, CredentialId};
use super::lookup::LookupValue;
use super::object_lookup::columns;
use super::schema::{credential, device};
use super::secret::{self, StoredSecret};
use super::visibility::{one_credential_is_seen, one_device_is_seen};
use super::{AnyConnection, StoreError};

use account_lookup::TypedLookup;
pub use account_lookup::{AccountLookup, SentType};
pub use reserve::ReservedAccount;

/// An account as its lookup finds it. The row is locked until the transaction ends, and that of the device so that nobody deactivates it.
#[derive(Debug)]
pub struct LockedAccount {
    /// The authorization of the lookup, which sees it.
    pub authorization: AuthorizationId,
    /// The password's row.
    pub row: CredentialRow,
    /// Its device, which has what the request sends of it.
    pub device: DeviceRow,
    /// Whether the request sends anything of the device. Then the authorization sees the device too.
    pub sends_device: bool,
    /// The registered type of credential that the request names.
    pub credential_type: Option<LookupValue>,
    /// What is stored of the password, if that was looked up too.
    pub password: Option<LockedPassword>,
}

/// What came of the lookup of an account ahead of its job.
#[derive(Debug, Default)]
pub enum LockedAhead {
    /// No lookup was made.
    #[default]
    NotTried,
    /// Neither an account was found nor a place: its names or its device do not match, are not seen, or are locked by another transaction.
    NotFound,
    /// The account.
    Found(Box<LockedAccount>),
    /// The place of the account, which does not exist.
    Reserved(Box<ReservedAccount>),
}

impl LockedAhead {
    /// The credential that was found, or the one to be created.
    pub(super) fn id(&self) -> Option<CredentialId> {
        match self {
            Self::NotTried | Self::NotFound => None,
            Self::Found(account) => Some(account.row.id),
            Self::Reserved(account) => Some(account.id),
        }
    }

    /// The credential, if the job changes no other one.
    pub(super) fn only_id(&self) -> Option<CredentialId> {
        match self {
            Self::Found(account) if !account.is_by_itself() => None,
            _ => self.id(),
        }
    }
}

impl LockedAccount {
    /// Whether it is known that no other credential shares its password.
    fn is_by_itself(&self) -> bool {
        self.row.parent_id.is_none() && self.password.as_ref().is_some_and(|password| !password.has_children)
    }
}

/// What is stored of a password, whose head is locked until the transaction ends.
#[derive(Debug)]
pub struct LockedPassword {
    /// Its head, with the versions that it names.
    pub stored: StoredSecret,
    /// Whether credentials have it as their parent. No other one gets it while the row is locked.
    pub has_children: bool,
}

/// An empty text. A column to which it is appended is compared without an index.
#[derive(Clone, Copy)]
struct Nothing;

impl LiteralText for Nothing {
    const TEXT: &'static str = "";
}

/// The lock of a device keeps it active, and lets others change it. Credentials that are locked elsewhere are skipped, and devices that
/// are being deactivated: after a wait, PostgreSQL would return the current row with the visibility of the old snapshot.
struct DeviceAndCredential;

impl RowLock for DeviceAndCredential {
    const CLAUSE: &'static str = " FOR KEY SHARE OF device SKIP LOCKED FOR UPDATE OF credential SKIP LOCKED";
}

/// Evaluates an expression with the query of a lookup, which has one of four types.
macro_rules! with_query {
    ($typed:expr, $query:ident => $expression:expr) => {{
        let typed: &TypedLookup<'_> = $typed;
        let AccountLookup { hostname, username, identifier, authorization, .. } = typed.lookup;
        macro_rules! evaluate {
            ($named:expr, $seen:expr) => {{
                let query = credential::table.inner_join(device::table).filter($named.and($seen));
                let $query = LockingQuery::new(
                    query.select((columns::<CredentialRow>(), columns::<DeviceRow>())),
                    DeviceAndCredential,
                );
                $expression
            }};
            ($named:expr) => {
                if typed.sends_device() {
                    // Who sees a device sees its credentials.
                    evaluate!($named, one_device_is_seen(*authorization))
                } else {
                    evaluate!($named, one_credential_is_seen(*authorization))
                }
            };
        }
        let of_password = Literal::<PasswordKind>::new();
        let named_device = diesel::alias!(device as named_device);
        // PostgreSQL plans for any names, and while the tables are empty. So each query leaves it one index to choose.
        match identifier {
            None => {
                let of_host = named_device.filter(named_device.field(device::hostname_key).eq(hostname));
                let of_host = of_host.select(named_device.field(device::id)).single_value();
                let named = credential::username.eq(username).and(credential::kind.eq(of_password));
                evaluate!(named.and(credential::device_id.nullable().eq(of_host).assume_not_null()))
            }
            Some(identifier) => {
                let nothing: Literal<Nothing> = Literal::new();
                let own_device = named_device.filter(named_device.field(device::id).eq(credential::device_id));
                let own_hostname = own_device.select(named_device.field(device::hostname_key)).single_value();
                let named = credential::identifier.eq(identifier).assume_not_null();
                let named = named.and(credential::username.concat(nothing).eq(username));
                let named = named.and(credential::kind.concat(nothing).eq(of_password));
                evaluate!(named.and(own_hostname.eq(hostname).assume_not_null()))
            }
        }
    }};
}

/// Returns the password that has all of these names and that the authorization sees, and its device.
///
/// `credential_type` is the registered type of credential that the request names. The device has what the request sends of
/// it. Both are locked until the transaction ends, the device so that nobody deactivates it. `None` also when another transaction has locked one of
/// them: another lookup has to wait for it.
pub fn visible_account(
    connection: &mut AnyConnection,
    lookup: &AccountLookup,
    credential_type: Option<LookupValue>,
) -> Result<Option<LockedAccount>, StoreError> {
    let typed = &TypedLookup { lookup, credential_type };
    typed.only(with_query!(typed, query => load_with_cached_sql!(connection, query, typed.values()))?)
}

/// Locks the accounts of several lookups, or the places of those that do not exist, and returns them. Waits for no lock.
pub(super) fn lock_ahead(
    connection: &mut PgConnection,
    lookups: &[&AccountLookup],
) -> Result<Vec<LockedAhead>, StoreError> {
    let lookups = TypedLookup::of_each(connection, lookups)?;
    let found = visible_accounts(connection, &lookups)?;
    let missing: Vec<&TypedLookup<'_>> =
        lookups.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(lookup, _)| lookup).collect();
    let mut reserved = reserve::reserve_accounts(connection, &missing)?.into_iter();
    let ahead = |found: Option<LockedAccount>| match found {
        Some(account) => LockedAhead::Found(Box::new(account)),
        None => {
            reserved.next().flatten().map_or(LockedAhead::NotFound, |account| LockedAhead::Reserved(Box::new(account)))
        }
    };
    Ok(found.into_iter().map(ahead).collect())
}

/// As [`visible_account`], for several lookups, each with what is stored of its password. Waits for no lock.
///
/// The passwords are looked up when the rows are locked, by another statement: one that locks a row may still see of other tables
/// what was there before.
fn visible_accounts(
    connection: &mut PgConnection,
    lookups: &[TypedLookup<'_>],
) -> Result<Vec<Option<LockedAccount>>, StoreError> {
    let mut found: Vec<Option<LockedAccount>> = lookups.iter().map(|_| None).collect();
    let mut remaining: Vec<usize> = (0..lookups.len()).collect();
    while let Some(&first) = remaining.first() {
        let (places, others): (Vec<_>, Vec<_>) =
            remaining.into_iter().partition(|place| lookups[*place].is_like(&lookups[first]));
        let alike: Vec<&TypedLookup<'_>> = places.iter().map(|place| &lookups[*place]).collect();
        for (place, account) in places.iter().zip(accounts_alike(connection, &alike)?) {
            found[*place] = account;
        }
        remaining = others;
    }
    let ids: Vec<CredentialId> = found.iter().flatten().map(|account| account.row.id).collect();
    let passwords = secret::locked_passwords(connection, &ids)?;
    for (account, password) in found.iter_mut().flatten().zip(passwords) {
        account.password = password;
    }
    Ok(found)
}

/// Returns what lookups find whose queries have the same SQL, without the passwords.
fn accounts_alike(
    connection: &mut PgConnection,
    lookups: &[&TypedLookup<'_>],
) -> Result<Vec<Option<LockedAccount>>, StoreError> {
    let Some(first) = lookups.first() else { return Ok(Vec::new()) };
    assert!(lookups.iter().all(|lookup| lookup.is_like(first)), "each is seen by the condition of the first");
    let sets: Vec<_> = lookups.iter().map(|lookup| lookup.values()).collect();
    let found = with_query!(first, query => load_for_each_with_cached_sql!(connection, query, &sets))?;
    lookups.iter().zip(found).map(|(lookup, rows)| lookup.only(rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::credential::{self as credentials, CredentialChanges, CredentialKind};
    use crate::store::device::{self as devices, DeviceChanges};
    use crate::store::link::{self, LinkedObject};
    use crate::store::secret::{FirstVersion, SealedRow, SecretHead, SecretOwner, SecretState};
    use crate::store::tests::{
        insert_accounts, insert_client, insert_data_key, link_all, on_each_engine, rows_read, run_sql, sealed_bytes,
        with_plans_of_empty_tables,
    };

    #[test]
    fn an_account_is_found_by_all_of_its_names_if_it_is_seen() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let authorization = insert_client(connection);
            let at = DeviceChanges { ip: Some("10.0.0.1".into()), ..DeviceChanges::default() };
            let device_id = devices::insert(connection, "Host", &at, 0).unwrap().id;
            let mut insert = |kind, identifier: &str| {
                let changes = CredentialChanges {
                    device_id: Some(device_id),
                    username: Some("root".into()),
                    identifier: Some(identifier.into()),
                    ..CredentialChanges::default()
                };
                credentials::insert(connection, kind, &changes, 0).unwrap()
            };
            let id = insert(CredentialKind::Password, "erp");
            insert(CredentialKind::SshKey, "key");
            let find_at = |connection: &mut AnyConnection, ip, hostname, username, identifier| {
                let lookup = AccountLookup::new(hostname, ip, username, identifier, authorization).unwrap();
                let found = visible_account(connection, &lookup, None).unwrap();
                found.map(|account| (account.row.id, account.device.id))
            };
            let find = |connection: &mut AnyConnection, hostname, username, identifier| {
                find_at(connection, "10.0.0.1", hostname, username, identifier)
            };
            let names = [("host", None), ("HOST", Some("erp"))];
            for (hostname, identifier) in names {
                assert_eq!(find(connection, hostname, "root", identifier), None, "not seen");
            }
            link::insert(connection, authorization, LinkedObject::Device(device_id)).unwrap();
            for (hostname, identifier) in names {
                assert_eq!(find(connection, hostname, "root", identifier), Some((id, device_id)));
            }
            assert_eq!(find_at(connection, "::ffff:10.0.0.1", "host", "root", None), Some((id, device_id)));
            assert_eq!(find_at(connection, "10.0.0.2", "host", "root", None), None);
            let others = [
                ("host", "root", Some("key")),
                ("host", "root", Some("ERP")),
                ("host", "Root", None),
                ("host", "", Some("erp")),
                ("other", "root", Some("erp")),
            ];
            for (hostname, username, identifier) in others {
                assert_eq!(
                    find(connection, hostname, username, identifier),
                    None,
                    "{username}@{hostname}, {identifier:?}"
                );
            }
        });
    }

    #[test]
    fn few_rows_are_read_also_by_plans_of_the_time_when_the_tables_were_empty() {
        with_plans_of_empty_tables(|connection| {
            let authorization = insert_client(connection);
            let find = |connection: &mut AnyConnection, (identifier, vendor): (Option<&str>, Option<String>)| {
                let lookup = AccountLookup::new("7", "", "root", identifier, authorization).unwrap();
                let lookup = lookup.with_sent(DeviceChanges { vendor, ..DeviceChanges::default() }, None).unwrap();
                visible_account(connection, &lookup, None).unwrap().map(|account| account.row.id.get())
            };
            let vendor = || Some(String::new());
            let cases = [(None, None), (Some("7"), None), (None, vendor()), (Some("7"), vendor())];
            for case in cases.clone() {
                assert_eq!(find(connection, case), None);
            }
            insert_accounts(connection);
            link_all(connection, "credential", 1..=3000);
            link_all(connection, "device", 1..=3000);
            for case in cases {
                let read = rows_read(connection, |connection| assert_eq!(find(connection, case.clone()), Some(7)));
                assert!((1..20).contains(&read), "{case:?}: {read} rows");
            }
        });
    }

    fn find_all(connection: &mut AnyConnection, lookups: &[AccountLookup]) -> Vec<Option<LockedAccount>> {
        let AnyConnection::Postgresql(c) = connection else { return Vec::new() };
        let lookups = TypedLookup::of_each(c, &lookups.iter().collect::<Vec<_>>()).unwrap();
        visible_accounts(c, &lookups).unwrap()
    }

    /// Stores a password of a credential with one version, of this many bytes.
    fn insert_password(connection: &mut AnyConnection, id: i32, bytes: usize) {
        let sealed = [sealed_bytes(1, id), vec![0; bytes]].concat();
        let row = SealedRow { version: 1, state: SecretState::Current, sealed };
        let head = SecretHead { highest_version: 1, current_version: Some(1), mac: Vec::new() };
        let owner = SecretOwner::Password(CredentialId::new(id));
        secret::insert_first(connection, &[FirstVersion { owner, row, created_at: 0, head }]).unwrap();
    }

    #[test]
    fn several_accounts_are_found_each_with_its_password() {
        with_plans_of_empty_tables(|connection| {
            let authorization = insert_client(connection);
            insert_data_key(connection, 1);
            let lookup =
                |name: &str, identifier| AccountLookup::new(name, "", "root", identifier, authorization).unwrap();
            let lookups = [
                lookup("7", Some("7")),
                lookup("8", None),
                lookup("8", Some("9")),
                lookup("7", Some("7")),
                lookup("10", Some("10")),
                lookup("11", None),
                lookup("2999", None),
            ];
            assert!(find_all(connection, &lookups).iter().all(Option::is_none));
            insert_accounts(connection);
            link_all(connection, "credential", 1..=20);
            run_sql(connection, "UPDATE credential SET parent_id = 8 WHERE id = 12");
            for (id, bytes) in [(7, 1), (8, 2), (10, 64 * 1024)] {
                insert_password(connection, id, bytes);
            }
            let read = rows_read(connection, |connection| {
                let found = find_all(connection, &lookups);
                let password = |account: &LockedAccount| {
                    let LockedPassword { stored, has_children } = account.password.as_ref()?;
                    Some((stored.versions[0].sealed.last().copied().unwrap(), *has_children))
                };
                let found: Vec<_> = found
                    .iter()
                    .map(|found| found.as_ref().map(|found| (found.row.id.get(), password(found))))
                    .collect();
                let (seven, eight) = (Some((7, Some((0, false)))), Some((8, Some((0, true)))));
                let large = Some((10, None));
                assert_eq!(found, [seven, eight, None, seven, large, Some((11, None)), None]);
            });
            assert!((10..200).contains(&read), "{read} rows");
        });
    }
}
