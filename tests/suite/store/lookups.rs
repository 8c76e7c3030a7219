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

use super::bench::{Bench, Gate, location, ticket};

/// An authorization that sees a device with the credentials `a`, `b` and `c`, each with a password.
const ROWS: &str = "
    INSERT INTO data_key (id, purpose, state, wrapped, created_at, resealed) VALUES (1, 'values', 'current', '', 0, 0);
    INSERT INTO device (id, hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
        session_remote_config, active, created_at, changed_at)
        VALUES (1, 'host', 'host', '', '', '', '', '', '', '', '', '', '', TRUE, 0, 0);
    INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, tags, domain, active, created_at,
        changed_at)
        SELECT id, 'password', 1, name, name, '', '', '', '', TRUE, 0, 0
        FROM (SELECT 1 AS id, 'a' AS name UNION SELECT 2, 'b' UNION SELECT 3, 'c') AS names;
    INSERT INTO secret_head (kind, owner_id, highest_version, current_version, current_changed_at, mac)
        SELECT 'credential.password', id, 1, NULL, 0, '' FROM credential;
    INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at)
        SELECT kind, owner_id, 1, 'candidate', '', 1, 0 FROM secret_head;
    INSERT INTO application (id, name, active, created_at) VALUES (1, 'app', TRUE, 0);
    INSERT INTO \"authorization\" (id, application_id, client_id, access, resources, allowed_ips, referers, certificates, active, created_at)
        VALUES (1, 1, 'client', '', '', '', '', '', TRUE, 0);
    INSERT INTO authorization_link (authorization_id, object_kind, object_id) VALUES (1, 'device', 1)";

/// A store with the rows, whose writer knows the head of its chain: its transactions begin when something is written.
async fn bench() -> Bench {
    bench_with(|_| {}).await
}

async fn bench_with(adjust: impl FnOnce(&mut WriterSettings)) -> Bench {
    let bench = Bench::with(adjust);
    bench.database.run(ROWS);
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
