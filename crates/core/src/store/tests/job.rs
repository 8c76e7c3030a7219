//! Jobs under a fixed clock: claims, leases, fences, retries.

use super::*;
use crate::store::id::{JobId, JobObjectId};
use crate::store::job::{self, JobState, Lease, NewJob, Wanted};

const NEW: NewJob<'static> = NewJob {
    kind: "rotate",
    key: "credential:1",
    object_id: Some(JobObjectId::new(1)),
    due_at: 100,
    max_attempts: 3,
    requested_by: "x",
};

fn wanted() -> Vec<Wanted> {
    vec![Wanted { kind: "rotate", key: None }]
}

/// A connection to a migrated database with one queued job, due at 100.
fn with_job(test: impl Fn(&mut AnyConnection)) {
    on_each_engine(|database| {
        database.migrate().unwrap();
        assert_eq!(job::enqueue(database.connection(), &NEW, 0), Ok(true));
        test(database.connection());
    });
}

fn claim(connection: &mut AnyConnection, now: i64) -> Option<Lease> {
    job::claim(connection, &wanted(), now, now + 60).unwrap()
}

fn state(connection: &mut AnyConnection, id: JobId) -> JobState {
    job::by_id(connection, id).unwrap().unwrap().state.parse().unwrap()
}

#[test]
fn one_job_of_a_kind_and_key_lives_at_a_time() {
    with_job(|c| {
        assert_eq!(job::enqueue(c, &NEW, 1), Ok(false));
        assert_eq!(job::enqueue(c, &NewJob { key: "credential:2", due_at: 900, ..NEW }, 1), Ok(true));
        let lease = claim(c, 100).unwrap();
        assert_eq!(job::enqueue(c, &NEW, 101), Ok(false), "nor beside a running one");
        job::complete(c, &lease).unwrap();
        assert_eq!(state(c, lease.id), JobState::Done);
        assert_eq!(job::enqueue(c, &NEW, 102), Ok(true));
    });
}

#[test]
fn the_database_refuses_a_second_live_job_too() {
    with_job(|c| {
        let again =
            "INSERT INTO job (kind, key, state, due_at, fence, attempts, max_attempts, requested_by, created_at)
                     VALUES ('rotate', 'credential:1', 'running', 0, 0, 0, 1, 'x', 0)";
        let error: StoreError = diesel::sql_query(again).execute(c).unwrap_err().into();
        assert!(error.is_conflict(), "{error:?}");
    });
}

#[test]
fn a_job_is_claimed_when_it_is_due_and_by_one() {
    with_job(|c| {
        assert_eq!(claim(c, 99), None);
        let lease = claim(c, 100).unwrap();
        assert_eq!((lease.fence, lease.attempts, lease.object_id), (1, 1, Some(JobObjectId::new(1))));
        assert_eq!(claim(c, 100), None);
        assert_eq!(claim(c, 159), None);
    });
}

#[test]
fn only_wanted_kinds_and_keys_are_claimed() {
    with_job(|c| {
        let wants = |kind, key: Option<&str>| vec![Wanted { kind, key: key.map(String::from) }];
        for other in [vec![], wants("back-up", None), wants("rotate", Some("credential:2"))] {
            assert_eq!(job::claim(c, &other, 100, 160), Ok(None), "{other:?}");
        }
        assert!(job::claim(c, &wants("rotate", Some("credential:1")), 100, 160).unwrap().is_some());
    });
}

#[test]
fn the_one_due_the_longest_comes_first() {
    with_job(|c| {
        job::enqueue(c, &NewJob { key: "later", due_at: 101, ..NEW }, 0).unwrap();
        job::enqueue(c, &NewJob { key: "earlier", due_at: 99, ..NEW }, 0).unwrap();
        let order: Vec<String> = std::iter::from_fn(|| claim(c, 200)).map(|lease| lease.key).collect();
        assert_eq!(order, ["earlier", "credential:1", "later"]);
    });
}

