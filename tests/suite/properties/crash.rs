//! What was acknowledged is kept, however the server ends.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::writers::Written;
use crate::support::{
    Credentials, Numbers, Program, Serving, WRITERS, Writers, assert_kept, find_lost, prepared, rounds,
};

/// `CHAVEIRO_FAULT_ROUNDS` raises them.
const ROUNDS: usize = 50;
/// The longest time between the first answer and the end.
const LONGEST_MICROS: u64 = 130_000;

/// Kills the server in the middle of 32 writers, at a random moment.
async fn killed(server: Serving, credentials: &Credentials, name: &str, numbers: &mut Numbers) -> Written {
    let client = server.client(credentials).await;
    let writers = Writers::start(&client, name);
    writers.have_begun().await;
    // Not a wait for something: the moment of the blow.
    actix_web::rt::time::sleep(Duration::from_micros(numbers.below(LONGEST_MICROS))).await;
    server.kill();
    let written = writers.have_ended().await;
    // A server that stood still does not know its grants, and says so.
    assert!(written.refusals.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{:?}", written.refusals);
    let cut_off = written.open.len() - written.refusals.len();
    assert_eq!(cut_off, WRITERS, "each writer was cut off in the middle of a write");
    written
}

#[actix_web::test]
async fn what_was_acknowledged_survives_kill_9_in_the_middle_of_32_writers_in_50_rounds() {
    let mut numbers = Numbers::new();
    let (program, credentials, mut server) = prepared().await;
    let mut acknowledged = Vec::new();
    for round in 0..rounds(ROUNDS).max(ROUNDS) {
        let written = killed(server, &credentials, &format!("r{round}"), &mut numbers).await;
        server = program.serve();
        let client = server.client(&credentials).await;
        written.assert_kept(&client).await;
        program.done(&["audit", "verify"]);
        acknowledged.extend(written.acknowledged);
    }
    assert_kept(&server.client(&credentials).await, &acknowledged, false).await;
}

/// A vault after kill -9, the identifier of a credential that was acknowledged, and all that was written.
async fn killed_once() -> (Program, Credentials, String, Written) {
    let (program, credentials, server) = prepared().await;
    let written = killed(server, &credentials, "control", &mut Numbers::new()).await;
    let identifier = written.acknowledged.last().unwrap().identifier().to_string();
    (program, credentials, identifier, written)
}

/// The control of the rounds: what is lost behind the vault's back is found by the same check.
#[actix_web::test]
async fn an_acknowledged_credential_that_is_lost_after_kill_9_is_noticed() {
    let (program, credentials, identifier, written) = killed_once().await;
    program.database.run(&format!("DELETE FROM credential WHERE identifier = '{identifier}'"));
    let server = program.serve();
    let client = server.client(&credentials).await;
    assert_eq!(find_lost(&client, &written.acknowledged, false).await, [identifier]);
    assert_eq!(find_lost(&client, &written.open, true).await, [""; 0]);
}

/// The other control: a lost record.
#[actix_web::test]
async fn the_lost_record_of_an_acknowledged_credential_is_noticed() {
    let (program, _, identifier, _) = killed_once().await;
    program.database.run(&format!(
        "DELETE FROM audit_record WHERE action = 'credential.save' AND object = \
         (SELECT 'credential:' || id FROM credential WHERE identifier = '{identifier}')"
    ));
    let verified = program.run(&["audit", "verify"]);
    assert_ne!(verified.code, 0, "{verified:?}");
    assert!(verified.stderr.contains("audit"), "{verified:?}");
}

#[actix_web::test]
async fn what_was_acknowledged_survives_a_stop_in_the_middle_of_32_writers() {
    let (program, credentials, server) = prepared().await;
    let writers = Writers::start(&server.client(&credentials).await, "stop");
    writers.have_begun().await;
    server.ask_to_stop();
    let written = writers.have_ended().await;
    // A server that is stopping may say so.
    assert!(written.refusals.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{:?}", written.refusals);
    let ended = server.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("every acknowledged write is kept"), "{}", ended.stderr);

    let server = program.serve();
    let client = server.client(&credentials).await;
    written.assert_kept(&client).await;
    program.done(&["audit", "verify"]);
}
