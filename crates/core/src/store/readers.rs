//! The pool of reading connections, for queries that reveal no secret and write nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::CHECKED_WHEN_IDLE;
use super::connection::{AnyConnection, DatabaseLocation};
use super::file::DatabaseFile;
use super::given_up::GivenUp;
use super::outage::Outage;
use super::watch::{ANSWER_TIMEOUT, CHECK_INTERVAL, Watch};
use super::{StoreError, meta};
use crate::clock::instant;

/// How long a query waits for its place.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reading connections, and a fair queue for each.
pub(super) struct Readers {
    places: Arc<Semaphore>,
    pool: Arc<Pool>,
}

/// The connections that no query uses, and the queries under way.
struct Pool {
    location: DatabaseLocation,
    file: Arc<DatabaseFile>,
    size: usize,
    idle: Mutex<Vec<Idle>>,
    outage: Outage,
    running: Mutex<Vec<Arc<Running>>>,
    given_up: GivenUp,
}

/// A connection that no query uses.
struct Idle {
    connection: AnyConnection,
    since: Instant,
}

/// A query under way, and its place.
struct Running {
    watch: Arc<Watch>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Readers {
    /// Opens the first of at most `size` connections.
    pub(super) fn start(location: &DatabaseLocation, size: usize, file: Arc<DatabaseFile>) -> Result<Self, StoreError> {
        let pool = Pool {
            location: location.clone(),
            file,
            size: size.max(1),
            idle: Mutex::default(),
            outage: Outage::default(),
            running: Mutex::default(),
            given_up: GivenUp::default(),
        };
        let first = pool.connect()?;
        lock(&pool.idle).push(Idle { connection: first, since: instant() });
        Ok(Self { places: Arc::new(Semaphore::new(pool.size)), pool: Arc::new(pool) })
    }

    /// Runs `query` on a blocking thread. While the database does not answer, its caller gets an error, and others its place.
    pub(super) async fn run<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.pool.file.refuse_replaced()?;
        let place = tokio::time::timeout(PLACE_TIMEOUT, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(self.pool.given_up.error_or(StoreError::Busy)) };
        let running = self.pool.begin(place);
        let (pool, own) = (Arc::clone(&self.pool), Arc::clone(&running));
        let work = move || {
            own.watch.follow_thread();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.run(query)));
            Watch::leave_thread();
            pool.end(&own);
            result.unwrap_or(Err(StoreError::Panicked))
        };
        let mut work = tokio::task::spawn_blocking(work);
        if self.pool.location.has_one_writer() {
            return work.await.unwrap_or(Err(StoreError::Panicked));
        }
        loop {
            match tokio::time::timeout(CHECK_INTERVAL, &mut work).await {
                Ok(ended) => return ended.unwrap_or(Err(StoreError::Panicked)),
                Err(_) if running.watch.is_hanging() => return Err(StoreError::Unanswered),
                Err(_) => {}
            }
        }
    }

    /// Whether the last connection for reading could be opened.
    pub(super) fn are_reachable(&self) -> bool {
        self.pool.outage.is_over()
    }

    /// Gives the places of queries that hang to others.
    pub(super) fn release_hanging(&self) {
        let hanging: Vec<_> =
            lock(&self.pool.running).iter().filter(|running| running.watch.is_hanging()).cloned().collect();
        for running in hanging {
            self.pool.outage.note();
            if self.pool.given_up.add(&running.watch) {
                log::error!("PostgreSQL does not answer a query; its connection is given up");
                self.pool.end(&running);
            }
        }
    }
}

impl Pool {
    fn connect(&self) -> Result<AnyConnection, StoreError> {
        self.outage.attempt(|| {
            let mut connection = self.location.reconnect()?;
            connection.set_read_only()?;
            self.file.check()?;
            Ok(connection)
        })
    }

    /// Returns a connection that answers. To a file none is lost.
    fn acquire(&self) -> Result<AnyConnection, StoreError> {
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                Some(Idle { connection, .. }) if !connection.is_remote() => return Ok(connection),
                Some(Idle { mut connection, since }) => {
                    if since.elapsed() <= CHECKED_WHEN_IDLE || meta::answers(&mut connection).is_ok() {
                        return Ok(connection);
                    }
                }
                None => {
                    self.outage.refuse_during()?;
                    return self.connect();
                }
            }
        }
    }

    fn run<T>(&self, query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.acquire()?;
        // A query that panics drops its connection, on which a transaction may be open.
        let result = query(&mut connection);
        let is_lost = matches!(result, Err(StoreError::Unavailable(_) | StoreError::Connection(_)));
        let mut idle = lock(&self.idle);
        if is_lost {
            // So are the others, most likely.
            idle.clear();
        } else if idle.len() < self.size {
            // One that hung comes back after another has taken its place.
            idle.push(Idle { connection, since: instant() });
        }
        drop(idle);
        result
    }

    fn begin(&self, place: OwnedSemaphorePermit) -> Arc<Running> {
        let running = Arc::new(Running { watch: Watch::new(ANSWER_TIMEOUT), place: Mutex::new(Some(place)) });
        lock(&self.running).push(Arc::clone(&running));
        running
    }

    fn end(&self, running: &Arc<Running>) {
        lock(&self.running).retain(|other| !Arc::ptr_eq(other, running));
        drop(lock(&running.place).take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
