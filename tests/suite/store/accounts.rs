//! Accounts that jobs change, which the writer locks for several of them at once on PostgreSQL, and new versions of their passwords,
//! which it writes together.

use std::sync::Mutex;

use chaveiro::store::credential_lock::{AccountLookup, LockedAccount, LockedAhead};
use chaveiro::store::credential_lookup::{CredentialKey, CredentialLookup};
use chaveiro::store::id::{AuthorizationId, CredentialId};
use chaveiro::store::object_lookup::Lookup;
use chaveiro::store::secret::{self, FirstVersion, Replacement, SealedRow, SecretHead, SecretOwner, SecretState};
use chaveiro::store::{Database, DeferrableWrite, StoreError, Ticket, Transaction};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::LocalBoxFuture;

use super::bench::{ACCOUNTS, Bench, location, ticket};

/// The names of the states of a credential's versions, oldest first.
const STATES: &str = "SELECT owner_id || ' ' || version || ' ' || state FROM secret ORDER BY owner_id, version";

pub(super) type Found = Result<Option<String>, StoreError>;
pub(super) type Jobs<'a> = Vec<LocalBoxFuture<'a, Found>>;

/// A store on PostgreSQL with the rows, whose writer knows the head of its chain.
pub(super) async fn bench() -> Option<Bench> {
    let bench = Bench::new();
    if !bench.database.is_postgresql_or_skip() {
        return None;
    }
    bench.database.run(ACCOUNTS);
    bench.database.run("ALTER TABLE credential ALTER COLUMN id RESTART WITH 4");
    let mut database = Database::connect(&location(&bench.database), true).unwrap().unwrap();
    for id in 1..=3 {
        let first = FirstVersion { owner: owner(id), row: sealed(1), created_at: 0, head: head(1) };
        secret::insert_first(database.connection(), &[first]).unwrap();
    }
    assert_eq!(bench.store.write(ticket(), locked).await, Ok(None));
    Some(bench)
}

fn owner(id: i32) -> SecretOwner {
    SecretOwner::Password(CredentialId::new(id))
}

pub(super) fn sealed(version: i32) -> SealedRow {
    let key = 1_i32.to_be_bytes();
    SealedRow { version, state: SecretState::Current, sealed: [[1].as_slice(), &key, &[0; 24]].concat() }
}

pub(super) fn head(version: i32) -> SecretHead {
    SecretHead { highest_version: version, current_version: Some(version), mac: Vec::new() }
}

/// The ticket of a job that changes the account of this name.
pub(super) fn changes(name: &str) -> Ticket {
    ticket().with_account(AccountLookup::new("HOST", "", name, Some(name), AuthorizationId::new(1)))
}

/// Returns the name of the account that was locked ahead, and the number of its current version.
fn name_and_version(account: &LockedAccount) -> Option<String> {
    let current = account.password.as_ref()?.stored.head.as_ref()?.current_version?;
    Some(format!("{} {current}", account.row.username))
}

/// A job that returns what was locked ahead.
pub(super) fn locked(transaction: &mut Transaction<'_>) -> Found {
    Ok(match transaction.take_locked_account() {
        LockedAhead::NotTried => None,
        LockedAhead::NotFound => Some("not found".into()),
        LockedAhead::Reserved(_) => Some("free".into()),
        LockedAhead::Found(account) => Some(name_and_version(&account).unwrap_or_else(|| "no password".into())),
    })
}

/// Replaces the current version of the account that was locked ahead. Returns it with its version of before.
fn replaces(transaction: &mut Transaction<'_>) -> Found {
    let LockedAhead::Found(account) = transaction.take_locked_account() else { return Ok(None) };
    let found = name_and_version(&account);
    let password = account.password.expect("a password");
    let replaced = password.stored.head.and_then(|head| head.current_version).expect("a current version");
    let (row, head, owner) = (sealed(replaced + 1), head(replaced + 1), owner(account.row.id.get()));
    let new = Replacement { owner, replaced, row, created_at: 1, head, prune_to: 0 };
    assert_eq!(transaction.write_later(DeferrableWrite::Replacement(new)), None);
    Ok(found)
}

