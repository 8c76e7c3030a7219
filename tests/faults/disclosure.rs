//! Secrets and their audit records: a client that got a byte of a secret finds exactly one record of it, wherever the server ended.

mod kill;
mod refusal;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::PostgresServer;
use crate::support::{Program, Serving, TestClient, TestDatabase};

/// A part of every secret of these tests.
const SECRET: &str = "the secret of";
/// A read under shared custody, one under exclusive custody, and one without custody.
const PATHS: [&str; 3] = ["/iso/pam/credential/shared", "/iso/pam/credential/exclusive", "/iso/pam/info/INFO"];
const READERS: usize = 12;

/// A vault with secrets, on SQLite or on a PostgreSQL of the test's own.
async fn prepared(postgres: Option<&PostgresServer>) -> (Program, Serving, TestClient) {
    let mut program = Program::on(TestDatabase::sqlite());
    if let Some(postgres) = postgres {
        program.url = postgres.url();
        program.database.url = postgres.url();
    }
    let credentials = program.create_client("readers");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    for (name, exclusive) in [("shared", false), ("exclusive", true)] {
        let credential = json!({
            "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "content": format!("{SECRET} {name}"),
            "exclusive_custody": exclusive,
        });
        client.save_credential(&credential).await;
    }
    let information = json!({ "name": "info", "identifier": "INFO", "content": format!("{SECRET} info") });
    client.post("/iso/pam/info", &information).await.expect(201);
    (program, server, client)
}

/// What clients got.
#[derive(Debug, Default)]
struct Disclosed {
    /// The ids of the requests of whose secret a client got at least a byte.
    request_ids: Vec<String>,
}

impl Disclosed {
    /// Notes an answer as far as it has arrived.
    fn note(&mut self, answer: &[u8]) {
        let text = String::from_utf8_lossy(answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return };
        if !head.starts_with("HTTP/1.1 200 ") || body.is_empty() {
            assert!(!text.contains(SECRET), "a refusal with a secret: {text}");
            return;
        }
        let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("a request id");
        self.request_ids.push(id.into());
    }

    /// The requests without exactly one record of their success.
    fn unrecorded(&self, program: &Program) -> Vec<String> {
        let mut records: HashMap<String, usize> = HashMap::new();
        for id in program.database.texts("SELECT request_id FROM audit_record WHERE outcome = 'ok'") {
            *records.entry(id).or_default() += 1;
        }
        let is_unrecorded = |id: &&String| records.get(*id) != Some(&1);
        self.request_ids.iter().filter(is_unrecorded).cloned().collect()
    }
}

/// Clients that read secrets, one after another, each on a connection of its own, until the server ends.
struct Readers {
    disclosed: Rc<RefCell<Disclosed>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(address: SocketAddr, client: &TestClient) -> Self {
        let disclosed = Rc::<RefCell<Disclosed>>::default();
        let start = |reader: usize| {
            let path = PATHS[reader % PATHS.len()];
            let token = &client.token;
            let request = format!("GET {path} HTTP/1.1\r\nhost: vault\r\nauthorization: Bearer {token}\r\n\r\n");
            let disclosed = Rc::clone(&disclosed);
            actix_web::rt::spawn(async move { read_until_the_end(address, &request, &disclosed).await })
        };
        Self { tasks: (0..READERS).map(start).collect(), disclosed }
    }

    /// Comes back when the first secret has arrived.
    async fn have_begun(&self) {
        let begun = async {
            while self.disclosed.borrow().request_ids.is_empty() {
                actix_web::rt::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), begun).await.expect("an answer");
    }

    async fn have_ended(self) -> Disclosed {
        futures_util::future::join_all(self.tasks).await.into_iter().for_each(|task| task.unwrap());
        self.disclosed.take()
    }
}

async fn read_until_the_end(address: SocketAddr, request: &str, disclosed: &RefCell<Disclosed>) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let mut is_whole = true;
    while is_whole && stream.write_all(request.as_bytes()).await.is_ok() {
        let mut answer = Vec::new();
        is_whole = receive(&mut stream, &mut answer).await;
        disclosed.borrow_mut().note(&answer);
    }
}

/// Receives an answer, and returns whether all of it has arrived.
async fn receive(stream: &mut TcpStream, answer: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return false };
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return true;
            }
        }
    }
}
