//! System calls on the database file that fail, the k-th of each kind for rising k: at a start, and under writers.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::StatusCode;

use crate::support::{Credentials, Finished, Program, Serving, TestClient, Writers, device, prepared};
use crate::{assert_whole, goes_on, reads, ready_is, rounds, shim};

const EIO: &str = "5";
const ENOSPC: &str = "28";
const INPUT_OUTPUT: &str = "the database could not read or write its files";
const FULL: &str = "the database has no space left";
/// Within this time a call of each kind has to come, and a server has to go on.
const LONGEST: Duration = Duration::from_secs(60);

/// How often a fault is tried whose refusals no line of the log explains.
const ATTEMPTS: usize = 3;

struct Fault {
    calls: &'static str,
    errno: &'static str,
    /// All that follow fail too.
    always: bool,
    /// The numbers of the call that fails, counted from the moment at which writers are at work.
    numbers: [usize; 2],
    /// What the log names.
    named: Option<&'static str>,
    ends_readiness: bool,
}

/// A write, or a sync, in which the commit of a transaction fails.
const fn write(calls: &'static str, errno: &'static str, always: bool, named: &'static str) -> Fault {
    let numbers = if always { [1, 40] } else { [7, 40] };
    Fault { calls, errno, always, numbers, named: Some(named), ends_readiness: always }
}

/// A call that no commit waits for: a checkpoint, which can be made later, truncates the file to its size, and a further connection
/// of the readers opens it.
const fn other(calls: &'static str, named: Option<&'static str>) -> Fault {
    Fault { calls, errno: EIO, always: true, numbers: [1, 2], named, ends_readiness: false }
}

const FAULTS: [Fault; 7] = [
    write("sync", EIO, false, INPUT_OUTPUT),
    write("sync", EIO, true, INPUT_OUTPUT),
    write("write", EIO, false, INPUT_OUTPUT),
    write("write", ENOSPC, false, FULL),
    write("write", ENOSPC, true, FULL),
    other("truncate", None),
    other("open", Some("cannot connect: the database")),
];

/// A server under a fault that waits for a file.
struct Armed<'a> {
    program: &'a Program,
    client: &'a TestClient,
    while_there: &'a Path,
    report: &'a Path,
}

impl Armed<'_> {
    /// Lets the `at`-th call fail while 32 clients write and others read. A node refuses after a stall of the machine too, so a
    /// refusal without a line in the log is of the fault only if the next attempts have one.
    async fn round(&self, library: &Path, fault: &Fault, at: usize) {
        let name = format!("{}-{}-{}-{at}", fault.calls, fault.errno, fault.always);
        for attempt in 0..ATTEMPTS {
            if self.attempt(library, fault, at, &format!("{name}-{attempt}")).await {
                return;
            }
        }
        panic!("{name}: refused each time, and no line names why");
    }

    /// One attempt of a round. Returns whether the log names the cause of what was refused.
    async fn attempt(&self, library: &Path, fault: &Fault, at: usize, name: &str) -> bool {
        let Fault { calls, errno, always, .. } = fault;
        let _ = std::fs::remove_file(self.report);
        let variables = [
            ("SHIM_CALLS", *calls),
            ("SHIM_ERRNO", *errno),
            ("SHIM_ALWAYS", if *always { "1" } else { "0" }),
            ("SHIM_AT", &at.to_string()),
            ("SHIM_WHILE", self.while_there.to_str().unwrap()),
            ("SHIM_REPORT", self.report.to_str().unwrap()),
        ];
        let server = shim::serve(self.program, library, &variables);
        let client = self.client.at(server.address);
        let writers = Writers::start(&client, name);
        writers.have_begun().await;
        std::fs::write(self.while_there, "").unwrap();
        self.fires(&client, name).await;
        if fault.ends_readiness {
            ready_is(&client, 503, LONGEST).await;
            // The first commit that fails may hold the reads alone.
            writers.until(|written| !written.refusals.is_empty()).await;
        }
        // The single call may be one of a checkpoint, which is made again later.
        if let Some(named) = fault.named.filter(|_| *always) {
            let is_named = server.stderr.wait_for(named, LONGEST).is_some();
            assert!(is_named, "{name}: {}", server.stderr.text());
        }
        std::fs::remove_file(self.while_there).unwrap();
        goes_on(&client, name).await;
        server.signal("KILL");
        let log = server.end().stderr;
        let written = writers.have_ended().await;
        let others = written.refusals.iter().find(|status| **status != StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(others, None, "{name}");
        assert_whole(self.program, self.client, &written).await;
        let kept = "SELECT COUNT(*) FROM audit_record WHERE action = 'credential.save' AND outcome = 'ok'";
        let saved = self.program.database.numbers("SELECT COUNT(*) FROM credential");
        assert!(self.program.database.numbers(kept) >= saved, "{name}: a credential has no record");
        written.refusals.is_empty() || fault.named.is_some_and(|named| log.contains(named))
    }

    /// Reads until a call has failed, more at once than the readers have connections.
    async fn fires(&self, client: &TestClient, name: &str) {
        let since = Instant::now();
        while !self.report.exists() {
            assert!(since.elapsed() < LONGEST, "{name}: no call has failed");
            let answers = join_all((0..8).map(|_| client.get("/iso/pam/device"))).await;
            let others = answers.iter().find(|answer| !matches!(answer.status.as_u16(), 200 | 503));
            assert!(others.is_none(), "{name}: {:?}", others.map(|answer| &answer.text));
        }
    }
}

