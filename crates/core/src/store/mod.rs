//! The database: connections, the writer, the readers, and one file for each table.
//!
//! An operation that writes or reveals a secret is a job for [`Store::write`]; a query goes to [`Store::read`]. The
//! functions of the tables take a connection, so that they compose within a transaction. They know rows, not rules:
//! permissions are decided in `vault`.

mod changes;
mod connection;
mod control;
mod error;
mod file;
mod given_up;
mod outage;
mod probe;
mod queue;
mod readers;
mod schema;
mod watch;
mod watchdog;
mod writer;

pub mod application_secret;
pub mod audit;
pub mod audit_checkpoint;
pub mod catalogue;
pub mod change_template;
pub mod client;
pub mod client_key;
pub mod condition;
pub mod credential;
pub mod credential_lock;
pub mod credential_lookup;
pub mod credential_metadata;
pub mod custody;
pub mod device;
pub mod device_lookup;
pub mod domain;
pub mod dump;
pub mod entry;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod information;
pub mod information_lookup;
pub mod inventory;
pub mod item;
pub mod item_search;
pub mod jit_account;
pub mod job;
pub mod key;
pub mod known_tag;
pub mod link;
pub mod list;
pub mod lock;
pub mod login_attempt;
pub mod lookup;
pub mod meta;
pub mod object_lookup;
pub mod pagination;
pub mod permission_set;
pub mod provider;
pub mod provider_type;
pub mod proxy_session;
pub mod registration;
pub mod request_signing_key;
pub mod reseal;
pub mod response_key;
pub mod role;
pub mod rotation;
pub mod rotation_record;
pub mod secret;
pub mod security_claim;
pub mod single_use;
pub mod ssh_key;
pub mod ssh_key_lookup;
pub mod static_token;
pub mod tag;
pub mod target_identity;
pub mod transit_key;
pub mod trusted_issuer;
pub mod user;
pub mod visibility;

use std::sync::Arc;
use std::time::Duration;

pub use connection::{AnyConnection, DatabaseLocation};
pub use error::{Cause, StoreError};
pub use queue::Lane;
pub use writer::{CommitObserver, DeferrableWrite, Ticket, Transaction};

use connection::LockWait;
use control::Control;
use file::DatabaseFile;
use probe::WriteProbe;
use readers::Readers;
use watchdog::Watchdog;
use writer::Writers;

/// Returns the version of the schema: that of the newest migration.
pub fn schema_version() -> String {
    connection::newest_version()
}

/// The most values that a query compares with. `SQLite` takes no more than 32,766 parameters.
const MAX_BOUND: usize = 10_000;

/// Settings of the writers.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// The name of this node, a part of the names of its chains of audit records.
    pub node: String,
    /// Writers on PostgreSQL. SQLite always has one.
    pub writers: usize,
    /// The capacity of the queue; one lane may fill half of it. Further jobs are refused.
    pub queue: usize,
    /// How long a job may wait until it starts.
    pub wait: Duration,
    /// The maximum number of jobs in a transaction.
    pub batch: usize,
    /// How long a transaction accepts further jobs.
    pub batch_time: Duration,
    /// How long the jobs of a transaction that conflict with another one are retried alone.
    pub longest_alone: Duration,
}

/// The database: a queue of writes, a pool of readers, and a control connection.
pub struct Store {
    parts: Arc<Parts>,
    watchdog: Watchdog,
    write_probe: WriteProbe,
    location: DatabaseLocation,
}

/// The connections, and the open file.
struct Parts {
    writers: Writers,
    readers: Readers,
    control: Control,
    file: Arc<DatabaseFile>,
}

