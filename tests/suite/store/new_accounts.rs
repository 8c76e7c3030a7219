//! Accounts that jobs create, whose names the writer locks for several of them at once on PostgreSQL, and which it inserts together.

use std::sync::{Arc, Mutex};

use chaveiro::store::credential::{self, CredentialChanges, NewAccount};
use chaveiro::store::credential_lock::{AccountLookup, LockedAhead, ReservedAccount};
use chaveiro::store::credential_lookup::{CredentialKey, CredentialLookup};
use chaveiro::store::id::AuthorizationId;
use chaveiro::store::secret::{FirstVersion, SecretOwner};
use chaveiro::store::{Database, DeferrableWrite, Transaction};
use diesel::connection::SimpleConnection;

use super::accounts::{FAILED, Found, Jobs, bench, changes, head, locked, sealed, some, writes};
use super::bench::{location, ticket};

/// The names of the accounts that are not among the first three, each with its links and versions, by name.
const CREATED: &str = "SELECT username || ' ' || (SELECT COUNT(*) FROM authorization_link WHERE object_kind = 'credential' AND object_id = c.id)
    || ' ' || (SELECT COUNT(*) FROM secret s JOIN secret_head h USING (kind, owner_id) WHERE owner_id = c.id AND version = current_version)
    FROM credential c WHERE username NOT IN ('a', 'b', 'c') ORDER BY username";

/// Leaves the rows of a new account to the end of the transaction.
fn create(transaction: &mut Transaction<'_>, place: &ReservedAccount, name: &str) {
    let columns = CredentialChanges {
        device_id: Some(place.device.id),
        username: Some(name.into()),
        identifier: Some(name.into()),
        ..CredentialChanges::default()
    };
    let id = place.id;
    let new = NewAccount::new(id, place.authorization, columns, &[], 1).expect("an account without tags");
    assert_eq!(transaction.write_later(DeferrableWrite::Account(new)), None);
    let first = FirstVersion { owner: SecretOwner::Password(id), row: sealed(1), created_at: 1, head: head(1) };
    assert_eq!(transaction.write_later(DeferrableWrite::FirstVersion(first)), None);
}

/// A job that creates the account of this name, if it was found free. Returns what was locked ahead.
fn creates(name: &'static str) -> impl Fn(&mut Transaction<'_>) -> Found {
    move |transaction| match transaction.take_locked_account() {
        LockedAhead::Reserved(place) => {
            create(transaction, &place, name);
            Ok(Some("created".into()))
        }
        LockedAhead::NotFound => Ok(Some("not found".into())),
        LockedAhead::NotTried => Ok(None),
        LockedAhead::Found(account) => Ok(Some(account.row.username)),
    }
}

#[actix_web::test]
async fn accounts_of_several_jobs_are_created_together() {
    let Some(bench) = bench().await else { return };
    let jobs = ["x", "a", "y"].map(|name| bench.store.write(changes(name), creates(name)));
    assert_eq!(bench.together(jobs.into()).await, [some("created"), some("a"), some("created")]);
    assert_eq!(bench.database.texts(CREATED), ["x 1 1", "y 1 1"]);
    assert_eq!(bench.commits(), [1, 4]);
    let jobs = ["x", "y"].map(|name| bench.store.write(changes(name), locked));
    assert_eq!(bench.together(jobs.into()).await, [some("x 1"), some("y 1")]);
}

#[actix_web::test]
async fn of_two_jobs_that_create_an_account_the_second_one_finds_it() {
    let Some(bench) = bench().await else { return };
    let finds = |transaction: &mut Transaction<'_>| {
        assert!(matches!(transaction.take_locked_account(), LockedAhead::NotFound));
        Ok(credential::by_identifier(transaction.connection()?, "x")?.map(|row| row.username))
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("x"), creates("x"))),
        Box::pin(bench.store.write(changes("x"), finds)),
        Box::pin(bench.store.write(changes("y"), creates("y"))),
    ];
    assert_eq!(bench.together(jobs).await, [some("created"), some("x"), some("created")]);
    assert_eq!(bench.database.texts(CREATED), ["x 1 1", "y 1 1"]);
}

