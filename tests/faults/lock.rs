//! Another process holds the lock of the SQLite file.

use std::time::{Duration, Instant};

use chaveiro::store::{Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;

use crate::support::{device, prepared};
use crate::{reads, ready_is};

/// `store.wait_seconds`, and the rest for a slow machine.
const LONGEST: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn while_another_holds_the_lock_each_call_is_refused_in_time() {
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    let location = DatabaseLocation::parse(&program.url).unwrap();
    let mut other = Database::connect(&location, false).unwrap().unwrap();
    other.connection().batch_execute("BEGIN EXCLUSIVE").unwrap();
    let call = async |number: usize| {
        let since = Instant::now();
        let answer = match number % 2 {
            0 => client.get("/iso/pam/device/a").await,
            _ => client.post("/iso/pam/device", &device(&format!("n{number}"), "10.0.0.9")).await,
        };
        assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(since.elapsed() < LONGEST, "{:?}", since.elapsed());
    };
    futures_util::join!(join_all((0..40).map(call)), ready_is(&client, 503, LONGEST));
    other.connection().batch_execute("ROLLBACK").unwrap();
    ready_is(&client, 200, LONGEST).await;
    reads(&client, "/iso/pam/device/a").await;
    server.stop();
    program.done(&["audit", "verify"]);
}
