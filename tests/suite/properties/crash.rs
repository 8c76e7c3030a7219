//! What was acknowledged is kept, however the server ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use futures_util::stream::{self, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Credentials, Program, Serving, TestClient};

const WRITERS: usize = 32;
const ROUNDS: usize = 50;
/// The longest time between the first answer and the end.
const LONGEST_MICROS: u64 = 130_000;

/// A credential as it was sent.
#[derive(Clone, Debug)]
struct Sent {
    identifier: String,
    content: String,
}

/// What the writers of a round did.
#[derive(Default)]
struct Written {
    acknowledged: Vec<Sent>,
    /// Sent, and not answered 201: these may be there or not, but whole.
    open: Vec<Sent>,
}

/// 32 clients that each post one new credential after another until they are no longer heard.
struct Writers {
    written: Rc<RefCell<Written>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    fn start(client: &TestClient, round: &str) -> Self {
        let written = Rc::<RefCell<Written>>::default();
        let start = |writer: usize| {
            let (client, name, written) = (client.clone(), format!("{round}-{writer}"), Rc::clone(&written));
            actix_web::rt::spawn(async move { write(&client, &name, &written).await })
        };
        Self { tasks: (0..WRITERS).map(start).collect(), written }
    }

    /// Comes back when the first write was acknowledged.
    async fn have_begun(&self) {
        let begun = async {
            while self.written.borrow().acknowledged.is_empty() {
                actix_web::rt::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), begun).await.expect("an answer");
    }

    async fn have_ended(self) -> Written {
        futures_util::future::join_all(self.tasks).await.into_iter().for_each(|task| task.unwrap());
        self.written.take()
    }
}

async fn write(client: &TestClient, name: &str, written: &RefCell<Written>) {
    for number in 0.. {
        let sent = Sent { identifier: format!("{name}-{number}"), content: format!("secret of {name}, {number}") };
        let body = json!({
            "hostname": "a", "ip": "10.0.0.1", "username": sent.identifier, "identifier": sent.identifier,
            "content": sent.content,
        });
        let request = client.request(Method::POST, "/iso/pam/credential").json(&body);
        match request.send().await.map(|response| response.status()) {
            Ok(StatusCode::CREATED) => written.borrow_mut().acknowledged.push(sent),
            // A server that is stopping may say so.
            Ok(StatusCode::SERVICE_UNAVAILABLE) => written.borrow_mut().open.push(sent),
            Ok(status) => panic!("{status}"),
            Err(_) => {
                written.borrow_mut().open.push(sent);
                return;
            }
        }
    }
}

/// Reads each credential back, 32 at a time: the content as it was sent, or, where that is allowed, nothing at all.
async fn assert_kept(client: &TestClient, credentials: &[Sent], may_be_missing: bool) {
    let read = |sent: Sent| async move {
        let answer = client.get(&format!("/iso/pam/credential/{}", sent.identifier)).await;
        if may_be_missing && answer.status == StatusCode::BAD_REQUEST {
            answer.expect_number(1007);
        } else {
            assert_eq!(answer.expect(200)["credential"]["password"], sent.content, "{sent:?}");
        }
    };
    stream::iter(credentials.to_vec()).map(read).buffer_unordered(WRITERS).collect::<()>().await;
}

/// A program with a client, and a device to put credentials on.
async fn prepared() -> (Program, Credentials, Serving) {
    let program = Program::new();
    let credentials = program.create_client("writers");
    let server = program.serve();
    server.client(&credentials).await.create_device("a", "10.0.0.1").await;
    (program, credentials, server)
}

/// The numbers of a seed (splitmix64), so that a failure can be run again: set `TEST_SEED` to the one printed.
struct Numbers(u64);

impl Numbers {
    #[expect(clippy::print_stdout, reason = "the test harness shows it when the test fails")]
    fn new() -> Self {
        let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_ne_bytes(chaveiro::crypto::random_bytes()));
        println!("TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

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
        assert_eq!(written.open.len(), WRITERS, "each writer was cut off in the middle of a write");

        server = program.serve();
        let client = server.client(&credentials).await;
        assert_kept(&client, &written.acknowledged, false).await;
        assert_kept(&client, &written.open, true).await;
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
    let ended = server.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("every acknowledged write is kept"), "{}", ended.stderr);

    let server = program.serve();
    let client = server.client(&credentials).await;
    assert_kept(&client, &written.acknowledged, false).await;
    assert_kept(&client, &written.open, true).await;
    program.done(&["audit", "verify"]);
}
