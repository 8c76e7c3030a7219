//! The table of jobs: background work that survives a restart. One node at a time holds a job.
//!
//! A claim returns a [`Lease`]: the job belongs to its holder until `lease_until`, and after that until another
//! node claims it. Every statement of a holder compares the fencing token (`fence`), which each claim increments. So a
//! holder that has lost the job cannot change anything: [`StoreError::LeaseLost`] rolls its whole transaction back.

use std::str::FromStr;

use diesel::dsl::auto_type;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::connection::{Literal, LiteralText};
use super::id::{JobId, JobObjectId};
use super::schema::job;
use super::{AnyConnection, StoreError};

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its due time, and for a node.
    Queued,
    /// A node holds it.
    Running,
    /// Succeeded.
    Done,
    /// Failed after its last attempt.
    Failed,
}

impl JobState {
    const ALL: [JobState; 4] = [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed];

    /// Returns the name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
        }
    }
}

/// The states of live jobs in the text of queries, as the partial indexes need them.
struct Queued;
struct Running;

impl LiteralText for Queued {
    const TEXT: &'static str = JobState::Queued.as_str();
}
impl LiteralText for Running {
    const TEXT: &'static str = JobState::Running.as_str();
}

impl FromStr for JobState {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let named = Self::ALL.into_iter().find(|state| state.as_str() == name);
        named.ok_or(StoreError::Query("a job has an unknown state"))
    }
}

/// The columns of a new job. No column may contain a secret.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct NewJob<'a> {
    pub kind: &'a str,
    /// The subject of the job. At most one job of the same kind and key is queued or running.
    pub key: &'a str,
    /// The id of the row that the job is about, if any.
    pub object_id: Option<JobObjectId>,
    pub due_at: i64,
    pub max_attempts: i32,
    pub requested_by: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = job)]
struct NewRow<'a> {
    kind: &'a str,
    key: &'a str,
    object_id: Option<JobObjectId>,
    state: &'a str,
    due_at: i64,
    fence: i64,
    attempts: i32,
    max_attempts: i32,
    requested_by: &'a str,
    created_at: i64,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = job)]
#[expect(missing_docs, reason = "columns")]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub key: String,
    pub object_id: Option<JobObjectId>,
    pub state: String,
    pub due_at: i64,
    pub lease_until: Option<i64>,
    pub fence: i64,
    pub attempts: i32,
    pub max_attempts: i32,
    pub last_error: Option<String>,
    pub requested_by: String,
    pub created_at: i64,
}

/// The lease of a job, as of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns")]
pub struct Lease {
    pub id: JobId,
    pub kind: String,
    pub key: String,
    pub object_id: Option<JobObjectId>,
    pub fence: i64,
    pub attempts: i32,
    pub max_attempts: i32,
}

/// The jobs that a node claims: of one kind, and of one key if it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns")]
pub struct Wanted {
    pub kind: &'static str,
    pub key: Option<String>,
}

/// Queues a job. Returns false when a job of its kind and key is queued or running already.
pub fn enqueue(connection: &mut AnyConnection, new: &NewJob<'_>, now: i64) -> Result<bool, StoreError> {
    if live(connection, new.kind, new.key)?.is_some() {
        return Ok(false);
    }
    let NewJob { kind, key, object_id, due_at, max_attempts, requested_by } = *new;
    let state = JobState::Queued.as_str();
    let row = NewRow {
        kind,
        key,
        object_id,
        state,
        due_at,
        fence: 0,
        attempts: 0,
        max_attempts,
        requested_by,
        created_at: now,
    };
    diesel::insert_into(job::table).values(row).execute(connection)?;
    Ok(true)
}

/// Queues a job that is attempted without end, or makes the queued one due. After this transaction the job finds what it did.
pub fn wake(
    connection: &mut AnyConnection,
    kind: &str,
    key: &str,
    requested_by: &str,
    now: i64,
) -> Result<(), StoreError> {
    let new = NewJob { kind, key, object_id: None, due_at: now, max_attempts: i32::MAX, requested_by };
    if enqueue(connection, &new, now)? { Ok(()) } else { hasten(connection, kind, key, now) }
}