#[actix_web::test]
async fn of_a_call_that_fails_no_2xx_is_lost_and_the_cause_is_named() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    let (while_there, report) = (program.database.dir.path().join("armed"), program.database.dir.path().join("report"));
    let armed = Armed { program: &program, client: &client, while_there: &while_there, report: &report };
    for round in 0..rounds(2) {
        for fault in &FAULTS {
            // There are few of the others.
            let later = if fault.ends_readiness { round / 2 } else { 0 };
            armed.round(library, fault, fault.numbers[round % 2] + later).await;
        }
    }
}

#[actix_web::test]
async fn a_start_under_a_call_that_fails_ends_with_a_named_error_or_serves() {
    let Some(library) = shim::library() else { return };
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    let report = program.database.dir.path().join("report");
    for round in 0..rounds(1) {
        for Fault { calls, errno, always, .. } in FAULTS {
            let _ = std::fs::remove_file(&report);
            let always = if always { "1" } else { "0" };
            let at = (1 + round).to_string();
            let variables = [
                ("SHIM_CALLS", calls),
                ("SHIM_ERRNO", errno),
                ("SHIM_ALWAYS", always),
                ("SHIM_AT", &at),
                ("SHIM_REPORT", report.to_str().unwrap()),
            ];
            let started = Serving::try_start(shim::serve_command(&program, library, &variables));
            match started {
                // What a start does not do, the first writes do. Of later calls there may be too few.
                Ok(server) if round == 0 => {
                    let client = client.at(server.address);
                    let since = Instant::now();
                    while !report.exists() {
                        assert!(since.elapsed() < LONGEST, "{calls}-{errno}-{always}: no call has failed");
                        client.post("/iso/pam/device", &device("b", "10.0.0.2")).await;
                    }
                }
                Ok(_) => {}
                Err(ended) => assert_named(&ended),
            }
            assert_serves(&program, &credentials).await;
        }
    }
}

fn assert_named(ended: &Finished) {
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("chaveiro: "), "{ended:?}");
}

async fn assert_serves(program: &Program, credentials: &Credentials) {
    let server = program.serve();
    reads(&server.client(credentials).await, "/iso/pam/device").await;
    drop(server);
    program.done(&["audit", "verify"]);
}