/// As [`replaces`], and fails.
fn replaces_and_fails(transaction: &mut Transaction<'_>) -> Found {
    replaces(transaction)?;
    Err(StoreError::Query("a test"))
}

/// As [`replaces`], and then writes by itself.
fn replaces_and_writes(transaction: &mut Transaction<'_>) -> Found {
    let found = replaces(transaction)?;
    writes(transaction)?;
    Ok(found)
}

/// A job that writes by itself.
pub(super) fn writes(transaction: &mut Transaction<'_>) -> Found {
    sql_query("UPDATE credential SET additional = 'written' WHERE id = 3").execute(transaction.connection()?)?;
    Ok(None)
}

/// As [`replaces_and_writes`], and fails.
fn replaces_writes_and_fails(transaction: &mut Transaction<'_>) -> Found {
    replaces_and_writes(transaction)?;
    Err(StoreError::Query("a test"))
}

/// As [`locked`], and uses the connection.
fn locked_and_writes(transaction: &mut Transaction<'_>) -> Found {
    let found = locked(transaction);
    transaction.connection()?;
    found
}

pub(super) fn some(found: &str) -> Found {
    Ok(Some(found.into()))
}

pub(super) const FAILED: Found = Err(StoreError::Query("a test"));

#[actix_web::test]
async fn each_job_gets_the_account_that_it_changes() {
    let Some(bench) = bench().await else { return };
    let mut jobs: Jobs<'_> = Vec::new();
    for name in ["c", "a", "missing", "b"] {
        jobs.push(Box::pin(bench.store.write(changes(name), locked)));
    }
    jobs.push(Box::pin(bench.store.write(ticket(), locked)));
    assert_eq!(bench.together(jobs).await, [some("c 1"), some("a 1"), some("free"), some("b 1"), Ok(None)]);
    assert_eq!(bench.commits(), [1, 6]);
}

#[actix_web::test]
async fn new_versions_of_several_jobs_are_written_together() {
    let Some(bench) = bench().await else { return };
    let jobs = ["b", "a"].map(|name| bench.store.write(changes(name), replaces));
    assert_eq!(bench.together(jobs.into()).await, [some("b 1"), some("a 1")]);
    let expected = ["1 1 previous", "1 2 current", "2 1 previous", "2 2 current", "3 1 current"];
    assert_eq!(bench.database.texts(STATES), expected);
    let heads =
        "SELECT owner_id || ' ' || current_version || ' ' || current_changed_at FROM secret_head ORDER BY owner_id";
    assert_eq!(bench.database.texts(heads), ["1 2 1", "2 2 1", "3 1 0"]);
    assert_eq!(bench.commits(), [1, 3]);
}

#[actix_web::test]
async fn an_account_that_a_job_has_changed_is_not_the_one_that_was_locked_ahead() {
    let Some(bench) = bench().await else { return };
    let reads = |transaction: &mut Transaction<'_>| {
        let ahead = locked(transaction)?;
        assert_eq!(ahead, None);
        let (head, versions) = secret::head_with_versions(transaction.connection()?, owner(1))?.expect("a head");
        Ok(Some(format!("{:?} of {}", head.current_version, versions.len())))
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("a"), replaces)),
        Box::pin(bench.store.write(changes("b"), locked)),
        Box::pin(bench.store.write(changes("a"), reads)),
        Box::pin(bench.store.write(changes("b"), locked)),
    ];
    let expected = [some("a 1"), some("b 1"), some("Some(2) of 1"), Ok(None)];
    assert_eq!(bench.together(jobs).await, expected, "the third job has no account, and may have changed everything");
}

