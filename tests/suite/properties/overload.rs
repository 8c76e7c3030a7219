//! Overload: ten times as many requests as the vault has places for.

use std::io::Write;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Load, Program, Serving, TestClient, measure};

/// How many transactions may be committed between one request of the honest client and its answer, in nine of ten cases: a number of
/// others that go before it, which no slow machine changes.
const COMMITS: u64 = 100;

/// The places in the queue, of which one client gets half.
const QUEUE: usize = 32;
/// How long a request waits for its turn.
/// The hostile client is refused by places, and on no machine by time.
const WAIT: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 10 * QUEUE;
/// Beyond its wait, what a machine that does other things adds before the test gives up.
const SLACK: Duration = Duration::from_secs(60);
/// What memory may differ by between one half of the load and the other.
const SLACK_KIB: u64 = 24 * 1024;
const PAUSE: Duration = Duration::from_millis(10);

async fn save(client: &TestClient, name: &str, ip: &str) {
    client.create_device(name, ip).await;
    let sent = json!({ "hostname": name, "ip": ip, "username": name, "identifier": name, "content": "a password" });
    client.save_credential(&sent).await;
}

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__STORE__QUEUE", QUEUE.to_string()).env("CHAVEIRO__STORE__WRITERS", "1");
    command
        .env("CHAVEIRO__STORE__WAIT_SECONDS", WAIT.as_secs().to_string())
        .env("RUST_LOG", "off,chaveiro::cli::serve=info");
    Serving::start(command)
}

/// What the server says of its writer.
struct Writer {
    commits: u64,
    waiting: u64,
}

impl Writer {
    async fn ask(anonymous: &TestClient) -> Self {
        let text = anonymous.get("/metrics").await.text;
        let value = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
        };
        Self { commits: value("chaveiro_commit_seconds_count"), waiting: value("chaveiro_write_queue_depth") }
    }
}

/// Reads a few times, and returns how many transactions were committed meanwhile, sorted. The queue is never longer than it may be.
async fn commits_of_reads(client: &TestClient, anonymous: &TestClient) -> Vec<u64> {
    let mut seen = Vec::new();
    for _ in 0..60 {
        tokio::time::sleep(PAUSE).await;
        let before = Writer::ask(anonymous).await;
        client.get("/iso/pam/credential/honest").await.expect(200);
        let after = Writer::ask(anonymous).await;
        for waiting in [before.waiting, after.waiting] {
            assert!(usize::try_from(waiting).unwrap() <= QUEUE, "{waiting} wait");
        }
        seen.push(after.commits - before.commits);
    }
    seen.sort_unstable();
    seen
}

/// One client writes on ten times as many connections as there are places, another one reads on a single connection.
#[actix_web::test]
#[ignore = "a load of its own: CI runs it alone"]
async fn ten_times_the_rated_load_is_refused_in_part_and_hurts_nobody_else() {
    let program = Program::new();
    let (hostile, honest) = (program.create_client("hostile"), program.create_client("honest"));
    let server = serve(&program);
    let (hostile, honest) = (server.client(&hostile).await, server.client(&honest).await);
    save(&hostile, "hostile", "10.0.0.1").await;
    save(&honest, "honest", "10.0.0.2").await;
    let read = |client: &TestClient| client.request(Method::GET, "/iso/pam/credential/honest");
    let idle = measure(&honest, 50, PAUSE, WAIT + SLACK, read).await;

    let load = Load::start(&hostile, CONNECTIONS, Duration::from_secs(60), |client| {
        let sent =
            json!({ "hostname": "hostile", "ip": "10.0.0.1", "username": "hostile", "content": "another password" });
        client.request(Method::POST, "/iso/pam/credential").json(&sent)
    });
    let first = measure(&honest, 60, PAUSE, WAIT + SLACK, read).await;
    let early = server.memory_kib("RssAnon");
    let second = measure(&honest, 60, PAUSE, WAIT + SLACK, read).await;
    let late = server.memory_kib("RssAnon");
    let commits = commits_of_reads(&honest, &server.anonymous()).await;
    let seen = load.stop();

    let statuses: Vec<u16> = seen.by_status().keys().copied().collect();
    assert!(statuses.iter().all(|status| matches!(status, 201 | 429 | 503)), "{:?}", seen.by_status());
    assert!(seen.with_status(201) > 50, "some are admitted: {:?}", seen.by_status());
    assert!(seen.count() - seen.with_status(201) > 50, "the others are refused: {:?}", seen.by_status());
    assert_eq!(seen.without_retry_after, 0, "of {:?}", seen.by_status());
    assert!(commits[commits.len() * 9 / 10] <= COMMITS, "{commits:?}");
    for reads in [&idle, &first, &second] {
        assert_eq!(reads.with_status(200), reads.count(), "{:?}", reads.by_status());
    }
    assert!(late < early + SLACK_KIB, "{early} KiB, then {late} KiB");
    // The figures of docs/performance.md.
    let figures = format!(
        "{:?}, p99 {:?}; reads of the other p50 {:?}, p99 {:?} idle, p50 {:?}, p99 {:?} under load, {} commits p50, {} p90, \
         {} at most; {early} KiB, then {late} KiB",
        seen.by_status(),
        seen.p99(),
        idle.p50(),
        idle.p99(),
        second.p50(),
        second.p99(),
        commits[commits.len() / 2],
        commits[commits.len() * 9 / 10],
        commits[commits.len() - 1]
    );
    writeln!(std::io::stderr(), "{figures}").unwrap();
    // And it serves as before.
    let after =
        measure(&hostile, 20, PAUSE, WAIT + SLACK, |client| client.request(Method::GET, "/iso/pam/credential/hostile"))
            .await;
    assert_eq!(after.with_status(200), after.count());
}
