//! Queries that read and lock at once, on PostgreSQL: what they lock, and what they return after a wait for it. SQLite has one
//! writer and needs no locks.

use chaveiro::store::credential_lock::{self, AccountLookup};
use chaveiro::store::device::{self, DeviceChanges};
use chaveiro::store::id::{AuthorizationId, CredentialId, DeviceId};
use chaveiro::store::secret::{self, FirstVersion, Replacement, SealedRow, SecretHead, SecretOwner, SecretState};
use chaveiro::store::{AnyConnection, Database, StoreError};
use diesel::connection::SimpleConnection;

use super::bench::{location, until_somebody_waits};
use crate::support::TestDatabase;

/// A device with a credential, whose password has version 1, and which the first of two authorizations sees.
const ROWS: &str = "
    INSERT INTO data_key (id, purpose, state, wrapped, created_at, resealed) VALUES (1, 'values', 'current', '', 0, 0);
    INSERT INTO device (id, hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
        session_remote_config, active, created_at, changed_at)
        VALUES (1, 'host', 'host', '', '', '', '', '', '', '', '', '', '', TRUE, 0, 0);
    INSERT INTO credential (id, kind, device_id, username, credential_type, additional, tags, domain, active, created_at, changed_at)
        VALUES (1, 'password', 1, 'root', '', '', '', '', TRUE, 0, 0);
    INSERT INTO application (id, name, active, created_at) VALUES (1, 'app', TRUE, 0);
    INSERT INTO \"authorization\" (id, application_id, client_id, access, resources, allowed_ips, referers, certificates, active, created_at)
        VALUES (1, 1, 'first', '', '', '', '', '', TRUE, 0), (2, 1, 'second', '', '', '', '', '', TRUE, 0);
    INSERT INTO authorization_link (authorization_id, object_kind, object_id) VALUES (1, 'credential', 1)";

const OWNER: SecretOwner = SecretOwner::Password(CredentialId::new(1));

fn sealed(version: i32, state: SecretState) -> SealedRow {
    let key = 1_i32.to_be_bytes();
    SealedRow { version, state, sealed: [[1].as_slice(), &key, &[0; 24]].concat() }
}

fn head(highest_version: i32, current_version: i32) -> SecretHead {
    SecretHead { highest_version, current_version: Some(current_version), mac: Vec::new() }
}

/// Returns two connections to a database with the rows, the first one in a transaction; `None` on SQLite.
fn two_connections() -> Option<(TestDatabase, Database, Database)> {
    let database = TestDatabase::new();
    if !database.is_postgresql_or_skip() {
        return None;
    }
    let connect = || Database::connect(&location(&database), true).unwrap().unwrap();
    let (mut first, second) = (connect(), connect());
    first.migrate().unwrap();
    let connection = first.connection();
    connection.batch_execute(ROWS).unwrap();
    let version = FirstVersion { owner: OWNER, row: sealed(1, SecretState::Current), created_at: 0, head: head(1, 1) };
    secret::insert_first(connection, &[version]).unwrap();
    connection.batch_execute("BEGIN").unwrap();
    Some((database, first, second))
}

/// Whether a lock of a table's row is granted at once.
fn is_granted(database: &mut Database, lock: &str) -> bool {
    database.connection().batch_execute(&format!("SELECT FROM {lock} NOWAIT")).is_ok()
}

/// The lookup of the credential by an authorization.
fn lookup(authorization: i32) -> AccountLookup {
    AccountLookup::new("host", "", "root", None, AuthorizationId::new(authorization)).unwrap()
}

#[test]
fn an_account_is_locked_and_its_device_is_kept() {
    let Some((_database, mut first, mut second)) = two_connections() else { return };
    let account =
        |database: &mut Database| credential_lock::visible_account(database.connection(), &lookup(1), None).unwrap();
    assert!(account(&mut first).is_some());
    assert!(!is_granted(&mut second, "credential FOR SHARE"));
    assert!(!is_granted(&mut second, "device FOR UPDATE"));
    assert!(is_granted(&mut second, "device FOR NO KEY UPDATE"));
    assert!(is_granted(&mut second, "secret_head FOR UPDATE"));
    assert!(account(&mut second).is_none(), "it does not wait");
    first.connection().batch_execute("COMMIT").unwrap();
    assert!(account(&mut second).is_some());
}

