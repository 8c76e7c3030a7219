//! Where no record can be written, no secret leaves, in whatever way the audit log fails: a read is refused in time, and as soon as
//! the fault is over secrets are read again.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{PATHS, SECRET, prepared};
use crate::server::PostgresServer;
use crate::shim;
use crate::support::{Program, TestClient};

const LONGEST: Duration = Duration::from_secs(20);
const RECORDS: &str = "SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE outcome = 'ok'";

/// Reads secrets at once while no record can be written, and expects this status.
async fn no_secret(what: &str, client: &TestClient, status: u16) {
    let read = async |number: usize| {
        let since = Instant::now();
        let answer = client.get(PATHS[number % PATHS.len()]).await;
        assert!(!answer.text.contains(SECRET), "{what}: a secret without a record");
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text);
        assert!(since.elapsed() < LONGEST, "{what}: {:?}", since.elapsed());
    };
    join_all((0..4 * PATHS.len()).map(read)).await;
}

/// Reads every secret again, each with its record.
async fn secrets_again(what: &str, program: &Program, client: &TestClient) {
    let since = Instant::now();
    // So many at once that each writer has found out that its connection is lost.
    let is_over = async || {
        let reads = join_all((0..4 * PATHS.len()).map(|number| client.get(PATHS[number % PATHS.len()]))).await;
        reads.iter().all(|read| read.status.as_u16() == 200)
    };
    while !is_over().await {
        assert!(since.elapsed() < Duration::from_secs(30), "{what}: not over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = program.database.numbers(RECORDS)[0];
    for path in PATHS {
        let answer = client.get(path).await;
        assert_eq!(answer.status.as_u16(), 200, "{what}: {path}: {}", answer.text);
        assert!(answer.text.contains(SECRET), "{what}");
    }
    assert_eq!(program.database.numbers(RECORDS)[0] - before, 3, "{what}");
}

/// Lets the audit log alone fail in ways, each with what breaks and what mends it. Of no such fault is it known that it passes.
async fn fails_by(program: &Program, client: &TestClient, ways: &[(&str, &str, &str)]) {
    for (what, fail, mend) in ways {
        program.database.run(fail);
        no_secret(what, client, 500).await;
        program.database.run(mend);
        secrets_again(what, program, client).await;
    }
}

/// What makes the calls of a kind fail while a file is there.
fn failing<'a>(calls: &'a str, errno: &'a str, fault: &'a Path) -> [(&'a str, &'a str); 5] {
    [
        ("SHIM_CALLS", calls),
        ("SHIM_ERRNO", errno),
        ("SHIM_AT", "1"),
        ("SHIM_ALWAYS", "1"),
        ("SHIM_WHILE", fault.to_str().unwrap()),
    ]
}

#[actix_web::test]
async fn without_a_record_no_secret_leaves_sqlite() {
    let Some(library) = shim::library() else { return };
    let (program, server, client) = prepared(None).await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit_record BEGIN SELECT RAISE(ABORT, 'refused'); END";
    let away = ("ALTER TABLE audit_record RENAME TO away", "ALTER TABLE away RENAME TO audit_record");
    let ways = [("a refused insert", refuse, "DROP TRIGGER refuse"), ("a missing table", away.0, away.1)];
    fails_by(&program, &client, &ways).await;
    drop(server);
    for (what, calls, errno) in [
        ("a full disk", "write", "28"),
        ("a disk that cannot be written", "write", "5"),
        ("a failed sync", "sync", "5"),
        ("a read-only file system", "write", "30"),
    ] {
        let fault = program.database.dir.path().join("fault");
        let server = shim::serve(&program, library, &failing(calls, errno, &fault));
        let client = client.at(server.address);
        secrets_again(what, &program, &client).await;
        std::fs::write(&fault, "").unwrap();
        no_secret(what, &client, 503).await;
        std::fs::remove_file(&fault).unwrap();
        secrets_again(what, &program, &client).await;
    }
    a_file_that_is_gone(&program, &client).await;
    program.done(&["audit", "verify"]);
}

async fn a_file_that_is_gone(program: &Program, client: &TestClient) {
    let server = program.serve();
    let client = client.at(server.address);
    secrets_again("a file", program, &client).await;
    let directory = program.database.dir.path();
    let rename = |from: &str, to: &str| {
        for suffix in ["", "-wal", "-shm"] {
            let path = |name: &str| directory.join(format!("{name}{suffix}"));
            let _ = std::fs::rename(path(from), path(to));
        }
    };
    rename("vault.sqlite", "away.sqlite");
    no_secret("a removed file", &client, 503).await;
    server.kill();
    rename("away.sqlite", "vault.sqlite");
}

#[actix_web::test]
async fn without_a_record_no_secret_leaves_postgresql() {
    let (Some(library), Some(mut postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let (program, server, client) = prepared(Some(&postgres)).await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$; \
                  CREATE TRIGGER refuse BEFORE INSERT ON audit_record EXECUTE FUNCTION refuse()";
    let ways = [
        ("a refused insert", refuse, "DROP TRIGGER refuse ON audit_record"),
        ("a missing table", "ALTER TABLE audit_record RENAME TO away", "ALTER TABLE away RENAME TO audit_record"),
        ("a missing right", "REVOKE INSERT ON audit_record FROM vault", "GRANT INSERT ON audit_record TO vault"),
    ];
    fails_by(&program, &client, &ways).await;

    let locked = postgres.run("BEGIN; LOCK TABLE audit_record");
    no_secret("a table that hangs", &client, 503).await;
    drop(locked);
    secrets_again("a table that hangs", &program, &client).await;

    postgres.freeze();
    no_secret("a server that hangs", &client, 503).await;
    postgres.thaw();
    secrets_again("a server that hangs", &program, &client).await;

    postgres.kill();
    no_secret("a server that is gone", &client, 503).await;
    postgres.restart();
    secrets_again("a server that is gone", &program, &client).await;

    for (what, calls, errno) in [("a full disk", "write", "28"), ("a failed sync", "sync", "5")] {
        let fault = postgres.path("fault");
        postgres.restart_under(library, &failing(calls, errno, &fault));
        secrets_again(what, &program, &client).await;
        std::fs::write(&fault, "").unwrap();
        no_secret(what, &client, 503).await;
        std::fs::remove_file(&fault).unwrap();
        postgres.recover();
        secrets_again(what, &program, &client).await;
    }
    drop(server);
    program.done(&["audit", "verify"]);
}
