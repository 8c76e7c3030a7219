//! The thread that looks after the connections: those that hang are given up, and the file of SQLite is compared with its path.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::{Parts, StoreError};

/// The interval of its looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// The handle of the thread, which ends with it.
pub(super) struct Watchdog {
    stop: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Watchdog {
    pub(super) fn start(parts: &Arc<Parts>) -> Result<Self, StoreError> {
        let (stop, stopped) = bounded::<()>(0);
        let parts = Arc::downgrade(parts);
        let look = move || {
            while stopped.recv_timeout(INTERVAL).is_err_and(|error| error.is_timeout())
                && let Some(parts) = parts.upgrade()
            {
                parts.writers.replace_hanging();
                parts.readers.release_hanging();
                parts.control.replace_hanging();
                // Logged where it is found.
                let _ = parts.file.check();
            }
        };
        let thread = Builder::new()
            .name("watchdog".into())
            .spawn(look)
            .map_err(|_| StoreError::Unavailable("the watchdog thread cannot be started"))?;
        Ok(Self { stop: Mutex::new(Some((stop, thread))) })
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = stop {
            drop(stop);
            // It may hold the last handle of the connections.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop();
    }
}
