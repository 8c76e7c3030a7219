//! The writer: what is written together, and what fails alone or with all the others.

use std::sync::Arc;
use std::time::Duration;

use chaveiro::store::audit::{self, AuditRow, ChainHead};
use chaveiro::store::{Cause, Store, StoreError, Transaction, domain};
use crossbeam_channel::{Sender, unbounded};
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::{LocalBoxFuture, join, join_all, select};

use super::bench::{Bench, Gate, backend_pid, register, ticket, ticket_of, until};

#[actix_web::test]
async fn jobs_that_come_while_the_writer_is_busy_share_its_commit() {
    let bench = Bench::new();
    let names = ["a", "b", "c", "d", "e"];
    let jobs = names.map(|name| bench.store.write(ticket(), register(name)));
    assert_eq!(bench.together(jobs.into()).await, [const { Ok(()) }; 5]);
    assert_eq!(bench.commits(), [6]);
    assert_eq!(bench.domains(), names);
}

#[actix_web::test]
async fn no_commit_holds_more_jobs_than_the_settings_say() {
    let bench = Bench::with(|settings| settings.batch = 4);
    let jobs = ["a", "b", "c", "d", "e", "f"].map(|name| bench.store.write(ticket(), register(name)));
    assert_eq!(bench.together(jobs.into()).await, [const { Ok(()) }; 6]);
    assert_eq!(bench.commits(), [4, 3]);
}

#[actix_web::test]
async fn a_transaction_takes_on_nothing_more_when_its_time_is_over() {
    let bench = Bench::with(|settings| settings.batch_time = Duration::ZERO);
    let jobs = ["a", "b"].map(|name| bench.store.write(ticket(), register(name)));
    bench.together(jobs.into()).await;
    assert_eq!(bench.commits(), [1, 1, 1]);
}

#[actix_web::test]
async fn jobs_run_in_the_order_in_which_they_came() {
    let bench = Bench::new();
    let jobs = ["c", "a", "b"].map(|name| bench.store.write(ticket(), register(name)));
    bench.together(jobs.into()).await;
    assert_eq!(bench.database.texts("SELECT name FROM domain ORDER BY id"), ["c", "a", "b"]);
}

#[actix_web::test]
async fn a_job_that_fails_loses_its_own_rows_and_no_others() {
    let bench = Bench::new();
    let fails = |transaction: &mut Transaction<'_>| {
        domain::insert(transaction.connection()?, "lost", None)?;
        sql_query("INSERT INTO device (id) VALUES (1)").execute(transaction.connection()?)?;
        Ok(())
    };
    let refuses = |transaction: &mut Transaction<'_>| {
        domain::insert(transaction.connection()?, "lost too", None)?;
        Err(StoreError::NotFound)
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket(), register("a"))),
        Box::pin(bench.store.write(ticket(), fails)),
        Box::pin(bench.store.write(ticket(), refuses)),
        Box::pin(bench.store.write(ticket(), register("b"))),
    ];
    let expected = [Ok(()), Err(StoreError::Refused(Cause::default())), Err(StoreError::NotFound), Ok(())];
    assert_eq!(bench.together(jobs).await, expected);
    assert_eq!(bench.domains(), ["a", "b"]);
    assert_eq!(bench.commits(), [5], "one commit");
}

/// SQLite ends a transaction after an error of its files, also of a statement that only reads.
#[actix_web::test]
async fn nothing_is_written_after_a_read_that_has_ended_the_transaction() {
    let bench = Bench::new();
    if bench.database.is_postgresql() {
        return;
    }
    let reads = |transaction: &mut Transaction<'_>| {
        sql_query("ROLLBACK").execute(transaction.read_connection()?)?;
        Err(StoreError::InputOutput(Cause::default()))
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket(), register("a"))),
        Box::pin(bench.store.write(ticket(), reads)),
        Box::pin(bench.store.write(ticket(), register("b"))),
    ];
    let lost = || Err(StoreError::InputOutput(Cause::default()));
    assert_eq!(bench.after_another(jobs).await, (lost(), vec![lost(), lost(), Ok(())]));
    assert_eq!(bench.domains(), ["b"]);
}

