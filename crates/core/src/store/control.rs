//! The control connection: queries that a node needs even under load (the change mark, grants, health).
//!
//! It has its own thread and its own read-only connection, so neither lists nor writes can block it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::StoreError;
use super::connection::{AnyConnection, DatabaseLocation};
use super::file::DatabaseFile;
use super::given_up::GivenUp;
use super::watch::Watch;
use super::writer::join_within;

/// The capacity of the queue. Queries are short and callers are few.
const QUEUE_CAPACITY: usize = 64;
/// How long a caller waits for its result. A node whose grants are older than 3 s refuses requests, so a later result
/// is useless.
const RESULT_TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout of a statement (PostgreSQL), or of the wait for the file (SQLite).
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(2500);
/// How long PostgreSQL may take to answer, its timeout included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a stop waits for the thread.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A queued query, without its type.
trait QueuedQuery: Send {
    /// Whether the caller still waits for the result.
    fn is_awaited(&self) -> bool;
    /// Runs the query. Returns whether the connection was lost; the query may then run again.
    fn run(&mut self, connection: Result<&mut AnyConnection, StoreError>) -> bool;
    fn answer(self: Box<Self>);
}

struct Pending<T, Q> {
    query: Q,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, Q> QueuedQuery for Pending<T, Q>
where
    T: Send,
    Q: Fn(&mut AnyConnection) -> Result<T, StoreError> + Send,
{
    fn is_awaited(&self) -> bool {
        !self.caller.is_closed()
    }

    fn run(&mut self, connection: Result<&mut AnyConnection, StoreError>) -> bool {
        let query = std::panic::AssertUnwindSafe(|| connection.and_then(|connection| (self.query)(connection)));
        let result = std::panic::catch_unwind(query).unwrap_or(Err(StoreError::Panicked));
        let lost = matches!(result, Err(StoreError::Unavailable(_) | StoreError::Connection(_)));
        self.result = Some(result);
        lost
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or(Err(StoreError::Unavailable("the store is closing")));
        if let Err(error) = &result {
            error.log("");
        }
        let _ = self.caller.send(result);
    }
}

/// The handle of the control thread.
pub(super) struct Control {
    queue: ArcSwapOption<Sender<Box<dyn QueuedQuery>>>,
    queries: Receiver<Box<dyn QueuedQuery>>,
    location: DatabaseLocation,
    file: Arc<DatabaseFile>,
    running: Mutex<Option<RunningControl>>,
    given_up: GivenUp,
}

/// The control thread.
struct RunningControl {
    watch: Arc<Watch>,
    thread: JoinHandle<()>,
}

impl Control {
    pub(super) fn start(location: &DatabaseLocation, file: Arc<DatabaseFile>) -> Result<Self, StoreError> {
        let (sender, queries) = bounded(QUEUE_CAPACITY);
        let control = Self {
            queue: ArcSwapOption::new(Some(Arc::new(sender))),
            queries,
            location: location.clone(),
            file,
            running: Mutex::default(),
            given_up: GivenUp::default(),
        };
        let started = control.spawn(Some(set_up(location.connect()?)?))?;
        *control.running() = Some(started);
        Ok(control)
    }

    fn spawn(&self, connection: Option<AnyConnection>) -> Result<RunningControl, StoreError> {
        let watch = Watch::new(ANSWER_TIMEOUT);
        let worker = Worker {
            connection,
            location: self.location.clone(),
            queue: self.queries.clone(),
            watch: Arc::clone(&watch),
        };
        let thread = thread::Builder::new()
            .name("control".into())
            .spawn(move || worker.run())
            .map_err(|_| StoreError::Unavailable("the control thread cannot be started"))?;
        Ok(RunningControl { watch, thread })
    }

    /// Replaces the thread if it waits for a server that does not answer.
    pub(super) fn replace_hanging(&self) {
        let mut running = self.running();
        let Some(running) = running.as_mut().filter(|running| running.watch.is_hanging()) else { return };
        if !self.given_up.add(&running.watch) {
            return;
        }
        log::error!("PostgreSQL does not answer the control connection; it is given up");
        if let Ok(started) = self.spawn(None) {
            *running = started;
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<RunningControl>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `query`, once more if the connection was lost.
    pub(super) async fn query<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.file.refuse_replaced()?;
        let stopped = StoreError::Unavailable("the store is closing");
        let (caller, answer) = oneshot::channel();
        let pending = Pending { query, result: None, caller };
        let sent = match self.queue.load().as_ref() {
            Some(queue) => queue.try_send(Box::new(pending)),
            None => return Err(stopped),
        };
        match sent {
            Ok(()) => match tokio::time::timeout(RESULT_TIMEOUT, answer).await {
                Ok(answered) => answered.unwrap_or(Err(stopped)),
                Err(_) => Err(self.given_up.error_or(StoreError::TimedOut)),
            },
            Err(TrySendError::Full(_)) => Err(self.given_up.error_or(StoreError::Busy)),
            Err(TrySendError::Disconnected(_)) => Err(stopped),
        }
    }

    /// Stops the thread after it has answered the queued queries.
    pub(super) fn stop(&self) {
        self.queue.store(None);
        let running = self.running().take();
        // A query may hold the last handle of the store.
        let other = running.filter(|running| running.thread.thread().id() != thread::current().id());
        if let Some(other) = other
            && !join_within(other.thread, STOP_TIMEOUT)
        {
            log::error!("the control thread of the store does not end");
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker {
    connection: Option<AnyConnection>,
    location: DatabaseLocation,
    queue: Receiver<Box<dyn QueuedQuery>>,
    watch: Arc<Watch>,
}

impl Worker {
    fn run(mut self) {
        self.watch.follow_thread();
        while !self.watch.is_given_up()
            && let Ok(mut query) = self.queue.recv()
        {
            if !query.is_awaited() {
                continue;
            }
            if query.run(self.connected()) {
                self.connection = None;
                if query.run(self.connected()) {
                    self.connection = None;
                }
            }
            query.answer();
        }
    }

    fn connected(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(set_up(self.location.reconnect()?)?);
        }
        self.connection.as_mut().ok_or(StoreError::Unavailable("no control connection"))
    }
}

fn set_up(mut connection: AnyConnection) -> Result<AnyConnection, StoreError> {
    connection.set_read_only()?;
    connection.set_statement_timeout(STATEMENT_TIMEOUT)?;
    Ok(connection)
}
