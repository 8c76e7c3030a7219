//! A clock that jumps under the server, and a node whose clock is wrong.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::server::PostgresServer;
use crate::support::{Program, Serving, TestClient, device, prepared};
use crate::{reads, ready_is, settled, shim};

pub(crate) const DAY: i64 = 86_400;
const LONGEST: Duration = Duration::from_secs(60);

/// The file that sets the clock of a server.
pub(crate) struct WrongClock(PathBuf);

impl WrongClock {
    pub(crate) fn new(program: &Program, name: &str) -> Self {
        let clock = Self(program.database.dir.path().join(name));
        clock.set(0);
        clock
    }

    /// Sets it by renaming, so that it is never half written.
    pub(crate) fn set(&self, seconds: i64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, seconds.to_string()).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    pub(crate) fn serve(&self, program: &Program, library: &std::path::Path) -> Serving {
        shim::serve(program, library, &[("SHIM_CLOCK", self.0.to_str().unwrap())])
    }
}

#[actix_web::test]
async fn a_clock_that_jumps_by_a_day_ends_no_token_and_revives_none() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    drop(server);
    let clock = WrongClock::new(&program, "clock");
    let server = clock.serve(&program, library);
    let client = server.client(&credentials).await;
    let revoked = server.client(&credentials).await;
    let (id, secret) = (&credentials.id, &credentials.secret);
    let form = [("client_id", id), ("client_secret", secret), ("token", &revoked.token)];
    let answer = client.request(Method::POST, "/oauth2/revoke").form(&form).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    revoked.get("/iso/pam/device").await.expect(401);
    for jump in [DAY, -DAY] {
        clock.set(jump);
        ready_is(&client, 503, LONGEST).await;
        client.get("/iso/pam/device").await.expect(503);
        assert!(matches!(revoked.get("/iso/pam/device").await.status.as_u16(), 401 | 503));
        let line = "the clock of this machine differs from that of the database, or has jumped, by";
        assert!(server.stderr.wait_for(line, LONGEST).is_some(), "{}", server.stderr.text());
        clock.set(0);
        ready_is(&client, 200, LONGEST).await;
        reads(&client, "/iso/pam/device").await;
        settled(async || revoked.get("/iso/pam/device").await).await.expect(401);
    }
    // A small step is followed.
    clock.set(20);
    reads(&client, "/iso/pam/device").await;
    assert_eq!(server.stop().code, 0);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn a_node_that_is_wrong_by_seconds_serves_by_the_clock_of_postgresql_and_by_more_refuses() {
    let (Some(library), Some(postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let mut program = Program::new();
    program.url = postgres.url();
    let credentials = program.create_client("nodes");
    let right = program.serve();
    let client = right.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let clock = WrongClock::new(&program, "clock");
    clock.set(20);
    let node = clock.serve(&program, library);
    let there = client.at(node.address);
    ready_is(&there, 200, LONGEST).await;
    // The metric says by how much; a slow look is off by its time.
    let named = node.stderr.wait_for("differs from that of the database by ", LONGEST);
    assert!(named.is_some(), "{}", node.stderr.text());
    let metrics = there.get("/metrics").await.text;
    let skew = metrics.lines().find_map(|line| line.strip_prefix("chaveiro_clock_skew_seconds ")).unwrap();
    assert!((skew.parse::<f64>().unwrap() - 20.0).abs() < 2.0, "{skew}");
    // A token of the node that is ahead is good at once on the one that is right.
    let token = node.client(&credentials).await;
    reads(&token.at(right.address), "/iso/pam/device").await;

    let save = async |client: &TestClient| {
        let request = || client.request(Method::POST, "/iso/pam/device").header("idempotency-key", "k1");
        settled(async || client.send(request().json(&device("b", "10.0.0.2"))).await).await
    };
    save(&client).await.expect(201);
    for wrong in [DAY, -DAY, 90] {
        clock.set(wrong);
        ready_is(&there, 503, LONGEST).await;
        there.get("/iso/pam/device").await.expect(503);
        reads(&client, "/iso/pam/device").await;
        assert_eq!(there.token_status().await, 503);
    }
    clock.set(0);
    ready_is(&there, 200, LONGEST).await;
    save(&there).await.expect(201);
    let devices = client.get("/iso/pam/device").await.expect(200);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    drop((right, node));
    program.done(&["audit", "verify"]);
}

/// Custody ends by the clock that the nodes share, on one whose own clock is ahead and on one that is behind.
#[actix_web::test]
async fn exclusive_custody_ends_by_the_clock_of_postgresql_on_every_node() {
    const CUSTODY: Duration = Duration::from_secs(4);
    /// A node that went by its own clock would end custody 50 seconds sooner or later.
    const LATEST: Duration = Duration::from_secs(40);
    let (Some(library), Some(postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let mut program = Program::new();
    program.url = postgres.url();
    let credentials: Vec<_> = std::iter::once(program.create_client("nodes"))
        .chain((0..2).map(|_| program.create_authorization("nodes")))
        .collect();
    let node = |name: &str, wrong: i64| {
        let clock = WrongClock::new(&program, name);
        clock.set(wrong);
        let mut command = shim::serve_command(&program, library, &[("SHIM_CLOCK", clock.0.to_str().unwrap())]);
        command.env("CHAVEIRO__CUSTODY__EXCLUSIVE", "true").env("CHAVEIRO__CUSTODY__SECONDS", "4");
        Serving::start(command)
    };
    let nodes = [node("right", 0), node("ahead", 50), node("behind", -50)];
    let mut clients = Vec::new();
    for (node, credentials) in nodes.iter().zip(&credentials) {
        clients.push(node.client(credentials).await);
    }
    clients[0].create_device("a", "10.0.0.1").await;
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "own", "content": "p" });
    clients[0].save_credential(&credential).await;
    for other in &credentials[1..] {
        program.done(&["authorization", "link", "--client-id", &other.id, "--credential", "own"]);
    }
    let read = async |client: &TestClient| client.get("/iso/pam/credential/own").await.status.as_u16();
    let mut since = Instant::now();
    reads(&clients[0], "/iso/pam/credential/own").await;
    // Each takes it as soon as the one before no longer has it.
    for client in &clients[1..] {
        let mut taken = Instant::now();
        while read(client).await != 200 {
            assert!(since.elapsed() < LATEST, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
            taken = Instant::now();
        }
        let lasted = since.elapsed();
        assert!(lasted > CUSTODY - Duration::from_millis(300), "it ended after {lasted:?}");
        assert!(lasted < LATEST, "it ended after {lasted:?}");
        since = taken;
        let other = read(&clients[0]).await;
        // Later it may be free again.
        assert!(matches!(other, 400 | 503) || taken.elapsed() >= CUSTODY, "{other} beside the holder");
    }
}

#[actix_web::test]
async fn a_start_under_a_clock_that_was_set_says_so() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    assert_eq!(server.stop().code, 0);
    let clock = WrongClock::new(&program, "clock");
    for (wrong, line) in [(0, None), (DAY, Some("was set ahead by 86")), (0, Some("was set back by 86")), (0, None)] {
        clock.set(wrong);
        let server = clock.serve(&program, library);
        reads(&server.client(&credentials).await, "/iso/pam/device").await;
        let ended = server.stop();
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.stderr.contains("the clock of this machine was set"), line.is_some(), "{ended:?}");
        assert!(ended.stderr.contains(line.unwrap_or_default()), "{ended:?}");
    }
}

/// A killed server has noted its clock at its start.
#[actix_web::test]
async fn a_start_after_a_kill_says_that_the_clock_is_ahead() {
    let Some(library) = shim::library() else { return };
    let (program, _, server) = prepared().await;
    let is_noted = || program.database.numbers("SELECT COUNT(*) FROM vault_meta WHERE name = 'clock_mark'") == [1];
    let since = Instant::now();
    while !is_noted() {
        assert!(since.elapsed() < LONGEST, "the clock is not noted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();
    let clock = WrongClock::new(&program, "clock");
    clock.set(DAY);
    let ended = clock.serve(&program, library).stop();
    assert!(ended.stderr.contains("was set ahead by 86"), "{ended:?}");
}

#[actix_web::test]
async fn a_start_behind_the_newest_audit_record_says_so() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    drop(server);
    let line = "more than a day after now";
    let clock = WrongClock::new(&program, "clock");
    clock.set(2 * DAY);
    let ahead = clock.serve(&program, library);
    ahead.client(&credentials).await.create_device("ahead", "10.0.0.9").await;
    let ended = ahead.stop();
    assert!(ended.code == 0 && !ended.stderr.contains(line), "{ended:?}");
    clock.set(0);
    let server = clock.serve(&program, library);
    reads(&server.client(&credentials).await, "/iso/pam/device").await;
    let ended = server.stop();
    assert!(ended.code == 0 && ended.stderr.contains(line), "{ended:?}");
    program.done(&["audit", "verify"]);
}