#[actix_web::test]
async fn a_record_that_the_database_refuses_fails_its_own_job_and_no_others() {
    let bench = Bench::new();
    let records = |name: &'static str, step: i64| {
        move |transaction: &mut Transaction<'_>| {
            domain::insert(transaction.connection()?, name, None)?;
            audit::append(transaction, |head| record_after(head, step));
            Ok(())
        }
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket(), records("a", 1))),
        // Its number is that of the record before it.
        Box::pin(bench.store.write(ticket(), records("lost", 0))),
        Box::pin(bench.store.write(ticket(), records("b", 1))),
    ];
    let ended: Vec<bool> = bench.together(jobs).await.iter().map(Result::is_ok).collect();
    assert_eq!(ended, [true, false, true]);
    assert_eq!(bench.domains(), ["a", "b"]);
    assert_eq!(bench.database.texts("SELECT CAST(seq AS TEXT) FROM audit_record ORDER BY seq"), ["1", "2"]);
}

/// A record whose number is `step` after that of the head.
fn record_after(head: &ChainHead, step: i64) -> AuditRow {
    let text = String::new;
    AuditRow {
        chain: head.chain.clone(),
        seq: head.seq + step,
        at: 0,
        request_id: text(),
        actor: text(),
        source: text(),
        family: text(),
        action: text(),
        object: text(),
        outcome: text(),
        reason: text(),
        times: 1,
        previous: head.mac.clone(),
        mac: vec![1; 32],
    }
}

#[actix_web::test]
async fn a_job_that_panics_loses_its_own_rows_and_no_others() {
    let bench = Bench::new();
    let panics = |transaction: &mut Transaction<'_>| {
        domain::insert(transaction.connection()?, "lost", None)?;
        panic!("this test wants a panic here");
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket(), register("a"))),
        Box::pin(bench.store.write(ticket(), panics)),
        Box::pin(bench.store.write(ticket(), register("b"))),
    ];
    assert_eq!(bench.together(jobs).await, [Ok(()), Err(StoreError::Panicked), Ok(())]);
    assert_eq!(bench.domains(), ["a", "b"]);
    // The writer goes on.
    bench.store.write(ticket(), register("c")).await.unwrap();
    assert_eq!(bench.domains(), ["a", "b", "c"]);
}

#[actix_web::test]
async fn a_job_beyond_the_queue_is_refused_at_once_and_the_others_are_kept() {
    let bench = Bench::with(|settings| settings.queue = 2);
    let gate = Gate::new();
    let busy = bench.store.write(ticket(), gate.job());
    let others = async {
        gate.reached().await;
        let queued =
            join_all([(1, "a"), (2, "b")].map(|(lane, name)| bench.store.write(ticket_of(lane), register(name))));
        let refused = async {
            bench.has_waiting(2).await;
            let refused = bench.store.write(ticket_of(3), register("too many")).await;
            gate.open();
            refused
        };
        join(queued, refused).await
    };
    let (busy, (queued, refused)) = join(busy, others).await;
    assert_eq!(refused, Err(StoreError::Busy));
    assert_eq!((busy, queued), (Ok(()), vec![Ok(()), Ok(())]));
    assert_eq!(bench.domains(), ["a", "b"]);
}