#[actix_web::test]
async fn a_read_behind_a_new_version_finds_it_and_one_of_another_account_what_was_looked_up() {
    let Some(bench) = bench().await else { return };
    let looks_up = |identifier| {
        let key = CredentialKey { identifier, id: None, username_at: None };
        ticket().with_lookup(Some(CredentialLookup::new(key, AuthorizationId::new(1)).into()))
    };
    let reads = |transaction: &mut Transaction<'_>| {
        let found = transaction.looked_up()?.and_then(CredentialLookup::found).expect("an account");
        let current = found.password.head.and_then(|head| head.current_version);
        Ok(Some(format!("{} {} {current:?}", found.row.username, found.row.additional)))
    };
    // Somebody else changes what is looked up: what was looked up before does not show it.
    let other = Mutex::new(Database::connect(&location(&bench.database), true).unwrap().unwrap());
    let replaces_while_all_change = move |transaction: &mut Transaction<'_>| {
        let changes = "UPDATE credential SET additional = 'changed' WHERE id = 2";
        other.lock().unwrap().connection().batch_execute(changes)?;
        replaces(transaction)
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("a"), replaces_while_all_change)),
        Box::pin(bench.store.write(looks_up("b"), reads)),
        Box::pin(bench.store.write(looks_up("a"), reads)),
    ];
    assert_eq!(bench.together(jobs).await, [some("a 1"), some("b  Some(1)"), some("a  Some(2)")]);
}

#[actix_web::test]
async fn what_a_job_writes_of_its_own_account_leaves_those_of_others_as_they_are() {
    let Some(bench) = bench().await else { return };
    let writes = |transaction: &mut Transaction<'_>| {
        let found = replaces(transaction);
        sql_query("UPDATE credential SET additional = 'written' WHERE id = 1").execute(transaction.connection()?)?;
        found
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(ticket(), |transaction: &mut Transaction<'_>| {
            transaction.connection()?;
            Ok(None)
        })),
        Box::pin(bench.store.write(changes("a"), writes)),
        Box::pin(bench.store.write(changes("b"), replaces)),
        Box::pin(bench.store.write(changes("a"), locked)),
    ];
    // The job without an account runs last.
    assert_eq!(bench.together(jobs).await, [Ok(None), some("a 1"), some("b 1"), Ok(None)]);
    // One that others share a password with is none that is changed alone: it runs behind the others.
    bench.database.run("UPDATE credential SET parent_id = 1 WHERE id = 3");
    let jobs = ["a", "c", "b"].map(|name| bench.store.write(changes(name), locked_and_writes));
    assert_eq!(bench.together(jobs.into()).await, [some("a 2"), Ok(None), some("b 2")]);
}

#[actix_web::test]
async fn a_refusal_keeps_its_record_and_nothing_that_was_deferred() {
    let Some(bench) = bench().await else { return };
    let refused = |transaction: &mut Transaction<'_>| {
        let found = replaces(transaction);
        transaction.roll_back()?;
        found
    };
    let in_part = |transaction: &mut Transaction<'_>| {
        let found = replaces(transaction);
        let undone: Result<(), ()> = transaction.savepoint(|_| Err(()))?;
        assert_eq!(undone, Err(()));
        found
    };
    let jobs: Jobs<'_> =
        vec![Box::pin(bench.store.write(changes("a"), refused)), Box::pin(bench.store.write(changes("b"), in_part))];
    assert_eq!(bench.together(jobs).await, [some("a 1"), some("b 1")]);
    assert_eq!(bench.database.texts(STATES), ["1 1 current", "2 1 previous", "2 2 current", "3 1 current"]);
}

#[actix_web::test]
async fn what_a_job_deferred_that_fails_is_not_written() {
    let Some(bench) = bench().await else { return };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("a"), replaces)),
        Box::pin(bench.store.write(changes("b"), replaces_and_fails)),
        Box::pin(bench.store.write(changes("c"), replaces_writes_and_fails)),
    ];
    assert_eq!(bench.together(jobs).await, [some("a 1"), FAILED, FAILED]);
    let expected = ["1 1 previous", "1 2 current", "2 1 current", "3 1 current"];
    assert_eq!(bench.database.texts(STATES), expected);
    assert_eq!(bench.database.texts("SELECT additional FROM credential WHERE id = 3"), [""]);
}

