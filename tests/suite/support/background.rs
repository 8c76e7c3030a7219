//! The background tasks of a node, and waiting for what they do.

use std::time::{Duration, Instant};

use actix_web::rt::task::JoinHandle;
use chaveiro::vault::{BackgroundTasks, Vault};

/// The background tasks of a vault, as `serve` runs them; ended when dropped.
pub(crate) struct Background(JoinHandle<()>);

impl Background {
    pub(crate) fn run(vault: &Vault) -> Self {
        let tasks = BackgroundTasks::new(vault);
        Self(actix_web::rt::spawn(async move { tasks.run().await }))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns once `seen` says yes, which has to be within the second that is promised. Gives the time that it took.
pub(crate) async fn within_a_second(what: &str, seen: impl AsyncFn() -> bool) -> Duration {
    within(Duration::from_secs(1), what, seen).await
}

/// Returns once `seen` says yes, for a test about something else: on a busy machine it waits longer than a second.
pub(crate) async fn noticed(what: &str, seen: impl AsyncFn() -> bool) {
    within(Duration::from_secs(120), what, seen).await;
}

async fn within(limit: Duration, what: &str, seen: impl AsyncFn() -> bool) -> Duration {
    let since = Instant::now();
    while !seen().await {
        assert!(since.elapsed() < limit, "{what}: not noticed after {:?}", since.elapsed());
        // Asking without a pause would take the very time that the server needs.
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}
