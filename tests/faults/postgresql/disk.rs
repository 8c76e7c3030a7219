//! The disk of PostgreSQL: power cuts, calls of its own processes that fail, and a disk that is full.

use std::time::Duration;

use reqwest::StatusCode;

use super::{LONGEST, prepared};
use crate::power::cut_power;
use crate::server::PostgresServer;
use crate::small_disk::fill;
use crate::support::writers::Written;
use crate::support::{Numbers, Program, TestClient, Writers};
use crate::{assert_whole, exists, goes_on, ready_is, rounds, shim};

const LONGEST_MICROS: u64 = 200_000;

/// Kills the server and a node in the midst of 32 writers, and undoes what the server's disk had not synced.
async fn power_cut(
    postgres: &mut PostgresServer,
    program: &Program,
    client: &TestClient,
    name: &str,
    lies: bool,
) -> Option<Written> {
    let library = shim::library()?;
    let undo = postgres.path(name);
    let lies = if lies { "1" } else { "0" };
    postgres.restart_under(library, &[("SHIM_UNDO", undo.to_str().unwrap()), ("SHIM_LIE", lies)]);
    let node = program.serve();
    let writers = Writers::start(&client.at(node.address), name);
    writers.have_begun().await;
    tokio::time::sleep(Duration::from_micros(Numbers::new().below(LONGEST_MICROS))).await;
    postgres.kill();
    node.kill();
    let written = writers.have_ended().await;
    cut_power(&undo);
    postgres.restart();
    Some(written)
}

#[actix_web::test]
async fn what_was_acknowledged_survives_a_power_cut_of_the_server() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    drop(server);
    for round in 0..rounds(3) {
        let cut = power_cut(&mut postgres, &program, &client, &format!("p{round}"), false).await;
        let Some(written) = cut else { return };
        assert!(!written.acknowledged.is_empty());
        assert_whole(&program, &client, &written).await;
    }
}

/// The control of the test before: with a disk that lies about its syncs, the same test has to find a loss.
#[actix_web::test]
async fn a_power_cut_of_a_server_whose_disk_lies_loses_writes() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    drop(server);
    let Some(written) = power_cut(&mut postgres, &program, &client, "lie", true).await else { return };
    assert!(!written.acknowledged.is_empty());
    assert_eq!(program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM credential"), [0]);
}

const EIO: &str = "5";
const ENOSPC: &str = "28";

/// A kind of call, the error, the files that it is about, and whether it comes with a checkpoint alone.
const FAULTS: [(&str, &str, &str, bool); 5] = [
    ("sync", EIO, "/pg_wal/", false),
    ("write", EIO, "/pg_wal/", false),
    ("write", ENOSPC, "/pg_wal/", false),
    ("sync", EIO, "/base/", true),
    ("write", EIO, "/base/", true),
];

#[actix_web::test]
async fn of_a_call_of_the_server_that_fails_no_2xx_is_lost() {
    let (Some(library), Some(mut postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    drop(server);
    let (fault, report) = (postgres.path("fault"), postgres.path("report"));
    for round in 0..rounds(1) {
        for (calls, errno, part, at_checkpoint) in FAULTS {
            let name = format!("{calls}-{errno}-{at_checkpoint}-{round}");
            let variables = [
                ("SHIM_CALLS", calls),
                ("SHIM_ERRNO", errno),
                ("SHIM_AT", "1"),
                ("SHIM_ALWAYS", "1"),
                ("SHIM_PART", part),
                ("SHIM_WHILE", fault.to_str().unwrap()),
                ("SHIM_REPORT", report.to_str().unwrap()),
            ];
            postgres.restart_under(library, &variables);
            let node = program.serve();
            let there = client.at(node.address);
            let writers = Writers::start(&there, &name);
            writers.have_begun().await;
            std::fs::write(&fault, "").unwrap();
            if at_checkpoint {
                assert!(postgres.try_run("CHECKPOINT").is_err(), "{name}: a checkpoint in spite of it");
            }
            assert!(exists(&report, LONGEST).await, "{name}: no call has failed");
            std::fs::remove_file(&fault).unwrap();
            postgres.recover();
            // Readiness may be back after 30 seconds only; meanwhile it writes.
            goes_on(&there, &name).await;
            node.kill();
            postgres.recover();
            // A checkpoint may fail while nobody writes to the tables.
            assert_only_unavailable(&name, &program, &client, writers, !at_checkpoint).await;
            std::fs::remove_file(&report).unwrap();
        }
    }
}

/// Asserts that there were answers 201 and 503, these in any case if the fault `was_noticed`, and no others, and that each 201 is
/// kept.
async fn assert_only_unavailable(
    name: &str,
    program: &Program,
    client: &TestClient,
    writers: Writers,
    was_noticed: bool,
) {
    let written = writers.have_ended().await;
    assert!(!written.acknowledged.is_empty(), "{name}");
    assert!(!was_noticed || !written.refusals.is_empty(), "{name}: nothing was refused");
    let others = written.refusals.iter().find(|status| **status != StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(others, None, "{name}");
    assert_whole(program, client, &written).await;
}

#[actix_web::test]
async fn of_a_server_whose_disk_is_full_no_2xx_is_lost() {
    let Some(mut postgres) = PostgresServer::start_on_a_small_disk(96) else { return };
    let (program, _, server, client) = prepared(&postgres).await;
    let writers = Writers::start(&client, "full");
    writers.have_begun().await;
    let filler = postgres.path("filler");
    fill(&filler);
    ready_is(&client, 503, Duration::from_secs(30)).await;
    std::fs::remove_file(&filler).unwrap();
    postgres.recover();
    // Readiness is back after 30 seconds; meanwhile it writes.
    goes_on(&client, "full").await;
    server.kill();
    assert_only_unavailable("full", &program, &client, writers, true).await;
}
