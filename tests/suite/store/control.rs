//! The connection for control: neither lists nor writes are in its way.

use std::time::Duration;

use chaveiro::store::{AnyConnection, StoreError, domain, meta};
use crossbeam_channel::unbounded;
use futures_util::future::{join, join_all};

use super::bench::{Bench, Gate, backend_pid, ticket, until};

#[actix_web::test]
async fn control_does_not_wait_behind_lists_and_writes() {
    let bench = Bench::new();
    let gate = Gate::new();
    let ((begun, has_begun), (go_on, may_go_on)) = (unbounded(), unbounded::<()>());
    let list = || {
        let (begun, may_go_on) = (begun.clone(), may_go_on.clone());
        bench.store.read(move |_: &mut AnyConnection| {
            begun.send(()).unwrap();
            may_go_on.recv_timeout(Duration::from_secs(60)).unwrap();
            Ok(())
        })
    };
    let lists = join_all((0..5).map(|_| list()));
    let write = bench.store.write(ticket(), gate.job());
    let asked = async {
        gate.reached().await;
        until(|| has_begun.try_recv().is_ok()).await;
        for _ in 0..10 {
            bench.store.control(meta::change_mark).await.unwrap();
        }
        (0..5).for_each(|_| go_on.send(()).unwrap());
        gate.open();
    };
    // A list and the write are at work until all is answered.
    let (lists, (write, ())) = join(lists, join(write, asked)).await;
    assert!(lists.iter().any(Result::is_ok), "{lists:?}");
    write.unwrap();
}

#[actix_web::test]
async fn control_cannot_write() {
    let bench = Bench::new();
    let write = |connection: &mut AnyConnection| domain::insert(connection, "lost", None);
    assert!(matches!(bench.store.control(write).await, Err(StoreError::ReadOnly(_))));
    assert_eq!(bench.domains(), [""; 0]);
}

#[actix_web::test]
async fn a_question_that_panics_does_not_end_control() {
    let bench = Bench::new();
    // Without the panic hook: writing a backtrace can take longer than control waits.
    let panics =
        |_: &mut AnyConnection| -> Result<(), StoreError> { std::panic::resume_unwind(Box::new("on purpose")) };
    assert_eq!(bench.store.control(panics).await, Err(StoreError::Panicked));
    bench.store.control(meta::change_mark).await.unwrap();
}

#[actix_web::test]
async fn a_lost_connection_is_opened_again_for_the_same_question() {
    let bench = Bench::new();
    if !bench.database.is_postgresql() {
        return; // Nothing can cut the connection to a file.
    }
    let before = bench.store.control(backend_pid).await.unwrap();
    bench.database.run(&format!("SELECT pg_terminate_backend({before}, 5000)"));
    assert_ne!(bench.store.control(backend_pid).await.unwrap(), before);
}

#[actix_web::test]
async fn a_closed_store_answers_nothing() {
    let bench = Bench::new();
    bench.store.close();
    assert!(matches!(bench.store.control(meta::change_mark).await, Err(StoreError::Unavailable(_))));
}