/// Makes the queued job of a kind and key due now.
pub fn hasten(connection: &mut AnyConnection, kind: &str, key: &str, now: i64) -> Result<(), StoreError> {
    let queued: Literal<Queued> = Literal::new();
    let queued = of_key(kind, key).filter(job::state.eq(queued)).filter(job::due_at.gt(now));
    diesel::update(queued).set(job::due_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Returns the queued or running job of this kind and key.
pub fn live(connection: &mut AnyConnection, kind: &str, key: &str) -> Result<Option<JobRow>, StoreError> {
    Ok(live_of(kind, key).select(JobRow::as_select()).first(connection).optional()?)
}

/// Selects the jobs of this kind and key.
#[auto_type]
fn of_key<'a>(kind: &'a str, key: &'a str) -> _ {
    job::table.filter(job::kind.eq(kind)).filter(job::key.eq(key))
}

/// Selects the queued or running job of this kind and key.
#[auto_type]
fn live_of<'a>(kind: &'a str, key: &'a str) -> _ {
    let (queued, running): (Literal<Queued>, Literal<Running>) = (Literal::new(), Literal::new());
    let live = job::state.eq(queued).or(job::state.eq(running));
    let of_this: of_key<'a> = of_key(kind, key);
    of_this.filter(live)
}

/// Selects the jobs of a kind that are due and that nobody holds: queued and due, or with an expired lease.
#[auto_type]
fn due_of<'a>(kind: &'a str, now: i64) -> _ {
    let (queued, running): (Literal<Queued>, Literal<Running>) = (Literal::new(), Literal::new());
    let queued = job::state.eq(queued).and(job::due_at.le(now));
    let abandoned = job::state.eq(running).and(job::lease_until.le(now).assume_not_null());
    job::table.filter(job::kind.eq(kind)).filter(queued.or(abandoned))
}

/// Returns the job with this id.
pub fn by_id(connection: &mut AnyConnection, id: JobId) -> Result<Option<JobRow>, StoreError> {
    Ok(job::table.find(id).select(JobRow::as_select()).first(connection).optional()?)
}

/// Returns the wanted job with the earliest due time: queued and due, or with an expired lease.
pub fn due(connection: &mut AnyConnection, wanted: &Wanted, now: i64) -> Result<Option<JobRow>, StoreError> {
    let due = due_of(wanted.kind, now).order((job::due_at, job::id)).select(JobRow::as_select());
    let found = match &wanted.key {
        Some(key) => due.filter(job::key.eq(key)).first(connection),
        None => due.first(connection),
    };
    Ok(found.optional()?)
}

/// Counts the jobs of a kind that are due and that nobody holds.
pub fn count_due(connection: &mut AnyConnection, kind: &str, now: i64) -> Result<i64, StoreError> {
    Ok(due_of(kind, now).count().get_result(connection)?)
}

/// Claims a wanted job that is due, until `until`. A job whose lease expired in its last attempt is marked as failed
/// instead.
pub fn claim(
    connection: &mut AnyConnection,
    wanted: &[Wanted],
    now: i64,
    until: i64,
) -> Result<Option<Lease>, StoreError> {
    for wanted in wanted {
        // Each iteration either claims a due row or finds that another node has.
        while let Some(row) = due(connection, wanted, now)? {
            if row.attempts >= row.max_attempts {
                end(connection, (row.id, row.fence), JobState::Failed, Some("lease-lost"))?;
            } else if take(connection, &row, until)? {
                let JobRow { id, kind, key, object_id, fence, attempts, max_attempts, .. } = row;
                let (fence, attempts) = (fence + 1, attempts + 1);
                return Ok(Some(Lease { id, kind, key, object_id, fence, attempts, max_attempts }));
            }
        }
    }
    Ok(None)
}

fn take(connection: &mut AnyConnection, row: &JobRow, until: i64) -> Result<bool, StoreError> {
    // Every claim changes the fence, and every end the state, so an unchanged row is still free.
    let unchanged = job::table.find(row.id).filter(job::fence.eq(row.fence)).filter(job::state.eq(&row.state));
    let taken = diesel::update(unchanged)
        .set((
            job::state.eq(JobState::Running.as_str()),
            job::fence.eq(row.fence + 1),
            job::attempts.eq(row.attempts + 1),
            job::lease_until.eq(until),
        ))
        .execute(connection)?;
    Ok(taken == 1)
}

