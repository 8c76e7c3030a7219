//! Where a read runs whose audit record has waited for a busy writer.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};

use futures_util::future::join3;

use super::*;
use crate::clock::{Clock, from_micros};
use crate::config::Settings;
use crate::store::CommitObserver;
use crate::store::id::CredentialId;
use crate::vault::VaultLocation;
use crate::vault::operation::{Action, Request};

struct Unobserved;

impl CommitObserver for Unobserved {
    fn committed(&self, _: usize, _: Duration) {}
}

/// The threads on which a query ran.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<Vec<&'static str>>>);

impl Runs {
    /// Notes a run, and returns how many there were before.
    fn note(&self) -> usize {
        let thread = std::thread::current();
        let is_writer = thread.name().is_some_and(|name| name.starts_with("writer"));
        let mut runs = self.0.lock().unwrap();
        runs.push(if is_writer { "writer" } else { "reader" });
        runs.len() - 1
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

struct Fixture {
    vault: Vault,
    clock: Clock,
    _directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(from_micros(1_000_000));
        let location = VaultLocation::new(directory.path(), None).unwrap();
        let observer: Arc<dyn CommitObserver> = Arc::new(Unobserved);
        let vault = Vault::open(&location, &Settings::defaults().unwrap(), clock.clone(), &observer).unwrap();
        Self { vault, clock, _directory: directory }
    }

    async fn permit(&self) -> Permit {
        self.vault.authorize(Request::operator(), Action::AUDIT_READ).await.unwrap()
    }

    /// Runs `read` while the writer is busy, so that its record waits for `wait`.
    async fn wait_for_the_writer<T>(&self, read: impl Future<Output = T>, wait: Duration) -> T {
        let (release, held) = mpsc::channel::<()>();
        let is_busy = Arc::new(AtomicBool::new(false));
        let (busy, permit) = (Arc::clone(&is_busy), self.permit().await);
        let rule = move |_: &mut OperationContext<'_>| {
            busy.store(true, Ordering::SeqCst);
            held.recv().unwrap();
            Ok(Done::new(Subject::Collection, ()))
        };
        let read = async {
            until(|| is_busy.load(Ordering::SeqCst)).await;
            read.await
        };
        let released = async {
            until(|| is_busy.load(Ordering::SeqCst) && self.vault.queue_depth() == 1).await;
            self.clock.advance_monotonic(wait);
            release.send(()).unwrap();
        };
        let (busy, result, ()) = join3(self.vault.execute(permit, rule), read, released).await;
        assert!(busy.is_ok());
        result
    }

    async fn outcomes(&self) -> Vec<(String, String)> {
        let records = self.vault.last_records(self.permit().await, 100, None).await.unwrap();
        records.into_iter().map(|record| (record.object, record.outcome)).collect()
    }
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never was");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
}

const LONGER: Duration = Duration::from_millis(201);

/// A query that returns the number of its run, and `subjects` one after the other.
fn numbered(
    runs: &Runs,
    subjects: [Subject; 2],
) -> impl Fn(&mut OperationContext<'_>) -> Result<Done<usize>, VaultError> + Send + Sync + 'static {
    let runs = runs.clone();
    move |_| {
        let number = runs.note();
        Ok(Done::new(subjects[number.min(1)], number))
    }
}

#[test]
fn a_search_that_has_waited_runs_again_on_a_reader() {
    run(async {
        for (wait, value, expected) in [(MAX_SNAPSHOT_AGE, 0, &["reader"][..]), (LONGER, 1, &["reader", "reader"])] {
            let (fixture, runs) = (Fixture::new(), Runs::default());
            let query = fixture.vault.query(fixture.permit().await, numbered(&runs, [Subject::Collection; 2]));
            let result = fixture.wait_for_the_writer(query, wait).await;
            assert_eq!((result, runs.all()), (Ok(value), expected.to_vec()), "{wait:?}");
        }
    });
}

#[test]
fn a_search_is_not_old_for_having_taken_long() {
    run(async {
        let (fixture, runs) = (Fixture::new(), Runs::default());
        let (noted, clock) = (runs.clone(), fixture.clock.clone());
        let slow = move |_: &mut OperationContext<'_>| {
            clock.advance_monotonic(LONGER);
            Ok(Done::new(Subject::Collection, noted.note()))
        };
        assert_eq!(fixture.vault.query(fixture.permit().await, slow).await, Ok(0));
        assert_eq!(runs.all(), ["reader"]);
    });
}

#[test]
fn a_search_with_another_result_than_its_record_is_not_returned() {
    run(async {
        let (fixture, runs) = (Fixture::new(), Runs::default());
        let subjects = [1, 2].map(|number| Subject::Credential(CredentialId::new(number)));
        let search = fixture.vault.search(fixture.permit().await, numbered(&runs, subjects));
        let result = fixture.wait_for_the_writer(search, LONGER).await;
        assert_eq!(result.map(|(value, _)| value), Err(StoreError::Busy.into()));
        assert_eq!(runs.all(), ["reader", "reader"]);
        let outcomes = fixture.outcomes().await;
        assert!(outcomes.contains(&("credential:1".into(), "ok".into())), "{outcomes:?}");
        assert!(!outcomes.iter().any(|(object, _)| object == "credential:2"), "{outcomes:?}");
    });
}

#[test]
fn with_one_writer_a_read_of_one_object_runs_there() {
    run(async {
        let (fixture, runs) = (Fixture::new(), Runs::default());
        let read = fixture.vault.reveal(fixture.permit().await, numbered(&runs, [Subject::Collection; 2]));
        assert_eq!(read.await.map(|(value, _)| value), Ok(0));
        assert_eq!(runs.all(), ["writer"]);
    });
}
