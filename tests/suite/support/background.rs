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

/// Returns once `seen` says yes. How soon that is, a busy machine decides: `revocation_under_load.rs` measures it.
pub(crate) async fn noticed(what: &str, seen: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !seen().await {
        assert!(since.elapsed() < Duration::from_secs(120), "{what}: not noticed after {:?}", since.elapsed());
        // Asking without a pause would take the very time that the server needs.
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
}
