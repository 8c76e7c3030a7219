//! The faults of PostgreSQL: frozen, killed, restarted, read-only, locked, without connections, not heard, replaced by its standby.

mod disk;
mod network;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::server::PostgresServer;
use crate::support::{Credentials, Program, Serving, TestClient, Writers, device};
use crate::{assert_whole, reads, ready_is, rounds};

/// A statement has 12 seconds, a start in the queue has 10; the rest is for the way, and for a slow machine.
const LONGEST: Duration = Duration::from_secs(60);
/// Requests that wait for nothing are refused within this time, in one of so many attempts: a machine may stall during one.
const AT_ONCE: Duration = Duration::from_secs(8);
const ATTEMPTS: usize = 5;

const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'vault'";

/// A vault on a server of its own.
async fn prepared(postgres: &PostgresServer) -> (Program, Credentials, Serving, TestClient) {
    let mut program = Program::new();
    program.url = postgres.url();
    program.database.url = postgres.url();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    (program, credentials, server, client)
}

/// Sends reads and writes at once, and expects 503 for each.
async fn all_refused(client: &TestClient, count: usize) {
    let call = async |number: usize| {
        let since = Instant::now();
        let answer = match number % 3 {
            0 => client.get("/iso/pam/device?limit=5").await,
            1 => client.get("/iso/pam/device/a").await,
            _ => client.post("/iso/pam/device", &device(&format!("n{number}"), "10.0.0.9")).await,
        };
        assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(since.elapsed() < LONGEST, "{:?}", since.elapsed());
    };
    join_all((0..count).map(call)).await;
}

/// As [`all_refused`], while nothing waits for the server any more.
async fn all_refused_at_once(client: &TestClient, count: usize) {
    let mut took = Vec::new();
    while took.iter().all(|took| *took >= AT_ONCE) {
        assert!(took.len() < ATTEMPTS, "they wait: {took:?}");
        let since = Instant::now();
        all_refused(client, count).await;
        took.push(since.elapsed());
    }
}

/// As [`assert_whole`], for writers that had some writes acknowledged.
async fn assert_some_kept(program: &Program, client: &TestClient, writers: Writers) {
    let written = writers.have_ended().await;
    assert!(!written.acknowledged.is_empty());
    assert_whole(program, client, &written).await;
}

/// Asserts that calls to a node whose server answers nothing are refused within their deadline, and then sooner.
async fn assert_noticed(client: &TestClient) {
    futures_util::join!(all_refused(client, 60), ready_is(client, 503, LONGEST));
    all_refused_at_once(client, 60).await;
}

/// Starts a node that waits for 2 seconds at a stop.
fn served_until_a_short_stop(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__HTTP__SHUTDOWN_SECONDS", "2");
    Serving::start(command)
}

/// Asserts that a node whose server answers nothing ends when it is asked to stop, and says why it does not wait.
fn assert_stop_is_given_up(server: Serving) {
    let ended = server.stop();
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("the stop has taken too long and is given up"), "{}", ended.stderr);
}

#[actix_web::test]
async fn a_frozen_server_is_waited_for_within_the_deadline_and_the_node_goes_on_when_it_wakes() {
    let Some(postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    let writers = Writers::start(&client, "frozen");
    writers.have_begun().await;
    postgres.freeze();
    assert_noticed(&client).await;
    postgres.thaw();
    ready_is(&client, 200, LONGEST).await;
    reads(&client, "/iso/pam/device/a").await;
    server.kill();
    assert_some_kept(&program, &client, writers).await;
}

#[actix_web::test]
async fn sigterm_ends_a_node_whose_server_is_frozen() {
    let Some(postgres) = PostgresServer::start() else { return };
    let (mut program, credentials, server, _) = prepared(&postgres).await;
    drop(server);
    let server = served_until_a_short_stop(&program);
    let client = server.client(&credentials).await;
    let writers = Writers::start(&client, "stop");
    writers.have_begun().await;
    postgres.freeze();
    assert_stop_is_given_up(server);
    postgres.thaw();
    program.url = postgres.url();
    assert_some_kept(&program, &client, writers).await;
}

#[actix_web::test]
async fn what_was_acknowledged_survives_a_killed_server_and_a_killed_node() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    let mut server = Some(server);
    for round in 0..rounds(2) {
        let node = server.take().unwrap_or_else(|| program.serve());
        let client = client.at(node.address);
        let writers = Writers::start(&client, &format!("r{round}"));
        writers.have_begun().await;
        postgres.kill();
        ready_is(&client, 503, LONGEST).await;
        // Nothing waits for a server that refuses connections.
        all_refused_at_once(&client, 300).await;
        postgres.restart();
        ready_is(&client, 200, LONGEST).await;
        reads(&client, "/iso/pam/device/a").await;
        node.kill();
        assert_some_kept(&program, &client, writers).await;
    }
}

#[actix_web::test]
async fn a_locked_table_and_a_read_only_server_are_refused_in_time() {
    let Some(postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    let locked = postgres.run("BEGIN; LOCK TABLE device");
    all_refused(&client, 90).await;
    drop(locked);
    reads(&client, "/iso/pam/device/a").await;

    let locked = postgres.run("BEGIN; LOCK TABLE audit_chain");
    futures_util::join!(all_refused(&client, 30), ready_is(&client, 503, LONGEST));
    drop(locked);
    ready_is(&client, 200, LONGEST).await;

    // Committed before the sessions end: later ones are under it.
    postgres.run("ALTER ROLE vault SET default_transaction_read_only = on");
    postgres.run(END_SESSIONS);
    ready_is(&client, 503, LONGEST).await;
    all_refused(&client, 30).await;
    let named = server.stderr.wait_for("the database is read-only", LONGEST);
    assert!(named.is_some(), "{}", server.stderr.text());
    postgres.run("ALTER ROLE vault RESET default_transaction_read_only");
    ready_is(&client, 200, LONGEST).await;
    reads(&client, "/iso/pam/device/a").await;
    drop(server);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn a_server_without_free_connections_is_named_and_recovers() {
    let Some(postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    postgres.run("ALTER ROLE vault CONNECTION LIMIT 0");
    postgres.run(END_SESSIONS);
    ready_is(&client, 503, LONGEST).await;
    all_refused(&client, 60).await;
    let named = server.stderr.wait_for("too many connections for role", LONGEST);
    assert!(named.is_some(), "{}", server.stderr.text());
    postgres.run("ALTER ROLE vault CONNECTION LIMIT -1");
    ready_is(&client, 200, LONGEST).await;
    reads(&client, "/iso/pam/device/a").await;
    drop(server);
    program.done(&["audit", "verify"]);
}

/// A connection that was idle for a second is checked before it is used. Here none is idle for so long.
#[actix_web::test]
async fn lost_connections_are_replaced_while_a_client_asks_again_and_again() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "own", "content": "p" });
    client.save_credential(&credential).await;
    for round in 0..rounds(2) {
        for _ in 0..20 {
            client.get("/iso/pam/credential/own").await;
        }
        postgres.stop();
        postgres.restart();
        let since = Instant::now();
        while client.get("/iso/pam/credential/own").await.status.as_u16() != 200 {
            assert!(since.elapsed() < LONGEST, "round {round}: {}", server.stderr.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    drop(server);
    program.done(&["audit", "verify"]);
}