#[actix_web::test]
async fn what_a_job_deferred_is_kept_with_what_it_writes_then() {
    let Some(bench) = bench().await else { return };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("a"), replaces)),
        Box::pin(bench.store.write(changes("b"), replaces_and_writes)),
        Box::pin(bench.store.write(ticket(), |transaction: &mut Transaction<'_>| {
            transaction.connection()?;
            FAILED
        })),
    ];
    assert_eq!(bench.together(jobs).await, [some("a 1"), some("b 1"), FAILED]);
    let expected = ["1 1 previous", "1 2 current", "2 1 previous", "2 2 current", "3 1 current"];
    assert_eq!(bench.database.texts(STATES), expected);
    assert_eq!(bench.database.texts("SELECT additional FROM credential WHERE id = 3"), ["written"]);
}

/// A job whose new version is refused, first together with those of others, and then alone.
#[actix_web::test]
async fn a_new_version_that_is_refused_fails_its_own_job_and_no_others() {
    let Some(bench) = bench().await else { return };
    let other = Mutex::new(Database::connect(&location(&bench.database), true).unwrap().unwrap());
    // Alone, a job has no account that was locked ahead, and finds out by itself.
    let or_alone = move |transaction: &mut Transaction<'_>| {
        let changes = "UPDATE secret SET state = 'previous' WHERE owner_id = 2";
        other.lock().unwrap().connection().batch_execute(changes)?;
        replaces(transaction)?.map_or(Err(StoreError::NotFound), |found| Ok(Some(found)))
    };
    let alone = |id: i32| {
        move |transaction: &mut Transaction<'_>| match replaces(transaction)? {
            None => {
                let new = Replacement {
                    owner: owner(id),
                    replaced: 1,
                    row: sealed(2),
                    created_at: 1,
                    head: head(2),
                    prune_to: 0,
                };
                secret::replace_current(transaction.connection()?, &[new])?;
                Ok(Some("alone".into()))
            }
            found => Ok(found),
        }
    };
    // The last job uses the connection, for which the versions of the others are written.
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("a"), alone(1))),
        Box::pin(bench.store.write(changes("b"), or_alone)),
        Box::pin(bench.store.write(changes("c"), alone(3))),
        Box::pin(bench.store.write(ticket(), writes)),
    ];
    assert_eq!(bench.together(jobs).await, [some("alone"), Err(StoreError::NotFound), some("alone"), Ok(None)]);
    assert_eq!(bench.database.texts("SELECT additional FROM credential WHERE id = 3"), ["written"]);
    let expected = ["1 1 previous", "1 2 current", "2 1 previous", "3 1 previous", "3 2 current"];
    assert_eq!(bench.database.texts(STATES), expected);
}

#[actix_web::test]
async fn accounts_that_somebody_else_has_locked_are_left_to_their_jobs() {
    let Some(bench) = bench().await else { return };
    let mut other = Database::connect(&location(&bench.database), true).unwrap().unwrap();
    let locks = [
        ("SELECT FROM credential WHERE id = 1 FOR UPDATE", [some("not found"), some("b 1")]),
        ("SELECT FROM secret_head WHERE owner_id = 1 FOR UPDATE", [some("no password"), some("b 1")]),
        ("SELECT FROM device FOR UPDATE", [some("not found"), some("not found")]),
    ];
    for (lock, expected) in locks {
        other.connection().batch_execute(&format!("BEGIN; {lock}")).unwrap();
        let jobs = ["a", "b"].map(|name| bench.store.write(changes(name), locked));
        assert_eq!(bench.together(jobs.into()).await, expected, "{lock}");
        other.connection().batch_execute("COMMIT").unwrap();
    }
}

#[actix_web::test]
async fn a_lock_ahead_that_fails_fails_no_job() {
    let Some(bench) = bench().await else { return };
    bench.database.run(
        "ALTER TABLE secret DROP CONSTRAINT secret_state_check;
         UPDATE secret SET state = 'unknown' WHERE owner_id = 2",
    );
    let jobs = ["a", "b"].map(|name| bench.store.write(changes(name), locked));
    assert_eq!(bench.together(jobs.into()).await, [Ok(None), Ok(None)]);
    let jobs = ["a", "c"].map(|name| bench.store.write(changes(name), locked));
    assert_eq!(bench.together(jobs.into()).await, [some("a 1"), some("c 1")]);
    assert_eq!(bench.store.write(changes("a"), locked).await, Ok(None), "a job alone saves nothing by it");
}