#[test]
fn after_a_crash_another_takes_over_and_the_first_changes_nothing_more() {
    with_job(|c| {
        let first = claim(c, 100).unwrap();
        let second = claim(c, 160).unwrap();
        assert_eq!((second.id, second.fence, second.attempts), (first.id, 2, 2));
        assert_eq!(job::renew(c, &first, 1000), Err(StoreError::LeaseLost));
        assert_eq!(job::complete(c, &first), Err(StoreError::LeaseLost));
        assert_eq!(job::repeat(c, &first, 1000), Err(StoreError::LeaseLost));
        assert_eq!(job::fail(c, &first, "late", 1000), Err(StoreError::LeaseLost));
        assert_eq!(job::fail(c, &Lease { attempts: 3, ..first }, "late", 1000), Err(StoreError::LeaseLost));
        assert_eq!(state(c, second.id), JobState::Running);
        job::complete(c, &second).unwrap();
        assert_eq!(job::complete(c, &second), Err(StoreError::LeaseLost), "once");
    });
}

#[test]
fn who_renews_in_time_keeps_the_job() {
    with_job(|c| {
        let lease = claim(c, 100).unwrap();
        job::renew(c, &lease, 220).unwrap();
        assert_eq!(claim(c, 219), None);
        // Late, but no other node has claimed it: it still belongs to its holder.
        job::renew(c, &lease, 400).unwrap();
        assert_eq!(claim(c, 399), None);
        assert!(claim(c, 400).is_some());
    });
}

#[test]
fn a_failed_attempt_is_made_again_later_until_the_last_one() {
    with_job(|c| {
        for (attempt, now) in [(1, 100), (2, 200)] {
            let lease = claim(c, now).unwrap();
            assert_eq!((lease.attempts, job::fail(c, &lease, "refused", now + 100)), (attempt, Ok(JobState::Queued)));
            assert_eq!(claim(c, now + 99), None);
        }
        let last = claim(c, 300).unwrap();
        assert_eq!(job::fail(c, &last, "refused again", 400), Ok(JobState::Failed));
        let row = job::by_id(c, last.id).unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.last_error.as_deref()), ("failed", Some("refused again")));
        assert_eq!(claim(c, 10_000), None);
        assert_eq!(job::enqueue(c, &NEW, 400), Ok(true), "it may be asked for again");
    });
}

#[test]
fn a_job_whose_holders_vanish_as_often_as_it_may_be_attempted_fails() {
    with_job(|c| {
        let leases: Vec<Lease> = [100, 200, 300].into_iter().map(|now| claim(c, now).unwrap()).collect();
        assert_eq!(claim(c, 400), None);
        let row = job::by_id(c, leases[2].id).unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.last_error.as_deref()), ("failed", Some("lease-lost")));
        assert_eq!(job::complete(c, &leases[2]), Err(StoreError::LeaseLost));
    });
}

#[test]
fn a_job_that_repeats_begins_its_attempts_anew() {
    with_job(|c| {
        let lease = claim(c, 100).unwrap();
        job::fail(c, &lease, "refused", 200).unwrap();
        let lease = claim(c, 200).unwrap();
        job::repeat(c, &lease, 300).unwrap();
        assert_eq!(claim(c, 299), None);
        let again = claim(c, 300).unwrap();
        assert_eq!((again.id, again.attempts, again.fence), (lease.id, 1, 3));
        assert_eq!(job::by_id(c, again.id).unwrap().unwrap().last_error, None);
    });
}

#[test]
fn what_has_ended_is_pruned_and_what_lives_is_not() {
    with_job(|c| {
        let done = claim(c, 100).unwrap();
        job::complete(c, &done).unwrap();
        job::enqueue(c, &NewJob { due_at: 50, ..NEW }, 0).unwrap();
        assert_eq!(job::delete_ended(c, 99), Ok(0));
        assert_eq!(job::delete_ended(c, 100), Ok(1));
        assert!(job::live(c, NEW.kind, NEW.key).unwrap().is_some());
    });
}
