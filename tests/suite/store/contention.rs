//! Jobs that meet another transaction run again, alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chaveiro::store::lookup::{self, LookupKind};
use chaveiro::store::{AnyConnection, Cause, Database, Store, StoreError, Transaction};
use crossbeam_channel::{Receiver, Sender, unbounded};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::{LocalBoxFuture, join, join_all};

use super::bench::{Bench, location, open, register, ticket, until, until_somebody_waits};

#[actix_web::test]
async fn a_key_that_stays_taken_is_a_conflict_after_a_bounded_number_of_runs() {
    let bench = Bench::new();
    bench.store.write(ticket(), register("taken")).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let insert = move |transaction: &mut Transaction<'_>| {
        count.fetch_add(1, Ordering::SeqCst);
        let insert = "INSERT INTO domain (name, name_key) VALUES ('again', 'taken')";
        sql_query(insert).execute(transaction.connection()?)?;
        Ok(())
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket(), insert)),
        Box::pin(bench.store.write(ticket(), register("neighbour"))),
    ];
    assert_eq!(bench.together(jobs).await, [Err(StoreError::Conflict(Cause::default())), Ok(())]);
    let runs = runs.load(Ordering::SeqCst);
    assert!((2..=20).contains(&runs), "{runs} runs");
    assert_eq!(bench.domains(), ["neighbour", "taken"]);
}

#[actix_web::test]
async fn two_stores_that_write_the_same_keys_at_once_agree() {
    let bench = Bench::new();
    let (second, _) = open(&bench.database, |settings| settings.node = "second".into());
    let name = |number: usize, upper: bool| {
        let name = format!("site-{}", number % 4);
        if upper { name.to_uppercase() } else { name }
    };
    let write = |store: &Arc<Store>, name: String| {
        let store = Arc::clone(store);
        async move {
            let job = move |transaction: &mut Transaction<'_>| {
                lookup::register(transaction.connection()?, LookupKind::Site, &name)
            };
            store.write(ticket(), job).await
        }
    };
    let first = join_all((0..32).map(|number| write(&bench.store, name(number, false))));
    let others = join_all((0..32).map(|number| write(&second, name(number, true))));
    let (first, others) = join(first, others).await;
    for number in 0..32 {
        assert!(first[number].is_ok(), "{:?}", first[number]);
        assert_eq!(first[number], others[number], "one spelling");
    }
    assert_eq!(bench.database.numbers("SELECT id FROM lookup WHERE kind = 'site'").len(), 4);
}

/// Two devices, and a transaction from elsewhere that holds the second one.
struct Elsewhere {
    bench: Bench,
    held: Receiver<()>,
    go_on: Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Elsewhere {
    /// `then` is what the transaction does once it may go on, before it commits.
    async fn holding(first: &'static str, then: impl FnOnce(&mut AnyConnection) + Send + 'static) -> Option<Self> {
        let bench = Bench::new();
        if !bench.database.is_postgresql_or_skip() {
            return None; // SQLite has one writer at a time; there is nothing to meet.
        }
        let row = "('1', '', '', '', '', '', '', '', '', '', '', true, 0, 0)";
        let other = row.replace("'1'", "'2'");
        bench.database.run(&format!(
            "INSERT INTO device (hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
             session_remote_config, active, created_at, changed_at)
             SELECT c.column1, c.* FROM (VALUES {row}, {other}) c"
        ));
        let (held_at, held) = unbounded();
        let (go_on, may_go) = unbounded();
        let mut database = Database::connect(&location(&bench.database), false).unwrap().unwrap();
        let thread = std::thread::spawn(move || {
            let work = |connection: &mut AnyConnection| {
                connection.batch_execute(first)?;
                held_at.send(()).unwrap();
                may_go.recv_timeout(Duration::from_secs(60)).unwrap();
                then(connection);
                Ok(())
            };
            database.transaction(work).unwrap();
        });
        Some(Self { bench, held, go_on, thread })
    }

    /// Runs the job while the transaction holds what it holds, which goes on when the job has begun its second run.
    async fn met_by<T: Send + 'static>(
        self,
        job: impl Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> (Result<T, StoreError>, usize, Bench) {
        let Self { bench, held, go_on, thread } = self;
        until(|| held.try_recv().is_ok()).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let counted = move |transaction: &mut Transaction<'_>| {
            count.fetch_add(1, Ordering::SeqCst);
            job(transaction)
        };
        let again = async {
            until(|| runs.load(Ordering::SeqCst) >= 2).await;
            go_on.send(()).unwrap();
        };
        let (answer, ()) = join(bench.store.write(ticket(), counted), again).await;
        thread.join().unwrap();
        (answer, runs.load(Ordering::SeqCst), bench)
    }
}

