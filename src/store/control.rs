//! The control connection: queries that a node needs even under load (the change mark, grants, health).
//!
//! It has its own thread and its own read-only connection, so neither lists nor writes can block it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::StoreError;
use super::connection::{AnyConnection, DatabaseLocation};

/// The capacity of the queue. Queries are short and callers are few.
const QUEUE_CAPACITY: usize = 64;
/// How long a caller waits for its result. A node whose grants are older than 3 s refuses requests, so a later result
/// is useless.
const RESULT_TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout of a statement (PostgreSQL), or of the wait for the file (SQLite).
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(2500);

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
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Control {
    pub(super) fn start(location: &DatabaseLocation) -> Result<Self, StoreError> {
        let (sender, receiver) = bounded(QUEUE_CAPACITY);
        let worker =
            Worker { connection: Some(set_up(location.connect()?)?), location: location.clone(), queue: receiver };
        let thread = thread::Builder::new()
            .name("control".into())
            .spawn(move || worker.run())
            .map_err(|_| StoreError::Unavailable("the control thread cannot be started"))?;
        Ok(Self { queue: ArcSwapOption::new(Some(Arc::new(sender))), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `query`, once more if the connection was lost.
    pub(super) async fn query<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
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
                Err(_) => Err(StoreError::TimedOut),
            },
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(stopped),
        }
    }

    /// Stops the thread after it has answered the queued queries.
    pub(super) fn stop(&self) {
        self.queue.store(None);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A query may hold the last handle of the store.
        let other = thread.filter(|thread| thread.thread().id() != thread::current().id());
        if other.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the control thread of the store panicked");
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
}

impl Worker {
    fn run(mut self) {
        while let Ok(mut query) = self.queue.recv() {
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
