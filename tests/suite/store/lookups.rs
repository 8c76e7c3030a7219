//! What jobs look up, which the writer does for several of them at once on PostgreSQL.

use std::sync::Mutex;
use std::time::Duration;

use chaveiro::store::credential_lookup::{CredentialKey, CredentialLookup};
use chaveiro::store::id::AuthorizationId;
use chaveiro::store::object_lookup::Lookup;
use chaveiro::store::{Database, StoreError, Ticket, Transaction, WriterSettings};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::{LocalBoxFuture, join, join_all};

use super::bench::{ACCOUNTS, Bench, Gate, location, ticket};

/// A password of each credential of [`ACCOUNTS`].
const PASSWORDS: &str = "
    INSERT INTO secret_head (kind, owner_id, highest_version, current_version, current_changed_at, mac)
        SELECT 'credential.password', id, 1, NULL, 0, '' FROM credential;
    INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at)
        SELECT kind, owner_id, 1, 'candidate', '', 1, 0 FROM secret_head";

/// A store with the rows, whose writer knows the head of its chain: its transactions begin when something is written.
async fn bench() -> Bench {
    bench_with(|_| {}).await
}

async fn bench_with(adjust: impl FnOnce(&mut WriterSettings)) -> Bench {
    let bench = Bench::with(adjust);
    bench.database.run(ACCOUNTS);
    bench.database.run(PASSWORDS);
    assert_eq!(bench.store.write(ticket(), username).await, Ok(None));
    bench
}

/// The ticket of a job that looks up the credential of an identifier.
fn looks_up(identifier: &str) -> Ticket {
    let key = CredentialKey { identifier, id: None, username_at: None };
    ticket().with_lookup(Some(CredentialLookup::new(key, AuthorizationId::new(1)).into()))
}

/// A job that returns the username of what it looks up.
fn username(transaction: &mut Transaction<'_>) -> Result<Option<String>, StoreError> {
    Ok(transaction.looked_up()?.and_then(CredentialLookup::found).map(|found| found.row.username))
}

/// As [`username`], and then changes that of `b`.
fn renames_b(transaction: &mut Transaction<'_>) -> Result<Option<String>, StoreError> {
    let found = username(transaction)?;
    sql_query("UPDATE credential SET username = 'renamed' WHERE id = 2").execute(transaction.connection()?)?;
    Ok(found)
}

fn some(name: &str) -> Result<Option<String>, StoreError> {
    Ok(Some(name.into()))
}

#[actix_web::test]
async fn each_job_of_a_transaction_finds_what_it_asks_for() {
    let bench = bench().await;
    let mut jobs: Vec<LocalBoxFuture<'_, _>> = Vec::new();
    for identifier in ["c", "a", "missing", "b", "a"] {
        jobs.push(Box::pin(bench.store.write(looks_up(identifier), username)));
    }
    jobs.push(Box::pin(bench.store.write(ticket(), username)));
    jobs.push(Box::pin(bench.store.write(looks_up("c"), username)));
    let expected = [some("c"), some("a"), Ok(None), some("b"), some("a"), Ok(None), some("c")];
    assert_eq!(bench.together(jobs).await, expected);
    assert_eq!(bench.commits(), [1, 8]);
}

#[actix_web::test]
async fn a_job_finds_what_the_jobs_before_it_have_written() {
    let bench = bench().await;
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(looks_up("b"), username)),
        Box::pin(bench.store.write(looks_up("a"), renames_b)),
        Box::pin(bench.store.write(looks_up("b"), username)),
    ];
    assert_eq!(bench.together(jobs).await, [some("b"), some("a"), some("renamed")]);
}

#[actix_web::test]
async fn jobs_that_look_up_one_after_the_other_do_so_at_once_on_postgresql() {
    let bench = bench().await;
    if !bench.database.is_postgresql_or_skip() {
        return;
    }
    let other = Mutex::new(Database::connect(&location(&bench.database), true).unwrap().unwrap());
    let somebody_renames_b = move |transaction: &mut Transaction<'_>| {
        let found = username(transaction);
        other.lock().unwrap().connection().batch_execute("UPDATE credential SET username = 'renamed' WHERE id = 2")?;
        found
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(looks_up("a"), somebody_renames_b)),
        Box::pin(bench.store.write(looks_up("b"), username)),
    ];
    assert_eq!(bench.together(jobs).await, [some("a"), some("b")]);
    assert_eq!(bench.store.write(looks_up("b"), username).await, some("renamed"));
}

#[actix_web::test]
async fn a_lookup_that_fails_fails_its_own_job_and_no_others() {
    let bench = bench().await;
    if !bench.database.is_postgresql_or_skip() {
        return;
    }
    bench.database.run(
        "ALTER TABLE secret DROP CONSTRAINT secret_state_check;
         UPDATE secret SET state = 'unknown' WHERE owner_id = 2",
    );
    let jobs = ["a", "b", "c"].map(|identifier| bench.store.write(looks_up(identifier), username));
    let found = bench.together(jobs.into()).await;
    assert_eq!([&found[0], &found[2]], [&some("a"), &some("c")]);
    assert!(found[1].is_err());
    assert_eq!(bench.commits(), [1, 4]);
}

#[actix_web::test]
async fn jobs_that_have_not_run_are_not_lost_with_a_transaction() {
    let bench = bench().await;
    if !bench.database.is_postgresql_or_skip() {
        return;
    }
    let cut = |transaction: &mut Transaction<'_>| {
        sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(transaction.connection()?)?;
        username(transaction)
    };
    let gate = Gate::new();
    let others = async {
        gate.reached().await;
        let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
            Box::pin(bench.store.write(looks_up("a"), username)),
            Box::pin(bench.store.write(looks_up("b"), cut)),
            Box::pin(bench.store.write(looks_up("c"), username)),
            Box::pin(bench.store.write(looks_up("a"), username)),
        ];
        let open = async {
            bench.has_waiting(4).await;
            gate.open();
        };
        join(join_all(jobs), open).await.0
    };
    let (first, found) = join(bench.store.write(ticket(), gate.job()), others).await;
    assert!(first.is_err() && found[0].is_err() && found[1].is_err(), "{first:?} {found:?}");
    assert_eq!(found[2..], [some("c"), some("a")]);
}

#[actix_web::test]
async fn a_transaction_whose_time_is_over_leaves_the_jobs_behind_to_the_next_one() {
    let bench = bench_with(|settings| settings.batch_time = Duration::ZERO).await;
    let jobs = ["a", "b", "c"].map(|identifier| bench.store.write(looks_up(identifier), username));
    assert_eq!(bench.together(jobs.into()).await, [some("a"), some("b"), some("c")]);
    assert_eq!(bench.commits(), [1, 1, 1, 1, 1]);
}