#[actix_web::test]
async fn a_commit_that_fails_fails_every_job_in_it_and_keeps_nothing() {
    let bench = Bench::new();
    bench
        .database
        .run("CREATE TABLE pledge (device_id INTEGER NOT NULL REFERENCES device (id) DEFERRABLE INITIALLY DEFERRED)");
    // Good in itself; the database says no when all is to be committed.
    let pledge = |transaction: &mut Transaction<'_>| {
        sql_query("INSERT INTO pledge (device_id) VALUES (999)").execute(transaction.connection()?)?;
        Ok(())
    };
    let refuses = |transaction: &mut Transaction<'_>| {
        domain::insert(transaction.connection()?, "lost", None)?;
        Err(StoreError::NotFound)
    };
    let gate = Gate::new();
    let first = bench.store.write(ticket(), gate.job());
    let others = async {
        gate.reached().await;
        let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
            Box::pin(bench.store.write(ticket(), register("a"))),
            Box::pin(bench.store.write(ticket(), pledge)),
            Box::pin(bench.store.write(ticket(), refuses)),
            Box::pin(bench.store.write(ticket(), register("b"))),
        ];
        let open = async {
            bench.has_waiting(4).await;
            gate.open();
        };
        join(join_all(jobs), open).await.0
    };
    let (first, others) = join(first, others).await;
    assert!(first.is_err() && others.iter().all(Result::is_err), "{first:?} {others:?}");
    assert_eq!(bench.domains(), [""; 0]);
    assert_eq!(bench.commits(), [0; 0]);
    // The writer goes on.
    bench.store.write(ticket(), register("c")).await.unwrap();
    assert_eq!(bench.domains(), ["c"]);
}

#[actix_web::test]
async fn a_lost_connection_fails_its_transaction_and_is_opened_again() {
    let bench = Bench::new();
    if !bench.database.is_postgresql_or_skip() {
        return; // Nothing can cut the connection to a file.
    }
    let cut = |transaction: &mut Transaction<'_>| {
        sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(transaction.connection()?)?;
        Ok(())
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> =
        vec![Box::pin(bench.store.write(ticket(), register("a"))), Box::pin(bench.store.write(ticket(), cut))];
    let answers = join_all(jobs).await;
    assert!(answers.iter().all(Result::is_err) || answers[0].is_ok(), "{answers:?}");
    assert!(answers[1].is_err());
    bench.store.write(ticket(), register("b")).await.unwrap();
    assert_eq!(bench.domains().contains(&"a".to_string()), answers[0].is_ok());
    assert!(bench.domains().contains(&"b".to_string()));
}

#[actix_web::test]
async fn a_connection_that_a_read_has_found_lost_is_opened_again() {
    let bench = Bench::new();
    if !bench.database.is_postgresql_or_skip() {
        return;
    }
    bench.store.write(ticket(), register("a")).await.unwrap();
    let lose = |transaction: &mut Transaction<'_>| {
        sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(transaction.read_connection()?)?;
        Ok(())
    };
    let look = |transaction: &mut Transaction<'_>| {
        sql_query("SELECT 1").execute(transaction.read_connection()?)?;
        Ok(())
    };
    // It runs again on a new connection, which it loses too.
    assert!(bench.store.write(ticket(), lose).await.is_err());
    bench.store.write(ticket(), look).await.unwrap();
    assert_eq!(bench.domains(), ["a"]);
}

#[actix_web::test]
async fn jobs_on_a_connection_that_was_lost_before_them_run_on_another() {
    let bench = Bench::new();
    if !bench.database.is_postgresql_or_skip() {
        return;
    }
    let look = |transaction: &mut Transaction<'_>| {
        sql_query("SELECT 1").execute(transaction.read_connection()?)?;
        Ok(())
    };
    for (name, again) in [("a", "a again"), ("b", "b again")] {
        let registers = register(name);
        let backend = move |transaction: &mut Transaction<'_>| {
            registers(transaction)?;
            backend_pid(transaction.connection()?)
        };
        let lost = bench.store.write(ticket(), backend).await.unwrap();
        bench.database.run(&format!("SELECT pg_terminate_backend({lost}, 5000)"));
        let jobs: Vec<LocalBoxFuture<'_, _>> =
            vec![Box::pin(bench.store.write(ticket(), look)), Box::pin(bench.store.write(ticket(), register(again)))];
        assert_eq!(bench.together(jobs).await, [Ok(()), Ok(())]);
    }
    assert_eq!(bench.domains(), ["a", "a again", "b", "b again"]);
}

