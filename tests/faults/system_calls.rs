//! System calls on the database file that fail, the k-th of each kind for rising k.

use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;

use crate::support::{Serving, Writers, prepared};
use crate::{assert_whole, ready_is, rounds, shim};

const EIO: &str = "5";
const ENOSPC: &str = "28";

/// A kind of call, the error, and whether all that follow fail too.
const FAULTS: [(&str, &str, &str); 7] = [
    ("sync", EIO, "0"),
    ("sync", EIO, "1"),
    ("write", EIO, "0"),
    ("write", ENOSPC, "0"),
    ("write", ENOSPC, "1"),
    ("truncate", EIO, "0"),
    ("open", EIO, "1"),
];

#[actix_web::test]
async fn of_a_call_that_fails_no_2xx_is_lost_and_the_cause_is_named() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    let report = program.database.dir.path().join("report");
    // The first calls are those of the start; the others meet the writers at work.
    for at in (0..rounds(3)).map(|round| [1, 40, 170][round % 3] + round / 3) {
        for (calls, errno, always) in FAULTS {
            let _ = std::fs::remove_file(&report);
            let at = at.to_string();
            let name = format!("{calls}-{errno}-{always}-{at}");
            let variables = [
                ("SHIM_CALLS", calls),
                ("SHIM_ERRNO", errno),
                ("SHIM_ALWAYS", always),
                ("SHIM_AT", &at),
                ("SHIM_REPORT", report.to_str().unwrap()),
            ];
            let Some(server) = start(shim::serve_command(&program, library, &variables)) else { continue };
            let client = client.at(server.address);
            let writers = Writers::start(&client, &name);
            tokio::time::sleep(Duration::from_millis(150)).await;
            if report.exists() && always == "1" {
                ready_is(&client, 503, Duration::from_secs(20)).await;
            }
            server.kill();
            let written = writers.have_ended().await;
            assert!(
                written.refusals.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE),
                "{name}: {written:?}"
            );
            assert_whole(&program, &client, &written).await;
            let kept = "SELECT COUNT(*) FROM audit_record WHERE action = 'credential.save' AND outcome = 'ok'";
            let saved = program.database.numbers("SELECT COUNT(*) FROM credential");
            assert!(program.database.numbers(kept) >= saved, "{name}: a credential has no record");
        }
    }
}

/// Starts a server, unless it ends with a named error.
fn start(command: Command) -> Option<Serving> {
    let ended = match Serving::try_start(command) {
        Ok(server) => return Some(server),
        Err(ended) => ended,
    };
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("chaveiro: "), "{ended:?}");
    None
}
