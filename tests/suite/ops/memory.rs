//! The memory of the built program: at rest, and for lists. Bounds are far from what a machine adds, and near enough to show a
//! copy for each worker, or for each row.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Program, Serving, device};

/// What may come beside a list: the page caches of four reading connections, 4 MiB each, and what the allocators round up.
const SLACK_KIB: u64 = 32 * 1024;
const CREDENTIALS: usize = 300;

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__HTTP__WORKERS", "4");
    Serving::start(command)
}

#[actix_web::test]
async fn a_server_at_rest_takes_little_memory_for_each_worker() {
    let program = Program::initialised();
    let server = serve(&program);
    server.anonymous().get("/health/ready").await.expect(200);
    let anonymous = server.memory_kib("RssAnon");
    assert!(anonymous < 32 * 1024, "{anonymous} KiB");
    let before = server.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(before, server.anonymous().get("/openapi.json").await.expect(200));
}

#[actix_web::test]
async fn a_whole_list_takes_memory_for_what_it_shows() {
    let program = Program::new();
    let credentials = program.create_client("app");
    let server = serve(&program);
    let client = server.client(&credentials).await;
    client.post("/iso/pam/device", &device("srv", "10.0.0.1")).await.expect(201);
    let save = |number: usize| json!({ "save": { "hostname": "srv", "ip": "10.0.0.1", "username": format!("u{number}"), "content": "p" } });
    let items: Vec<Value> = (0..CREDENTIALS).map(save).collect();
    client.post("/iso/pam/credential/batch", &json!({ "items": items })).await.expect(200);
    // Larger than requests may send; a restored vault may have them.
    let large = "x".repeat(1_000_000);
    program.database.run(&format!("UPDATE device SET session_remote_config = '{large}'"));
    program.database.run(&format!("UPDATE credential SET additional = '{}'", &large[..100_000]));

    for (path, rows) in [("/iso/pam/credential", "credentials"), ("/iso/pam/device", "devices")] {
        // Opens the reading connections.
        let first = join_all((0..4).map(|_| client.get(path))).await[0].expect(200);
        assert_eq!(first[rows].as_array().unwrap().len(), if rows == "devices" { 1 } else { CREDENTIALS });
        for at_once in [1, 4] {
            let before = server.memory_kib("VmRSS");
            server.reset_peak_memory();
            let answers = join_all((0..at_once).map(|_| client.get(path))).await;
            let bytes: usize = answers.iter().map(|answer| answer.text.len()).sum();
            let (peak, allowed) = (server.memory_kib("VmHWM"), 4 * bytes as u64 / 1024 + SLACK_KIB);
            assert!(peak <= before + allowed, "{path}, {at_once} at once: {before} to {peak} KiB for {bytes} bytes");
        }
    }
}
