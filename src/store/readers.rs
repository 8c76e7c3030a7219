//! The pool of reading connections, for queries that reveal no secret and write nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::r2d2::{self, ManageConnection};
use tokio::sync::Semaphore;

use super::connection::{AnyConnection, DatabaseLocation};
use super::{StoreError, meta};
use crate::clock::instant;

const CHECKOUT_TIME: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is checked before it is used.
const CHECKED_WHEN_IDLE: Duration = Duration::from_secs(1);

/// Opens and checks the connections of the pool.
struct Manager(DatabaseLocation);

/// A pooled connection.
struct Reader {
    connection: AnyConnection,
    /// Whether a query failed because the connection was lost.
    is_lost: bool,
    used_at: Instant,
}

impl ManageConnection for Manager {
    type Connection = Reader;
    type Error = StoreError;

    fn connect(&self) -> Result<Reader, StoreError> {
        let mut connection = self.0.reconnect()?;
        connection.set_read_only()?;
        Ok(Reader { connection, is_lost: false, used_at: instant() })
    }

    fn is_valid(&self, reader: &mut Reader) -> Result<(), StoreError> {
        // A check is a round trip. A connection in use is lost while a query runs on it, which notices.
        let idle = reader.used_at.elapsed();
        if reader.connection.is_remote() && idle > CHECKED_WHEN_IDLE {
            meta::answers(&mut reader.connection)
        } else {
            Ok(())
        }
    }

    fn has_broken(&self, reader: &mut Reader) -> bool {
        reader.is_lost || std::thread::panicking()
    }
}

/// Reading connections, and a fair queue for each.
#[derive(Clone)]
pub(super) struct Readers {
    pool: r2d2::Pool<Manager>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn start(location: &DatabaseLocation, size: usize) -> Result<Self, StoreError> {
        let size = size.max(1);
        let pool = r2d2::Pool::builder()
            .max_size(u32::try_from(size).unwrap_or(u32::MAX))
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT_TIME)
            .test_on_check_out(true)
            .build(Manager(location.clone()))
            .map_err(|_| StoreError::Unavailable("no reading connection"))?;
        // Callers wait here and not in the pool, where each would block a thread.
        Ok(Self { pool, places: Arc::new(Semaphore::new(size)) })
    }

    /// Runs `query` on a blocking thread.
    pub(super) async fn run<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = tokio::time::timeout(CHECKOUT_TIME, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(StoreError::Busy) };
        let pool = self.pool.clone();
        let work = move || {
            let _place = place;
            let mut reader = pool.get().map_err(|_| StoreError::Unavailable("no reading connection"))?;
            let result = query(&mut reader.connection);
            reader.is_lost = matches!(result, Err(StoreError::Unavailable(_) | StoreError::Connection(_)));
            reader.used_at = instant();
            result
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Panicked))
    }
}
