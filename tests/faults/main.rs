//! The product under faults: kills, power cuts, failing system calls, wrong clocks, files that are swapped, and every fault of
//! PostgreSQL. A server of its own for each test, on a loopback address.
//!
//! What holds in each: what was acknowledged is readable, its record exists, and the audit log verifies; a fault is answered
//! 503 within its time and readiness tells of it; afterwards the server works again, or has ended with a named error.
//!
//! `CHAVEIRO_FAULT_ROUNDS` sets the rounds (`just faults`).

#![expect(clippy::disallowed_methods, reason = "a test measures how long something takes outside of the vault")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

#[path = "../suite/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "these tests need a part of it")]
mod support;

mod clock;
mod disclosure;
mod file;
mod jit;
mod lock;
mod log;
mod nodes;
mod postgresql;
mod power;
mod restore;
mod revocation;
mod rotation;
mod server;
mod shim;
mod small_disk;
mod ssh_key_rotation;
mod system_calls;

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use support::writers::Written;
use support::{Answer, Program, TestClient, device, rounds};

/// How long a node may take to serve again.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// Starts the server again, and asserts that it has all that was acknowledged and that the audit log verifies.
async fn assert_whole(program: &Program, client: &TestClient, written: &Written) {
    let server = program.serve();
    written.assert_kept(&client.at(server.address)).await;
    drop(server);
    program.done(&["audit", "verify"]);
}

/// Waits until readiness has this status, and returns how long that took.
async fn ready_is(client: &TestClient, status: u16, longest: Duration) -> Duration {
    let since = Instant::now();
    loop {
        let answer = client.get("/health/ready").await;
        if answer.status.as_u16() == status {
            return since.elapsed();
        }
        assert!(since.elapsed() < longest, "readiness stays {} after {longest:?}", answer.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a file exists, and returns whether it does.
async fn exists(path: &Path, longest: Duration) -> bool {
    let since = Instant::now();
    while !path.exists() && since.elapsed() < longest {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    path.exists()
}

/// Sends a request until its answer is not 503, and returns that. A node refuses for a while after a stall of the machine, and
/// beside a writer that does not have its connection back yet.
async fn settled(send: impl AsyncFn() -> Answer) -> Answer {
    let since = Instant::now();
    loop {
        let answer = send().await;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            return answer;
        }
        assert!(since.elapsed() < SETTLED_WITHIN, "it stays so: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads until the answer is not 503; it has to be 200.
async fn reads(client: &TestClient, path: &str) {
    settled(async || client.get(path).await).await.expect(200);
}

/// Writes until a write is acknowledged; `name` is of the fault before.
async fn goes_on(client: &TestClient, name: &str) {
    let since = Instant::now();
    while client.post("/iso/pam/device", &device("b", "10.0.0.2")).await.status != StatusCode::CREATED {
        assert!(since.elapsed() < SETTLED_WITHIN, "{name}: it does not go on");
    }
}