#[actix_web::test]
async fn what_a_job_undoes_is_not_kept_and_what_it_writes_after_that_is() {
    let bench = Bench::new();
    let job = |transaction: &mut Transaction<'_>| {
        domain::insert(transaction.connection()?, "lost", None)?;
        transaction.roll_back()?;
        domain::insert(transaction.connection()?, "lost too", None)?;
        transaction.roll_back()?;
        domain::insert(transaction.connection()?, "kept", None).map(drop)
    };
    let jobs: Vec<LocalBoxFuture<'_, _>> =
        vec![Box::pin(bench.store.write(ticket(), register("before"))), Box::pin(bench.store.write(ticket(), job))];
    assert_eq!(bench.together(jobs).await, [Ok(()), Ok(())]);
    assert_eq!(bench.domains(), ["before", "kept"]);
}

#[actix_web::test]
async fn closing_finishes_what_waits_and_refuses_what_comes_later() {
    let bench = Bench::new();
    let gate = Gate::new();
    let busy = bench.store.write(ticket(), gate.job());
    let others = async {
        gate.reached().await;
        let queued = join_all(["a", "b"].map(|name| bench.store.write(ticket(), register(name))));
        let closed = async {
            bench.has_waiting(2).await;
            let store = Arc::clone(&bench.store);
            let closing = std::thread::spawn(move || store.close());
            bench.has_waiting(0).await;
            let refused = bench.store.write(ticket(), register("too late")).await;
            assert!(!closing.is_finished(), "it waits for what was queued");
            gate.open();
            closing.join().unwrap();
            refused
        };
        join(queued, closed).await
    };
    let (busy, (queued, refused)) = join(busy, others).await;
    assert_eq!((busy, queued), (Ok(()), vec![Ok(()), Ok(())]));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(bench.domains(), ["a", "b"]);
}

#[actix_web::test]
async fn a_caller_that_goes_away_loses_the_answer_and_not_the_write() {
    let bench = Bench::new();
    let gate = Gate::new();
    let busy = bench.store.write(ticket(), gate.job());
    let gone = async {
        gate.reached().await;
        let write = bench.store.write(ticket(), register("kept"));
        let _ = select(Box::pin(write), Box::pin(bench.has_waiting(1))).await;
        gate.open();
    };
    let (busy, ()) = join(busy, gone).await;
    busy.unwrap();
    bench.store.close();
    assert_eq!(bench.domains(), ["kept"]);
}

/// A handle of the store, and after it somebody who tells whether letting go of it ended in a panic.
struct Held {
    store: Arc<Store>,
    told: Told,
}

struct Told(Sender<bool>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.send(std::thread::panicking()).unwrap();
    }
}

#[actix_web::test]
async fn a_job_may_hold_the_last_handle_of_the_store() {
    let Bench { store, database, .. } = Bench::new();
    let (gate, (tell, told)) = (Gate::new(), unbounded());
    let held = Held { store: Arc::clone(&store), told: Told(tell) };
    let last = move |transaction: &mut Transaction<'_>| {
        assert!(held.store.queue_depth() == 0 && held.told.0.is_empty());
        domain::insert(transaction.connection()?, "kept", None).map(drop)
    };
    // Both callers go away before the answer, and the store with them.
    {
        let (busy, last) = (Box::pin(store.write(ticket(), gate.job())), Box::pin(store.write(ticket(), last)));
        let queued = async {
            gate.reached().await;
            until(|| store.queue_depth() == 1).await;
        };
        select(join(busy, last), Box::pin(queued)).await;
    }
    drop(store);
    gate.open();
    let panicked = told.recv_timeout(Duration::from_secs(60));
    assert_eq!(panicked, Ok(false), "the writer waited for itself");
    assert_eq!(database.texts("SELECT name FROM domain"), ["kept"]);
}
