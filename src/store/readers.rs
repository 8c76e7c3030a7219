//! The pool of reading connections, for queries that reveal no secret and write nothing.

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::{self, ManageConnection};
use tokio::sync::Semaphore;

use super::connection::{AnyConnection, DatabaseLocation};
use super::{StoreError, meta};

const CHECKOUT_TIME: Duration = Duration::from_secs(5);

/// Opens and checks the connections of the pool.
struct Manager(DatabaseLocation);

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = self.0.reconnect()?;
        connection.set_read_only()?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        meta::answers(connection)
    }

    fn has_broken(&self, _: &mut AnyConnection) -> bool {
        std::thread::panicking()
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
        // A check would cost a round trip for each read; the read itself notices a lost connection.
        let pool = r2d2::Pool::builder()
            .max_size(u32::try_from(size).unwrap_or(u32::MAX))
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT_TIME)
            .test_on_check_out(matches!(location, DatabaseLocation::Postgresql(_)))
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
            let mut connection = pool.get().map_err(|_| StoreError::Unavailable("no reading connection"))?;
            query(&mut connection)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Panicked))
    }
}