#[test]
fn a_device_that_is_kept_may_be_changed_and_not_deactivated() {
    let Some((_database, mut first, mut second)) = two_connections() else { return };
    let id = DeviceId::new(1);
    let other = second.connection();
    other.batch_execute("SET lock_timeout = '20ms'").unwrap();
    assert!(device::key_share_locked(first.connection(), id).unwrap().unwrap().active);
    let row = device::by_id(other, id).unwrap().unwrap();
    let changes = DeviceChanges { vendor: Some("HPE".into()), ..DeviceChanges::default() };
    assert_eq!(device::update(other, &row, changes, 1), Ok(true));
    assert!(matches!(device::set_active(other, id, false, 1), Err(StoreError::Contended(_))));
    first.connection().batch_execute("COMMIT").unwrap();
    device::set_active(other, id, false, 1).unwrap();
    assert!(!device::key_share_locked(first.connection(), id).unwrap().unwrap().active);
}

#[test]
fn an_account_that_is_not_seen_is_not_locked() {
    let Some((_database, mut first, mut second)) = two_connections() else { return };
    let found = credential_lock::visible_account(first.connection(), &lookup(2), None).unwrap();
    assert!(found.is_none());
    assert!(is_granted(&mut second, "credential FOR UPDATE"));
    assert!(is_granted(&mut second, "device FOR UPDATE"));
}

#[test]
fn a_head_is_locked_and_its_versions_are_not() {
    let Some((_database, mut first, mut second)) = two_connections() else { return };
    let (found, versions) = secret::locked_head_with_versions(first.connection(), OWNER).unwrap().unwrap();
    assert_eq!((found, versions.len()), (head(1, 1), 1));
    assert!(!is_granted(&mut second, "secret_head FOR SHARE"));
    assert!(is_granted(&mut second, "secret FOR UPDATE"));
}

/// Changes a secret in the first transaction while the second one waits for its head, and returns what that gets: the head, and its
/// versions with their states.
fn found_after(change: impl FnOnce(&mut AnyConnection)) -> Option<(SecretHead, Vec<(i32, SecretState)>)> {
    let (_database, mut first, mut second) = two_connections()?;
    let connection = first.connection();
    secret::insert(connection, OWNER, sealed(2, SecretState::Candidate), 0).unwrap();
    secret::change_state(connection, OWNER, 2, (SecretState::Candidate, SecretState::Unverified)).unwrap();
    secret::update_highest(connection, OWNER, &head(2, 1)).unwrap();
    connection.batch_execute("COMMIT; BEGIN").unwrap();
    secret::locked_head(connection, OWNER).unwrap().unwrap();
    change(connection);
    let waits = std::thread::spawn(move || {
        let connection = second.connection();
        connection.batch_execute("SET lock_timeout = '1min'; BEGIN").unwrap();
        secret::locked_head_with_versions(connection, OWNER).unwrap().unwrap()
    });
    until_somebody_waits(connection);
    connection.batch_execute("COMMIT").unwrap();
    let (head, versions) = waits.join().unwrap();
    let mut versions: Vec<_> = versions.iter().map(|row| (row.version, row.state)).collect();
    versions.sort_unstable_by_key(|(version, _)| *version);
    Some((head, versions))
}

#[test]
fn after_a_wait_for_a_head_its_versions_are_those_that_it_names_by_then() {
    use SecretState::{Current, Previous, Rejected, Unverified};
    let replaced = found_after(|connection| {
        let (row, head) = (sealed(3, Current), head(3, 3));
        let new = Replacement { owner: OWNER, replaced: 1, row, created_at: 0, head, prune_to: 0 };
        secret::replace_current(connection, &[new]).unwrap();
    });
    let Some(replaced) = replaced else { return };
    assert_eq!(replaced, (head(3, 3), vec![(3, Current)]));
    // The rows of before have the numbers that the new head names, and other states.
    let promoted = found_after(|connection| {
        secret::change_state(connection, OWNER, 1, (Current, Previous)).unwrap();
        secret::change_state(connection, OWNER, 2, (Unverified, Current)).unwrap();
        secret::update_current(connection, OWNER, &head(2, 2), 0).unwrap();
    });
    assert_eq!(promoted, Some((head(2, 2), vec![(2, Current)])));
    // The current version stays, and is joined with the new head.
    let added = found_after(|connection| {
        secret::change_state(connection, OWNER, 2, (Unverified, Rejected)).unwrap();
        secret::insert(connection, OWNER, sealed(3, SecretState::Candidate), 0).unwrap();
        secret::update_highest(connection, OWNER, &head(3, 1)).unwrap();
    });
    assert_eq!(added, Some((head(3, 1), vec![(1, Current), (3, SecretState::Candidate)])));
}
