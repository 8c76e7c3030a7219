//! Clients that write until the server ends, and what they know then.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use futures_util::stream::{self, StreamExt};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;

use super::{Credentials, Program, Serving, TestClient};

pub(crate) const WRITERS: usize = 32;
/// How long a writer that was refused waits, so that it leaves a vault that cannot write the time to recover.
const PAUSE: Duration = Duration::from_millis(20);

/// A credential as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    identifier: String,
    content: String,
}

/// The rounds of a test that has `few` by default; `CHAVEIRO_FAULT_ROUNDS` sets them.
pub(crate) fn rounds(few: usize) -> usize {
    std::env::var("CHAVEIRO_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(few)
}

/// What the writers of a round did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) acknowledged: Vec<Sent>,
    /// Sent, and not answered 201: these may be there or not, but whole.
    pub(crate) open: Vec<Sent>,
    /// The answers other than 201.
    pub(crate) refusals: Vec<StatusCode>,
}

impl Sent {
    /// The credential of that number of a writer, which no other has.
    pub(crate) fn new(writer: &str, number: usize) -> Self {
        Self { identifier: format!("{writer}-{number}"), content: format!("secret of {writer}, {number}") }
    }

    pub(crate) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The request that saves it.
    pub(crate) fn request(&self, client: &TestClient) -> RequestBuilder {
        let body = json!({
            "hostname": "a", "ip": "10.0.0.1", "username": self.identifier, "identifier": self.identifier,
            "content": self.content,
        });
        client.request(Method::POST, "/iso/pam/credential").json(&body)
    }
}

impl Written {
    /// Asserts that what was acknowledged is there, and that the rest is there whole or not at all.
    pub(crate) async fn assert_kept(&self, client: &TestClient) {
        assert_kept(client, &self.acknowledged, false).await;
        assert_kept(client, &self.open, true).await;
    }
}

/// 32 clients that each post one new credential after another until they are no longer heard.
pub(crate) struct Writers {
    written: Rc<RefCell<Written>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    pub(crate) fn start(client: &TestClient, round: &str) -> Self {
        let written = Rc::<RefCell<Written>>::default();
        let start = |writer: usize| {
            let (client, name, written) = (client.clone(), format!("{round}-{writer}"), Rc::clone(&written));
            actix_web::rt::spawn(async move { write(&client, &name, &written).await })
        };
        Self { tasks: (0..WRITERS).map(start).collect(), written }
    }

    /// Comes back when the first write was acknowledged.
    pub(crate) async fn have_begun(&self) {
        self.until(|written| !written.acknowledged.is_empty()).await;
    }

    /// Comes back when what they did is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Written) -> bool) {
        let waited = async {
            while !is_so(&self.written.borrow()) {
                actix_web::rt::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited).await.expect("an answer");
    }

    pub(crate) async fn have_ended(self) -> Written {
        futures_util::future::join_all(self.tasks).await.into_iter().for_each(|task| task.unwrap());
        self.written.take()
    }
}

async fn write(client: &TestClient, name: &str, written: &RefCell<Written>) {
    for number in 0.. {
        let sent = Sent::new(name, number);
        let request = sent.request(client);
        match request.send().await.map(|response| response.status()) {
            Ok(StatusCode::CREATED) => written.borrow_mut().acknowledged.push(sent),
            Ok(status) => {
                {
                    let mut written = written.borrow_mut();
                    written.open.push(sent);
                    written.refusals.push(status);
                }
                // As `Retry-After` asks for, and shorter.
                actix_web::rt::time::sleep(PAUSE).await;
            }
            Err(_) => {
                written.borrow_mut().open.push(sent);
                return;
            }
        }
    }
}

/// Reads each credential back, 32 at a time: the content as it was sent, or, where that is allowed, nothing at all.
pub(crate) async fn assert_kept(client: &TestClient, credentials: &[Sent], may_be_missing: bool) {
    let lost = find_lost(client, credentials, may_be_missing).await;
    assert!(lost.is_empty(), "{lost:?}");
}

/// As [`assert_kept`]; returns those that are not so, by their identifiers.
pub(crate) async fn find_lost(client: &TestClient, credentials: &[Sent], may_be_missing: bool) -> Vec<String> {
    let read = |sent: Sent| async move {
        let path = format!("/iso/pam/credential/{}", sent.identifier);
        let answer = client.send_again(|| client.request(Method::GET, &path)).await;
        let is_missing = answer.status == StatusCode::BAD_REQUEST && answer.json()["exception"]["code"] == 1007;
        let is_kept = answer.status == StatusCode::OK && answer.json()["credential"]["password"] == sent.content;
        assert!(is_missing || answer.status == StatusCode::OK, "{sent:?}: {}", answer.text);
        (!(is_kept || is_missing && may_be_missing)).then_some(sent.identifier)
    };
    let found = stream::iter(credentials.to_vec()).map(read).buffer_unordered(WRITERS);
    found.filter_map(|lost| async { lost }).collect().await
}

/// A program with a client, and a device to put credentials on.
pub(crate) async fn prepared() -> (Program, Credentials, Serving) {
    let program = Program::new();
    let credentials = program.create_client("writers");
    let server = program.serve();
    server.client(&credentials).await.create_device("a", "10.0.0.1").await;
    (program, credentials, server)
}

/// The numbers of a seed (splitmix64), so that a failure can be run again: set `TEST_SEED` to the one printed.
pub(crate) struct Numbers(u64);

impl Numbers {
    #[expect(clippy::print_stdout, reason = "the test harness shows it when the test fails")]
    pub(crate) fn new() -> Self {
        let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_ne_bytes(chaveiro::crypto::random_bytes()));
        println!("TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
