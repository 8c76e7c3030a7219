//! The writer's queue: turns, bounds and deadlines.

use std::time::Duration;

use chaveiro::store::{StoreError, Transaction};
use futures_util::future::{LocalBoxFuture, join, join_all};

use super::bench::{Bench, Gate, register, ticket_of};

/// Writes a job until it has begun: one that did not begin in time never ran, and a slow machine may not let it.
async fn write_again<J>(bench: &Bench, client: i32, job: impl Fn() -> J) -> Result<(), StoreError>
where
    J: Fn(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static,
{
    loop {
        let written = bench.store.write(ticket_of(client), job()).await;
        if written != Err(StoreError::TimedOut) {
            return written;
        }
    }
}

#[actix_web::test]
async fn clients_take_turns_however_much_one_of_them_sends() {
    let bench = Bench::new();
    let jobs: Vec<LocalBoxFuture<'_, _>> = vec![
        Box::pin(bench.store.write(ticket_of(1), register("first 1"))),
        Box::pin(bench.store.write(ticket_of(1), register("first 2"))),
        Box::pin(bench.store.write(ticket_of(1), register("first 3"))),
        Box::pin(bench.store.write(ticket_of(2), register("second 1"))),
    ];
    bench.together(jobs).await;
    let names = bench.database.texts("SELECT name FROM domain ORDER BY id");
    assert_eq!(names, ["first 1", "second 1", "first 2", "first 3"]);
}

#[actix_web::test]
async fn a_batch_takes_as_many_turns_as_it_has_items() {
    let bench = Bench::new();
    let mut jobs: Vec<LocalBoxFuture<'_, _>> =
        vec![Box::pin(bench.store.write(ticket_of(1).for_items(3), register("batch")))];
    for name in ["1", "2", "3", "4"] {
        jobs.push(Box::pin(bench.store.write(ticket_of(2), register(name))));
    }
    bench.together(jobs).await;
    assert_eq!(bench.database.texts("SELECT name FROM domain ORDER BY id"), ["1", "2", "batch", "3", "4"]);
}

#[actix_web::test]
async fn a_client_that_fills_its_half_of_the_queue_leaves_the_other_half() {
    let bench = Bench::with(|settings| settings.queue = 4);
    let gate = Gate::new();
    let busy = bench.store.write(ticket_of(1), gate.job());
    let others = async {
        gate.reached().await;
        let queued = join_all(["a", "b"].map(|name| bench.store.write(ticket_of(1), register(name))));
        let rest = async {
            bench.has_waiting(2).await;
            let refused = bench.store.write(ticket_of(1), register("too many")).await;
            let other = bench.store.write(ticket_of(2), register("other"));
            let open = async {
                bench.has_waiting(3).await;
                gate.open();
            };
            (refused, join(other, open).await.0)
        };
        join(queued, rest).await
    };
    let (busy, (queued, (refused, other))) = join(busy, others).await;
    assert_eq!((busy, queued), (Ok(()), vec![Ok(()), Ok(())]));
    assert_eq!((refused, other), (Err(StoreError::Busy), Ok(())));
    assert_eq!(bench.domains(), ["a", "b", "other"]);
}

#[actix_web::test]
async fn a_job_that_has_not_begun_by_its_deadline_never_does() {
    let bench = Bench::with(|settings| settings.wait = Duration::from_millis(50));
    let gate = Gate::new();
    let busy = write_again(&bench, 1, || gate.job());
    let late = async {
        gate.reached().await;
        let late = bench.store.write(ticket_of(2), register("late")).await;
        gate.open();
        late
    };
    let (busy, late) = join(busy, late).await;
    assert_eq!((busy, &late), (Ok(()), &Err(StoreError::TimedOut)), "one that has begun is waited for");
    assert!(late.unwrap_err().is_temporary());
    write_again(&bench, 2, || register("after")).await.unwrap();
    bench.store.close();
    assert_eq!(bench.domains(), ["after"]);
}

#[actix_web::test]
async fn what_was_abandoned_makes_room() {
    let bench = Bench::with(|settings| {
        settings.wait = Duration::from_millis(50);
        settings.queue = 2;
    });
    let gate = Gate::new();
    let busy = write_again(&bench, 1, || gate.job());
    let others = async {
        gate.reached().await;
        let late = join(
            bench.store.write(ticket_of(2), register("late")),
            bench.store.write(ticket_of(3), register("late too")),
        );
        assert_eq!(late.await, (Err(StoreError::TimedOut), Err(StoreError::TimedOut)));
        assert_eq!(bench.store.write(ticket_of(4), register("not busy")).await, Err(StoreError::TimedOut));
        gate.open();
    };
    join(busy, others).await.0.unwrap();
}

#[actix_web::test]
async fn every_job_is_either_kept_or_abandoned() {
    let bench = Bench::with(|settings| {
        settings.wait = Duration::from_millis(3);
        settings.queue = 1000;
        settings.batch = 1;
    });
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for round in 0..20 {
        bench.database.run("DELETE FROM domain");
        let jobs = NAMES.map(|name| bench.store.write(ticket_of(round), register(name)));
        let answers = join_all(jobs).await;
        let kept = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(StoreError::TimedOut))), "{answers:?}");
        assert_eq!(bench.domains().len(), kept);
    }
}
