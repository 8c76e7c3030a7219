//! Submission of jobs: a job either runs or is abandoned, never both.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::StoreError;
use super::super::credential_lock::AccountLookup;
use super::super::object_lookup::ObjectLookup;
use super::super::queue::Lane;
use super::super::watch::{CHECK_INTERVAL, Watch};
use super::transaction::Transaction;
use super::waiting::{NotQueued, Queued, Waiting};
use crate::clock::instant;

/// The lane and the cost of a write, and what it looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The lane of the job.
    pub lane: Lane,
    /// The number of items of the job, its cost in the queue.
    pub items: u32,
    /// The request id, for the log; empty without a request.
    pub request_id: Arc<str>,
    /// What the job looks up first, by [`Transaction::looked_up`].
    pub lookup: Option<Arc<ObjectLookup>>,
    /// The account that the job creates or changes, if it does, by [`Transaction::take_locked_account`]. If the lookup finds it or its
    /// place, the job changes no other row that a lookup shows: no name, no parent, no device.
    pub account: Option<Arc<AccountLookup>>,
}

impl Ticket {
    /// Creates a ticket for one item.
    pub fn new(lane: Lane, request_id: impl Into<Arc<str>>) -> Self {
        Self { lane, items: 1, request_id: request_id.into(), lookup: None, account: None }
    }

    /// Creates a ticket for background work.
    pub fn system() -> Self {
        Self::new(Lane::System, "")
    }

    /// Creates a ticket for background work in large numbers, which other background work does not wait for.
    pub fn maintenance() -> Self {
        Self::new(Lane::Maintenance, "")
    }

    /// Creates a ticket for the command line.
    pub fn operator() -> Self {
        Self::new(Lane::Operator, "")
    }

    /// Sets what the job looks up.
    pub fn with_lookup(self, lookup: Option<ObjectLookup>) -> Self {
        Self { lookup: lookup.map(Arc::new), ..self }
    }

    /// Sets the account that the job creates or changes.
    pub fn with_account(self, account: Option<AccountLookup>) -> Self {
        Self { account: account.map(Arc::new), ..self }
    }

    /// Sets the number of items.
    pub fn for_items(self, items: usize) -> Self {
        Self { items: u32::try_from(items).unwrap_or(u32::MAX), ..self }
    }
}

/// The state of a queued job. It leaves `WAITING` once, by a compare-and-set, for one of the other two.
#[derive(Clone, Default)]
struct Fate(Arc<FateState>);

#[derive(Default)]
struct FateState {
    state: AtomicU8,
    /// The watch of the writer that has begun the job.
    writer: OnceLock<Arc<Watch>>,
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const ABANDONED: u8 = 2;

impl Fate {
    /// Changes the state from `WAITING` to `next`. Returns whether the state is `next` now.
    fn decide(&self, next: u8) -> bool {
        match self.0.state.compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(decided) => decided == next,
        }
    }

    fn is_abandoned(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == ABANDONED
    }

    /// Whether the writer of the job waits for a server that does not answer.
    fn is_hanging(&self) -> bool {
        self.0.writer.get().is_some_and(|writer| writer.is_hanging() || writer.is_given_up())
    }
}

/// A queued job, without its type.
pub(super) trait Job: Send {
    /// Starts the job on the writer with this watch. Returns false when the job was abandoned, or its deadline has passed, which
    /// abandons it.
    fn may_begin(&self, writer: &Arc<Watch>) -> bool;
    fn is_abandoned(&self) -> bool;
    fn request_id(&self) -> &str;
    fn lookup(&self) -> Option<&Arc<ObjectLookup>>;
    fn account(&self) -> Option<&Arc<AccountLookup>>;
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

impl Queued for Box<dyn Job> {
    fn is_abandoned(&self) -> bool {
        self.as_ref().is_abandoned()
    }

    /// Lookups and locks are made together.
    fn shares_statements(&self) -> bool {
        self.lookup().is_some() || self.account().is_some()
    }
}

struct Submitted<T, J> {
    job: J,
    fate: Fate,
    deadline: Instant,
    request_id: Arc<str>,
    lookup: Option<Arc<ObjectLookup>>,
    account: Option<Arc<AccountLookup>>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, J> Job for Submitted<T, J>
where
    T: Send,
    J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send,
{
    fn may_begin(&self, writer: &Arc<Watch>) -> bool {
        let _ = self.fate.0.writer.set(Arc::clone(writer));
        let next = if instant() < self.deadline { BEGUN } else { ABANDONED };
        self.fate.decide(next) && next == BEGUN
    }

    fn is_abandoned(&self) -> bool {
        self.fate.is_abandoned()
    }

    fn request_id(&self) -> &str {
        &self.request_id
    }

    fn lookup(&self) -> Option<&Arc<ObjectLookup>> {
        self.lookup.as_ref()
    }

    fn account(&self) -> Option<&Arc<AccountLookup>> {
        self.account.as_ref()
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let result = catch_unwind(AssertUnwindSafe(|| (self.job)(transaction))).unwrap_or(Err(StoreError::Panicked));
        let ended = result.as_ref().map(drop).map_err(StoreError::clone);
        self.result = Some(result);
        ended
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Unavailable("the job did not run")),
            (Err(error), Some(Err(StoreError::Panicked))) if error != StoreError::Panicked => Err(StoreError::Panicked),
            (Err(error), _) => Err(error),
        };
        // A caller that has gone loses the result, not the write.
        let _ = self.caller.send(result);
    }
}

/// Queues a job and waits: at most `patience` for its start, and then for its commit.
pub(super) async fn submit<T, J>(
    waiting: &Waiting<Box<dyn Job>>,
    ticket: Ticket,
    patience: Duration,
    job: J,
) -> Result<T, StoreError>
where
    T: Send + 'static,
    J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let stopped = StoreError::Unavailable("the store is closing");
    let Ticket { lane, items, request_id, lookup, account } = ticket;
    let (caller, mut answer) = oneshot::channel();
    let fate = Fate::default();
    let deadline = instant() + patience;
    let submitted = Submitted { job, fate: fate.clone(), deadline, request_id, lookup, account, result: None, caller };
    match waiting.put(lane, items, Box::new(submitted)) {
        Ok(()) => {}
        Err(NotQueued::Full) => return Err(StoreError::Busy),
        Err(NotQueued::Closed) => return Err(stopped),
    }
    match tokio::time::timeout(patience, &mut answer).await {
        Ok(answered) => answered.unwrap_or(Err(stopped)),
        Err(_) if fate.decide(ABANDONED) => Err(StoreError::TimedOut),
        // The job has started, and may be committed: only its own result is true, while there can be one.
        Err(_) => loop {
            match tokio::time::timeout(CHECK_INTERVAL, &mut answer).await {
                Ok(answered) => return answered.unwrap_or(Err(stopped)),
                Err(_) if fate.is_hanging() => return Err(StoreError::Unanswered),
                Err(_) => {}
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_decided_once() {
        let fate = Fate::default();
        assert!(fate.decide(BEGUN) && fate.decide(BEGUN));
        assert!(!fate.decide(ABANDONED) && !fate.is_abandoned());
    }

    #[test]
    fn of_a_writer_and_a_caller_that_come_at_once_one_decides() {
        for _ in 0..1000 {
            let writer = Fate::default();
            let other = writer.clone();
            let thread = std::thread::spawn(move || other.decide(ABANDONED));
            let begun = writer.decide(BEGUN);
            assert_ne!(begun, thread.join().unwrap());
        }
    }
}