fn rename(transaction: &mut Transaction<'_>, device: i32) -> Result<(), StoreError> {
    sql_query(format!("UPDATE device SET vendor = 'by the job' WHERE id = {device}"))
        .execute(transaction.connection()?)?;
    Ok(())
}

#[actix_web::test]
async fn a_job_that_waits_too_long_for_a_lock_runs_again_alone() {
    let Some(elsewhere) = Elsewhere::holding("UPDATE device SET site = 'x' WHERE id = 2", |_| {}).await else { return };
    let (answer, runs, bench) = elsewhere.met_by(|transaction| rename(transaction, 2)).await;
    assert_eq!(answer, Ok(()));
    // The short wait, and the run that passes; on a slow machine one or another waits too long as well.
    assert!(runs >= 2, "{runs} runs");
    assert_eq!(bench.database.texts("SELECT vendor FROM device WHERE site = 'x'"), ["by the job"]);
}

#[actix_web::test]
async fn a_job_that_loses_a_deadlock_runs_again_alone() {
    let then = |connection: &mut AnyConnection| {
        until_somebody_waits(connection);
        connection.batch_execute("UPDATE device SET site = 'x' WHERE id = 1").unwrap();
    };
    // It does not look for deadlocks itself, so the job is the one that finds this one and gives way.
    let held = "SET LOCAL deadlock_timeout = '1min'; SET LOCAL lock_timeout = '1min';
                UPDATE device SET site = 'x' WHERE id = 2";
    let Some(elsewhere) = Elsewhere::holding(held, then).await else { return };
    let both = |transaction: &mut Transaction<'_>| {
        rename(transaction, 1)?;
        rename(transaction, 2)
    };
    let (answer, runs, bench) = elsewhere.met_by(both).await;
    assert_eq!(answer, Ok(()));
    // The short wait, the deadlock, and the run that passes; the job may well be the faster one once more in between.
    assert!(runs >= 3, "{runs} runs");
    let rows = bench.database.texts("SELECT vendor || ' ' || site FROM device");
    assert_eq!(rows, ["by the job x", "by the job x"]);
}

#[actix_web::test]
async fn a_job_that_comes_second_to_a_key_runs_again_and_finds_it() {
    let then = |connection: &mut AnyConnection| until_somebody_waits(connection);
    let held = "INSERT INTO lookup (kind, name, name_key) VALUES ('site', 'Lisbon', 'lisbon')";
    let Some(elsewhere) = Elsewhere::holding(held, then).await else { return };
    let job = |transaction: &mut Transaction<'_>| {
        Ok(lookup::register(transaction.connection()?, LookupKind::Site, "LISBON")?.name)
    };
    let (answer, runs, bench) = elsewhere.met_by(job).await;
    assert_eq!(answer, Ok("Lisbon".into()));
    // The short wait, the conflict, and the run that finds it; without the conflict when the other commits in between.
    assert!(runs >= 2, "{runs} runs");
    assert_eq!(bench.database.texts("SELECT name FROM lookup WHERE kind = 'site'"), ["Lisbon"]);
}

#[actix_web::test]
async fn two_stores_under_one_new_name_begin_one_chain() {
    let bench = Bench::new();
    let [(first, _), (second, _)] = [(); 2].map(|()| open(&bench.database, |settings| settings.node = "new".into()));
    let (reached, has_reached) = unbounded();
    let is_postgresql = bench.database.is_postgresql();
    // Its first transaction holds the new head, uncommitted, until the other store wants it too.
    let waits = move |transaction: &mut Transaction<'_>| {
        reached.send(()).unwrap();
        if is_postgresql {
            until_somebody_waits(transaction.connection()?);
        }
        Ok(())
    };
    let other = async {
        until(|| has_reached.try_recv().is_ok()).await;
        second.write(ticket(), register("a")).await
    };
    assert_eq!(join(first.write(ticket(), waits), other).await, (Ok(()), Ok(())));
    assert_eq!(bench.database.texts("SELECT name FROM audit_chain"), ["new/0"]);
}
