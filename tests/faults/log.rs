//! The log at a fault: the cause by its name, and few lines however many requests fail.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::shim;
use crate::support::{device, prepared};

const ENOSPC: &str = "28";
const LONGEST: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn a_full_disk_is_named_in_a_line_a_second_with_the_number_of_the_others() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    let full = program.database.dir.path().join("full");
    let variables = [
        ("SHIM_CALLS", "write"),
        ("SHIM_ERRNO", ENOSPC),
        ("SHIM_ALWAYS", "1"),
        ("SHIM_AT", "1"),
        ("SHIM_WHILE", full.to_str().unwrap()),
    ];
    let server = shim::serve(&program, library, &variables);
    let client = client.at(server.address);
    let since = Instant::now();
    std::fs::write(&full, "").unwrap();
    let mut refused = 0;
    while refused <= 200 || since.elapsed() < Duration::from_secs(3) {
        assert!(since.elapsed() < LONGEST, "{refused} calls were refused");
        let call = |number: usize| {
            let client = &client;
            async move { client.post("/iso/pam/device", &device(&format!("d{number}"), "10.0.0.9")).await.status.as_u16() }
        };
        refused += join_all((0..32).map(call)).await.into_iter().filter(|status| *status == 503).count();
    }
    // The number follows a second later.
    let is_counted = server.stderr.wait_for(" more lines in a second: ", LONGEST).is_some();
    let log = server.stderr.text();
    let seconds = usize::try_from(since.elapsed().as_secs()).unwrap() + 1;
    let lines = log.lines().filter(|line| line.contains("ERROR")).count();
    assert!(is_counted, "{log}");
    assert!(log.contains("the database has no space left"), "{log}");
    assert!(lines <= 8 * seconds, "{lines} lines for {refused} refused calls: {log}");
}