/// Extends a lease to `until`, and locks the job until the transaction ends. Must be the first statement of each
/// transaction of a holder.
///
/// # Errors
/// [`StoreError::LeaseLost`]
pub fn renew(connection: &mut AnyConnection, lease: &Lease, until: i64) -> Result<(), StoreError> {
    let held = job::table.find(lease.id).filter(job::fence.eq(lease.fence));
    let held = held.filter(job::state.eq(JobState::Running.as_str()));
    held_or_lost(diesel::update(held).set(job::lease_until.eq(until)).execute(connection)?)
}

/// Marks a job as done.
///
/// # Errors
/// [`StoreError::LeaseLost`]
pub fn complete(connection: &mut AnyConnection, lease: &Lease) -> Result<(), StoreError> {
    held_or_lost(end(connection, (lease.id, lease.fence), JobState::Done, None)?)
}

/// Queues a job again after a success, for its next due time.
///
/// # Errors
/// [`StoreError::LeaseLost`]
pub fn repeat(connection: &mut AnyConnection, lease: &Lease, due_at: i64) -> Result<(), StoreError> {
    queue_again(connection, lease, due_at, 0, None)
}

/// Ends a failed attempt: queues the job for a retry at `retry_at`, or marks it as failed after the last attempt.
/// Returns the new state. `error` is a fixed word, never a value.
///
/// # Errors
/// [`StoreError::LeaseLost`]
pub fn fail(connection: &mut AnyConnection, lease: &Lease, error: &str, retry_at: i64) -> Result<JobState, StoreError> {
    if lease.attempts >= lease.max_attempts {
        held_or_lost(end(connection, (lease.id, lease.fence), JobState::Failed, Some(error))?)?;
        return Ok(JobState::Failed);
    }
    queue_again(connection, lease, retry_at, lease.attempts, Some(error))?;
    Ok(JobState::Queued)
}

/// Deletes the ended jobs that were due up to `time`.
pub fn delete_ended(connection: &mut AnyConnection, time: i64) -> Result<usize, StoreError> {
    let ended = job::state.eq(JobState::Done.as_str()).or(job::state.eq(JobState::Failed.as_str()));
    Ok(diesel::delete(job::table.filter(ended).filter(job::due_at.le(time))).execute(connection)?)
}

fn queue_again(
    connection: &mut AnyConnection,
    lease: &Lease,
    due_at: i64,
    attempts: i32,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let held = job::table.find(lease.id).filter(job::fence.eq(lease.fence));
    let held = held.filter(job::state.eq(JobState::Running.as_str()));
    let queued = diesel::update(held)
        .set((
            job::state.eq(JobState::Queued.as_str()),
            job::due_at.eq(due_at),
            job::lease_until.eq(None::<i64>),
            job::attempts.eq(attempts),
            job::last_error.eq(error),
        ))
        .execute(connection)?;
    held_or_lost(queued)
}

/// Ends a running job with this fence. Returns the number of rows changed, 0 or 1.
fn end(
    connection: &mut AnyConnection,
    (id, fence): (JobId, i64),
    state: JobState,
    error: Option<&str>,
) -> Result<usize, StoreError> {
    let held = job::table.find(id).filter(job::fence.eq(fence));
    Ok(diesel::update(held.filter(job::state.eq(JobState::Running.as_str())))
        .set((job::state.eq(state.as_str()), job::lease_until.eq(None::<i64>), job::last_error.eq(error)))
        .execute(connection)?)
}

fn held_or_lost(rows: usize) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{on_each_engine, sqlite_plan};

    #[test]
    fn live_and_due_jobs_are_found_among_those_that_have_ended() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let AnyConnection::Sqlite(c) = database.connection() else { return };
            let plans = [
                sqlite_plan(c, &live_of("kind", "key").select(job::id)),
                sqlite_plan(c, &due_of("kind", 0).order((job::due_at, job::id)).select(job::id)),
            ];
            for plan in plans {
                assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{plan:?}");
            }
        });
    }
}
