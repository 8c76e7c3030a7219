//! All of the database: connections, the writer, the readers, and one file for each table.
//!
//! What writes, and what reveals a secret, is a job for [`Store::write`]; what only looks goes to [`Store::read`].
//! The functions of the tables take a connection, so that they compose within one transaction. They know rows, not
//! rules: who may do what is decided above.

mod connection;
mod control;
mod error;
mod queue;
mod readers;
mod schema;
mod writer;

pub mod audit;
pub mod client;
pub mod condition;
pub mod credential;
pub mod custody;
pub mod device;
pub mod domain;
pub mod entry;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod information;
pub mod job;
pub mod key;
pub mod link;
pub mod list;
pub mod lock;
pub mod lookup;
pub mod meta;
pub mod pagination;
pub mod provider;
pub mod provider_type;
pub mod proxy_session;
pub mod response_key;
pub mod role;
pub mod rotation;
pub mod secret;
pub mod ssh_key;
pub mod tag;
pub mod user;
pub mod visibility;

use std::sync::Arc;
use std::time::Duration;

pub use connection::{AnyConnection, DatabaseLocation};
pub use error::{Cause, StoreError};
pub use queue::Lane;
pub use writer::{CommitObserver, Ticket, Transaction};

use control::Control;
use readers::Readers;
use writer::Writers;

/// How the writers work.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// The name of this node; its chains of audit records bear it.
    pub node: String,
    /// Writers on PostgreSQL. SQLite always has one.
    pub writers: usize,
    /// How many jobs may wait, those of one lane up to half of it; the next one is refused.
    pub queue: usize,
    /// How long a job may wait for its begin.
    pub wait: Duration,
    /// How many jobs share a commit at the most.
    pub batch: usize,
    /// How long a transaction takes on further jobs.
    pub batch_time: Duration,
}

/// The database: a queue of writes, a pool of readers, and a connection for control.
pub struct Store {
    writers: Writers,
    readers: Readers,
    control: Control,
}

impl Store {
    /// Connects, and starts the writers and `readers` connections for reading. The tables have to be there:
    /// [`Database::migrate`] comes first.
    pub fn open(
        location: &DatabaseLocation,
        settings: &WriterSettings,
        readers: usize,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            writers: Writers::start(location, settings, observer)?,
            readers: Readers::start(location, readers)?,
            control: Control::start(location)?,
        })
    }

    /// Runs `job` in a transaction and returns once that is durable.
    ///
    /// The job may run more than once, each time from a clean state, so it must not change anything but rows.
    ///
    /// # Errors
    /// The job's own; [`StoreError::Busy`] when the queue, or the half of it that one lane may fill, is full;
    /// [`StoreError::TimedOut`] when the job had not begun by its deadline, and never will;
    /// [`StoreError::Unavailable`] when nothing was kept because the database did not commit.
    pub async fn write<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writers.submit(ticket, job).await
    }

    /// Runs `query`, which must not write, on one of the connections for reading. `request_id` is for the log.
    pub async fn read_for<T, Q>(&self, request_id: &str, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.readers.run(query).await.inspect_err(|error| error.log(request_id))
    }

    /// As [`Store::read_for`], for several queries that have to see one state of the database.
    pub async fn snapshot<T, Q>(&self, request_id: &str, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let in_transaction = |connection: &mut AnyConnection| {
            connection.begin_snapshot()?;
            let result = query(connection);
            connection.command("COMMIT")?;
            result
        };
        self.read_for(request_id, in_transaction).await
    }

    /// As [`Store::read_for`], for what no request asked for.
    pub async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_for("", query).await
    }

    /// Asks what a node must know whether or not it is busy, on a connection that neither lists nor writes can occupy.
    /// `query` must be short and must not write; it is asked again when the connection was lost.
    ///
    /// # Errors
    /// The query's own, and [`StoreError::TimedOut`] after 3 s.
    pub async fn control<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.control.ask(query).await
    }

    /// How many jobs wait for a writer.
    pub fn queue_depth(&self) -> usize {
        self.writers.depth()
    }

    /// Finishes what is queued; every later write is refused.
    pub fn close(&self) {
        self.writers.stop();
        self.control.stop();
    }
}

/// A single connection, for what happens before a store is open: looking at the keys, and migrating.
pub struct Database(AnyConnection);

impl Database {
    /// Connects. With `create` false, a SQLite file that does not exist is `None` instead of a new file.
    pub fn connect(location: &DatabaseLocation, create: bool) -> Result<Option<Self>, StoreError> {
        if create || location.exists() { location.connect().map(|connection| Some(Self(connection))) } else { Ok(None) }
    }

    /// The connection itself.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.0
    }

    /// Runs `work` in a transaction: all of its rows are kept, or none.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.begin()?;
        let result = work(&mut self.0).and_then(|value| self.0.command("COMMIT").map(|()| value));
        if result.is_err() {
            // The error that counts is the one that brought us here.
            let _ = self.0.command("ROLLBACK");
        }
        result
    }

    /// Applies the migrations that are missing, and tells how many those were.
    pub fn migrate(&mut self) -> Result<usize, StoreError> {
        self.0.migrate()
    }

    /// How many migrations are missing.
    pub fn pending_migrations(&mut self) -> Result<usize, StoreError> {
        self.0.pending_migrations()
    }
}

/// The form in which names are compared ignoring case.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The items of a list separated by commas, trimmed, without empty ones.
pub(crate) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
pub(crate) mod tests;
