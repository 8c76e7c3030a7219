//! The server is killed between the record of a read and its answer.

use std::time::Duration;

use super::{Disclosed, Readers, prepared};
use crate::power::{cut_power, forget_index};
use crate::server::PostgresServer;
use crate::support::{Numbers, Program, Serving, TestClient};
use crate::{rounds, shim};

const LONGEST_MICROS: u64 = 50_000;

/// Readers at a server that is killed in their midst.
async fn killed(server: Serving, client: &TestClient, numbers: &mut Numbers) -> Disclosed {
    let readers = Readers::start(server.address, client);
    readers.have_begun().await;
    tokio::time::sleep(Duration::from_micros(numbers.below(LONGEST_MICROS))).await;
    server.kill();
    readers.have_ended().await
}

async fn killed_at_any_moment(postgres: Option<&PostgresServer>) {
    let mut numbers = Numbers::new();
    let (program, server, client) = prepared(postgres).await;
    drop(server);
    for _ in 0..rounds(4) {
        let disclosed = killed(program.serve(), &client, &mut numbers).await;
        assert_eq!(disclosed.unrecorded(&program), [""; 0]);
    }
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn every_secret_that_a_client_got_has_one_record_whenever_the_server_is_killed() {
    killed_at_any_moment(None).await;
}

#[actix_web::test]
async fn every_secret_that_a_client_got_has_one_record_on_postgresql() {
    let Some(postgres) = PostgresServer::start() else { return };
    killed_at_any_moment(Some(&postgres)).await;
}

/// Kills the server at the first calls of each kind, one after another, while clients read.
async fn killed_at_calls(postgres: Option<&PostgresServer>, kinds: &[&str], most: usize) {
    let Some(library) = shim::library() else { return };
    let (program, server, client) = prepared(postgres).await;
    drop(server);
    let mut got = 0;
    for (kind, at) in kinds.iter().flat_map(|kind| (1..=most).map(move |at| (kind, at))) {
        let armed = program.database.dir.path().join(format!("{kind}-{at}"));
        let variables = [("SHIM_KILL", *kind), ("SHIM_AT", &at.to_string()), ("SHIM_WHILE", armed.to_str().unwrap())];
        let server = shim::serve(&program, library, &variables);
        let readers = Readers::start(server.address, &client);
        readers.have_begun().await;
        std::fs::write(&armed, "").unwrap();
        let disclosed = readers.have_ended().await;
        let ended = server.end();
        assert_eq!(ended.code, -1, "{kind} {at}: ended by something else: {}", ended.stderr);
        assert_eq!(disclosed.unrecorded(&program), [""; 0], "{kind} {at}");
        got += disclosed.request_ids.len();
    }
    assert!(got > 0, "no client got anything");
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn at_no_call_of_the_server_is_a_secret_out_without_its_record() {
    killed_at_calls(None, &["write", "sync", "synced", "send"], rounds(6)).await;
}

#[actix_web::test]
async fn at_no_call_of_a_node_on_postgresql_is_a_secret_out_without_its_record() {
    let Some(postgres) = PostgresServer::start() else { return };
    killed_at_calls(Some(&postgres), &["send"], rounds(16)).await;
}

/// Cuts the power of a disk that may lie about its syncs, and returns what was disclosed.
async fn power_cut(program: &Program, client: &TestClient, lies: bool, numbers: &mut Numbers) -> Option<Disclosed> {
    let library = shim::library()?;
    let undo = program.database.dir.path().join("undo");
    let _ = std::fs::remove_file(&undo);
    let lies = if lies { "1" } else { "0" };
    let server = shim::serve(program, library, &[("SHIM_UNDO", undo.to_str().unwrap()), ("SHIM_LIE", lies)]);
    let disclosed = killed(server, client, numbers).await;
    cut_power(&undo);
    forget_index(program);
    Some(disclosed)
}

#[actix_web::test]
async fn the_record_of_a_secret_survives_a_power_cut() {
    let mut numbers = Numbers::new();
    let (program, server, client) = prepared(None).await;
    drop(server);
    for _ in 0..rounds(3) {
        let Some(disclosed) = power_cut(&program, &client, false, &mut numbers).await else { return };
        assert_eq!(disclosed.unrecorded(&program), [""; 0]);
        program.done(&["audit", "verify"]);
    }
}

/// The control of the tests here: where a record is not durable before its answer, they find the secret without one.
#[actix_web::test]
async fn a_disk_that_lies_leaves_secrets_without_their_records() {
    let (program, server, client) = prepared(None).await;
    drop(server);
    let Some(disclosed) = power_cut(&program, &client, true, &mut Numbers::new()).await else { return };
    assert_eq!(disclosed.unrecorded(&program), disclosed.request_ids);
}
