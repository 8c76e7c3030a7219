//! What was acknowledged is kept, however the server ends.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::{Numbers, WRITERS, Writers, assert_kept, prepared};

const ROUNDS: usize = 50;
/// The longest time between the first answer and the end.
const LONGEST_MICROS: u64 = 130_000;

#[actix_web::test]
async fn what_was_acknowledged_survives_kill_9_in_the_middle_of_32_writers_in_50_rounds() {
    let mut numbers = Numbers::new();
    let (program, credentials, mut server) = prepared().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let client = server.client(&credentials).await;
        let writers = Writers::start(&client, &format!("r{round}"));
        writers.have_begun().await;
        // Not a wait for something: the moment of the blow.
        actix_web::rt::time::sleep(Duration::from_micros(numbers.below(LONGEST_MICROS))).await;
        server.kill();
        let written = writers.have_ended().await;
        assert_eq!(written.refusals, [StatusCode::OK; 0]);
        assert_eq!(written.open.len(), WRITERS, "each writer was cut off in the middle of a write");

        server = program.serve();
        let client = server.client(&credentials).await;
        written.assert_kept(&client).await;
        program.done(&["audit", "verify"]);
        acknowledged.extend(written.acknowledged);
    }
    assert_kept(&server.client(&credentials).await, &acknowledged, false).await;
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