#[actix_web::test]
async fn what_a_job_created_is_kept_or_not_with_what_it_writes_then() {
    let Some(bench) = bench().await else { return };
    let fails = |transaction: &mut Transaction<'_>| {
        creates("x")(transaction)?;
        FAILED
    };
    let finds_its_own = |transaction: &mut Transaction<'_>| {
        let found = creates("y")(transaction)?;
        assert!(credential::by_identifier(transaction.connection()?, "y")?.is_some());
        Ok(found)
    };
    let finds_its_own_and_fails = |transaction: &mut Transaction<'_>| {
        creates("z")(transaction)?;
        assert!(credential::by_identifier(transaction.connection()?, "z")?.is_some());
        FAILED
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("w"), creates("w"))),
        Box::pin(bench.store.write(changes("x"), fails)),
        Box::pin(bench.store.write(changes("y"), finds_its_own)),
        Box::pin(bench.store.write(changes("z"), finds_its_own_and_fails)),
    ];
    assert_eq!(bench.together(jobs).await, [some("created"), FAILED, some("created"), FAILED]);
    assert_eq!(bench.database.texts(CREATED), ["w 1 1", "y 1 1"]);
}

#[actix_web::test]
async fn a_name_or_a_device_that_somebody_else_has_locked_is_left_to_its_job() {
    let Some(bench) = bench().await else { return };
    let mut other = Database::connect(&location(&bench.database), true).unwrap().unwrap();
    let name = |name: &str| {
        format!("SELECT pg_advisory_xact_lock(hashtextextended('{name}', 'credential'::regclass::bigint))")
    };
    let locks = [
        (name("identifier/x"), [some("not found"), some("free")]),
        (name("username/1/y"), [some("free"), some("not found")]),
        ("SELECT FROM device FOR UPDATE".into(), [some("not found"), some("not found")]),
    ];
    for (lock, expected) in locks {
        other.connection().batch_execute(&format!("BEGIN; {lock}")).unwrap();
        let jobs = ["x", "y"].map(|name| bench.store.write(changes(name), locked));
        assert_eq!(bench.together(jobs.into()).await, expected, "{lock}");
        other.connection().batch_execute("COMMIT").unwrap();
    }
}

/// Somebody else takes a name without its lock.
#[actix_web::test]
async fn an_account_that_is_refused_fails_no_other_job() {
    let Some(bench) = bench().await else { return };
    let other = Mutex::new(Database::connect(&location(&bench.database), true).unwrap().unwrap());
    let loses_its_name = move |transaction: &mut Transaction<'_>| {
        let taken = "UPDATE credential SET identifier = 'x' WHERE id = 3";
        other.lock().unwrap().connection().batch_execute(taken)?;
        creates("x")(transaction)
    };
    let jobs: Jobs<'_> = vec![
        Box::pin(bench.store.write(changes("x"), loses_its_name)),
        Box::pin(bench.store.write(changes("y"), creates("y"))),
        Box::pin(bench.store.write(ticket(), writes)),
    ];
    assert_eq!(bench.together(jobs).await, [Ok(None), Ok(None), Ok(None)], "each runs alone, with nothing ahead");
    assert_eq!(bench.database.texts("SELECT additional FROM credential WHERE id = 3"), ["written"]);
    assert_eq!(bench.database.texts(CREATED), [""; 0]);
}

#[actix_web::test]
async fn in_a_round_jobs_come_first_for_which_what_was_looked_up_holds() {
    let Some(bench) = bench().await else { return };
    bench.database.run("UPDATE credential SET parent_id = 1 WHERE id = 3");
    let order = Arc::new(Mutex::new(Vec::new()));
    let notes = |name: &'static str| {
        let order = Arc::clone(&order);
        move |_: &mut Transaction<'_>| {
            order.lock().unwrap().push(name);
            Ok(())
        }
    };
    let nowhere = AccountLookup::new("nowhere", "", "x", None, AuthorizationId::new(1));
    let key = CredentialKey { identifier: "x", id: None, username_at: None };
    let lookup = CredentialLookup::new(key, AuthorizationId::new(1));
    let jobs = [
        bench.store.write(ticket().with_account(nowhere), notes("saves what was not found")),
        bench.store.write(ticket(), notes("looks nothing up")),
        bench.store.write(changes("c"), notes("saves a child")),
        bench.store.write(changes("x"), notes("creates")),
        bench.store.write(changes("b"), notes("updates")),
        bench.store.write(ticket().with_lookup(Some(lookup.into())), notes("reads")),
    ];
    assert_eq!(bench.together(jobs.into()).await, [const { Ok(()) }; 6]);
    let expected = ["updates", "reads", "creates", "saves what was not found", "saves a child", "looks nothing up"];
    assert_eq!(*order.lock().unwrap(), expected);
}
