//! A clock that jumps under the server, and a node whose clock is wrong.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;

use crate::server::PostgresServer;
use crate::support::{Program, Serving, TestClient, device, prepared};
use crate::{ready_is, shim};

const DAY: i64 = 86_400;

/// The file that sets the clock of a server.
struct WrongClock(PathBuf);

impl WrongClock {
    fn new(program: &Program, name: &str) -> Self {
        let clock = Self(program.database.dir.path().join(name));
        clock.set(0);
        clock
    }

    /// Sets it by renaming, so that it is never half written.
    fn set(&self, seconds: i64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, seconds.to_string()).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    fn serve(&self, program: &Program, library: &std::path::Path) -> Serving {
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
        ready_is(&client, 503, Duration::from_secs(15)).await;
        client.get("/iso/pam/device").await.expect(503);
        assert!(matches!(revoked.get("/iso/pam/device").await.status.as_u16(), 401 | 503));
        let line = "the clock of this machine differs from that of the database, or has jumped, by";
        assert!(server.stderr.text().contains(line), "{}", server.stderr.text());
        clock.set(0);
        ready_is(&client, 200, Duration::from_secs(15)).await;
        client.get("/iso/pam/device").await.expect(200);
        revoked.get("/iso/pam/device").await.expect(401);
    }
    // A small step is followed.
    clock.set(20);
    client.get("/iso/pam/device").await.expect(200);
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
    ready_is(&there, 200, Duration::from_secs(15)).await;
    assert!(node.stderr.text().contains("differs from that of the database by 20 s"), "{}", node.stderr.text());
    let metrics = there.get("/metrics").await.text;
    let skew = metrics.lines().find_map(|line| line.strip_prefix("chaveiro_clock_skew_seconds ")).unwrap();
    assert!((skew.parse::<f64>().unwrap() - 20.0).abs() < 2.0, "{skew}");
    // A token of the node that is ahead is good at once on the one that is right.
    let token = node.client(&credentials).await;
    token.at(right.address).get("/iso/pam/device").await.expect(200);

    let save = |client: &TestClient| {
        let request = client.request(Method::POST, "/iso/pam/device").header("idempotency-key", "k1");
        request.json(&device("b", "10.0.0.2")).send()
    };
    assert_eq!(save(&client).await.unwrap().status().as_u16(), 201);
    for wrong in [DAY, -DAY, 90] {
        clock.set(wrong);
        ready_is(&there, 503, Duration::from_secs(15)).await;
        there.get("/iso/pam/device").await.expect(503);
        client.get("/iso/pam/device").await.expect(200);
        assert_eq!(there.token_status().await, 503);
    }
    clock.set(0);
    ready_is(&there, 200, Duration::from_secs(15)).await;
    assert_eq!(save(&there).await.unwrap().status().as_u16(), 201);
    let devices = client.get("/iso/pam/device").await.expect(200);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    drop((right, node));
    program.done(&["audit", "verify"]);
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
    server.client(&credentials).await.get("/iso/pam/device").await.expect(200);
    let ended = server.stop();
    assert!(ended.code == 0 && ended.stderr.contains(line), "{ended:?}");
    program.done(&["audit", "verify"]);
}