impl Store {
    /// Connects, and starts the writers and `readers` reading connections. The tables must exist: run
    /// [`Database::migrate`] first.
    pub fn open(
        location: &DatabaseLocation,
        settings: &WriterSettings,
        readers: usize,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StoreError> {
        let first = DatabaseFile::hold(location)?;
        let file = Arc::new(DatabaseFile::opened(location));
        let parts = Arc::new(Parts {
            writers: Writers::start(location, settings, observer, Arc::clone(&file))?,
            readers: Readers::start(location, readers, Arc::clone(&file))?,
            control: Control::start(location, Arc::clone(&file))?,
            file,
        });
        drop(first);
        Ok(Self {
            watchdog: Watchdog::start(&parts)?,
            parts,
            write_probe: WriteProbe::default(),
            location: location.clone(),
        })
    }

    /// Runs `job` in a transaction and returns when it is durable.
    ///
    /// The job may run more than once, each time from a clean state, so it must not change anything but rows.
    ///
    /// # Errors
    /// The job's own; [`StoreError::Busy`] when the queue, or the lane's half of it, is full;
    /// [`StoreError::TimedOut`] when the job had not started by its deadline, and it will not run;
    /// [`StoreError::Unavailable`] when the database did not commit; [`StoreError::Unanswered`] when it does not answer, and may
    /// have committed; [`StoreError::FileReplaced`] when the file of SQLite is not at its path any more.
    pub async fn write<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.parts.writers.submit(ticket, job).await
    }

    /// Runs `query`, which must not write, on a reading connection. `request_id` is for the log.
    pub async fn read_for<T, Q>(&self, request_id: &str, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.parts.readers.run(query).await.inspect_err(|error| error.log(request_id))
    }

    /// Runs several queries on one snapshot of the database; otherwise as [`Store::read_for`].
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

    /// Runs `query` as [`Store::read_for`] does, without a request.
    pub async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_for("", query).await
    }

    /// Runs `query` on the control connection, which neither lists nor writes can block. `query` must be short and
    /// must not write; it is retried when the connection was lost.
    ///
    /// # Errors
    /// The query's own; [`StoreError::TimedOut`] after 3 s.
    pub async fn control<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.parts.control.query(query).await
    }

    /// Whether the database takes writes: a writer has committed within the last second, or a probe could. And whether it can be
    /// connected to for reading.
    pub async fn takes_writes(&self) -> bool {
        let can_read = self.parts.readers.are_reachable() || self.read(meta::answers).await.is_ok();
        can_read && self.write_probe.takes_writes(&self.parts.writers).await
    }

    /// Whether every write goes through one connection.
    pub fn has_one_writer(&self) -> bool {
        self.location.has_one_writer()
    }

    /// Takes a snapshot of the whole database, on a connection of its own.
    pub fn dump(&self) -> Result<dump::DatabaseSnapshot, StoreError> {
        dump::DatabaseSnapshot::begin(&self.location)
    }

    /// Returns the number of jobs in the queue.
    pub fn queue_depth(&self) -> usize {
        self.parts.writers.depth()
    }

    /// Finishes the queued jobs and refuses later ones.
    pub fn close(&self) {
        self.watchdog.stop();
        self.parts.writers.stop();
        self.parts.control.stop();
    }
}

/// A single connection, for the steps before a store is open: loading the keys, and migrations.
pub struct Database(AnyConnection);

impl Database {
    /// Connects. With `create` false, a missing SQLite file gives `None` instead of a new file.
    pub fn connect(location: &DatabaseLocation, create: bool) -> Result<Option<Self>, StoreError> {
        if create || location.exists() { location.connect().map(|connection| Some(Self(connection))) } else { Ok(None) }
    }

    /// Returns the connection.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.0
    }

    /// Runs `work` in a transaction: all of its rows are committed, or none.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.begin(LockWait::Patient)?;
        let result = work(&mut self.0).and_then(|value| self.0.command("COMMIT").map(|()| value));
        if result.is_err() {
            // The first error counts.
            let _ = self.0.command("ROLLBACK");
        }
        result
    }

    /// Applies the pending migrations and returns their number.
    pub fn migrate(&mut self) -> Result<usize, StoreError> {
        self.0.migrate()
    }

    /// Requires the tables and columns that this version uses.
    ///
    /// # Errors
    /// [`StoreError::Schema`].
    pub fn require_schema(&mut self) -> Result<(), StoreError> {
        catalogue::require_described(&mut self.0)
    }

    /// Applies the pending migrations up to a version.
    pub fn migrate_up_to(&mut self, version: &str) -> Result<usize, StoreError> {
        self.0.migrate_up_to(Some(version))
    }

    /// Returns the number of pending migrations.
    pub fn pending_migrations(&mut self) -> Result<usize, StoreError> {
        self.0.pending_migrations()
    }
}

#[cfg(test)]
pub(crate) mod tests;
