//! Three nodes on one PostgreSQL: restarted one after the other, asked for the same at once, and under a restart of the database.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::task::{JoinHandle, spawn_blocking};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::PostgresServer;
use crate::support::writers::Sent;
use crate::support::{Answer, Credentials, Program, Serving, TestClient, assert_kept, device, noticed};
use crate::{ready_is, rounds, settled};

const NODES: usize = 3;
const AT_ONCE: usize = 64;
const CLIENTS: usize = 16;
const LONGEST: Duration = Duration::from_secs(60);
/// Between two writes of one writer, so that three nodes on a small machine have time to start.
const PACE: Duration = Duration::from_millis(20);
/// The pause of a writer that the second node has refused.
const PAUSE: Duration = Duration::from_millis(50);

/// Three nodes of one vault, by the names `node-0` to `node-2`.
struct Nodes {
    nodes: Vec<Serving>,
    client: TestClient,
    credentials: Vec<Credentials>,
    program: Program,
    postgres: PostgresServer,
}

impl Nodes {
    async fn start(clients: usize) -> Option<Self> {
        let postgres = PostgresServer::start()?;
        let mut program = Program::new();
        program.url = postgres.url();
        program.database.url = postgres.url();
        // A node knows those from before its start at once.
        let mut credentials = vec![program.create_client("nodes")];
        credentials.extend((1..clients).map(|_| program.create_authorization("nodes")));
        let nodes: Vec<_> = (0..NODES).map(|number| Serving::start(command(&program, number))).collect();
        let client = nodes[0].client(&credentials[0]).await;
        client.create_device("a", "10.0.0.1").await;
        Some(Self { nodes, client, credentials, program, postgres })
    }

    /// The client at a node.
    fn at(&self, number: usize) -> TestClient {
        self.client.at(self.nodes[number % NODES].address)
    }

    /// Posts the same from 64 clients at once, spread over the nodes.
    async fn post_at_once(&self, body: &Value, key: Option<&str>) -> Vec<Answer> {
        let post = async |number: usize| {
            let client = self.at(number);
            let request = || client.request(Method::POST, "/iso/pam/credential").json(body);
            let with_key = || key.into_iter().fold(request(), |request, key| request.header("Idempotency-Key", key));
            settled(async || client.send(with_key()).await).await
        };
        join_all((0..AT_ONCE).map(post)).await
    }
}

fn command(program: &Program, number: usize) -> std::process::Command {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__NODE__NAME", format!("node-{number}"));
    command
}

/// Clients that write at their own node, and at the next one if that does not succeed.
struct Retrying {
    shared: Rc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    addresses: RefCell<Vec<SocketAddr>>,
    acknowledged: RefCell<Vec<Sent>>,
    retried: Cell<usize>,
    /// The refusals of the second node.
    refused: Cell<usize>,
    failed: RefCell<Vec<String>>,
    is_over: Cell<bool>,
}

impl Retrying {
    fn start(client: &TestClient, nodes: &[Serving]) -> Self {
        let shared = Rc::new(Shared::default());
        *shared.addresses.borrow_mut() = nodes.iter().map(|node| node.address).collect();
        let start = |writer: usize| {
            let (client, shared) = (client.clone(), Rc::clone(&shared));
            actix_web::rt::spawn(async move { shared.write(&client, writer).await })
        };
        Self { tasks: (0..4 * NODES).map(start).collect(), shared }
    }

    /// Waits until there are more acknowledged writes by this number.
    async fn go_on(&self, by: usize) {
        let (before, since) = (self.shared.acknowledged.borrow().len(), Instant::now());
        while self.shared.acknowledged.borrow().len() < before + by {
            assert!(since.elapsed() < LONGEST, "the writers do not go on: {:?}", self.shared.failed.borrow());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Rc<Shared> {
        self.shared.is_over.set(true);
        join_all(self.tasks).await.into_iter().for_each(|task| task.unwrap());
        self.shared
    }
}

impl Shared {
    async fn write(&self, client: &TestClient, writer: usize) {
        let name = format!("w{writer}");
        for number in 0.. {
            if self.is_over.get() {
                return;
            }
            let sent = Sent::new(&name, number);
            if self.save(client, writer, &sent).await.is_err() {
                self.retried.set(self.retried.get() + 1);
                if let Err(failure) = self.save_when_it_can(client, writer + 1, &sent).await {
                    self.failed.borrow_mut().push(failure);
                    continue;
                }
            }
            self.acknowledged.borrow_mut().push(sent);
            tokio::time::sleep(PACE).await;
        }
    }

    /// As [`Shared::save`]; asks again while the node says that it cannot now, as it does after a stall of the machine too.
    async fn save_when_it_can(&self, client: &TestClient, node: usize, sent: &Sent) -> Result<(), String> {
        let since = Instant::now();
        loop {
            match self.save(client, node, sent).await {
                Err(failure) if failure.starts_with("503 ") && since.elapsed() < LONGEST => {
                    self.refused.set(self.refused.get() + 1);
                    // As `Retry-After` asks for, and shorter.
                    tokio::time::sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    async fn save(&self, client: &TestClient, node: usize, sent: &Sent) -> Result<(), String> {
        let address = self.addresses.borrow()[node % NODES];
        let request = sent.request(&client.at(address)).header("Idempotency-Key", sent.identifier());
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::CREATED => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default())),
            Err(error) => Err(format!("{error:?}")),
        }
    }
}

#[actix_web::test]
async fn no_write_fails_while_three_nodes_are_restarted_one_after_the_other() {
    let Some(mut nodes) = Nodes::start(1).await else { return };
    let writers = Retrying::start(&nodes.client, &nodes.nodes);
    writers.go_on(50).await;
    for number in (0..rounds(2)).flat_map(|_| 0..NODES) {
        let node = nodes.nodes.remove(number);
        let ended = spawn_blocking(move || node.stop()).await.unwrap();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("every acknowledged write is kept"), "{}", ended.stderr);
        writers.go_on(20).await;
        let command = command(&nodes.program, number);
        let node = spawn_blocking(move || Serving::start(command)).await.unwrap();
        writers.shared.addresses.borrow_mut()[number] = node.address;
        nodes.nodes.insert(number, node);
        writers.go_on(50).await;
    }
    let written = writers.end().await;
    assert_eq!(*written.failed.borrow(), [""; 0], "after a retry on another node");
    assert!(written.retried.get() > 0, "no writer has met a node that was stopped");
    let acknowledged = written.acknowledged.borrow().clone();
    for (number, part) in acknowledged.chunks(acknowledged.len().div_ceil(NODES)).enumerate() {
        assert_kept(&nodes.at(number), part, false).await;
    }
    drop(nodes.nodes);
    nodes.program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn three_nodes_at_once_have_one_holder_one_effect_and_one_credential() {
    let Some(nodes) = Nodes::start(1 + CLIENTS).await else { return };
    assert_one_holder(&nodes).await;
    assert_one_effect(&nodes).await;
    assert_one_credential(&nodes).await;
    drop(nodes.nodes);
    nodes.program.done(&["audit", "verify"]);
}

/// 64 reads, 16 clients: those of one client succeed, on each node, and those of no other.
async fn assert_one_holder(nodes: &Nodes) {
    for (name, exclusive) in [("shared", false), ("exclusive", true)] {
        let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "content": "p",
                                 "exclusive_custody": exclusive });
        nodes.client.save_credential(&credential).await;
    }
    let mut clients = Vec::new();
    for credentials in &nodes.credentials[1..] {
        nodes.program.done(&["authorization", "link", "--client-id", &credentials.id, "--device", "a"]);
        clients.push(nodes.nodes[0].client(credentials).await);
    }
    let at = |number: usize| {
        let node = &nodes.nodes[(number / CLIENTS + number) % NODES];
        clients[number % CLIENTS].at(node.address)
    };
    for number in 0..CLIENTS * NODES {
        let shared = async || at(number).get("/iso/pam/credential/shared").await.status == StatusCode::OK;
        noticed("a link", shared).await;
    }
    let read = async |number: usize| {
        let answer = settled(async || at(number).get("/iso/pam/credential/exclusive").await).await;
        if answer.status == StatusCode::OK {
            return Some(number % CLIENTS);
        }
        answer.expect_number(1009);
        None
    };
    let holders: Vec<usize> = join_all((0..AT_ONCE).map(read)).await.into_iter().flatten().collect();
    assert_eq!(holders.len(), AT_ONCE / CLIENTS, "{holders:?}");
    assert_eq!(holders.iter().collect::<HashSet<_>>().len(), 1, "{holders:?}");
    let held = "SELECT CAST(COUNT(*) AS INTEGER) FROM custody JOIN credential ON credential.id = custody.credential_id \
                WHERE credential.identifier = 'exclusive'";
    assert_eq!(nodes.program.database.numbers(held), [1]);
}

/// 64 requests under one key: one has an effect, and all have its answer.
async fn assert_one_effect(nodes: &Nodes) {
    let body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "keyed", "identifier": "keyed", "content": "p" });
    let answers = nodes.post_at_once(&body, Some("one-key")).await;
    answers.iter().for_each(|answer| drop(answer.expect(201)));
    assert_eq!(answers.iter().map(|answer| &answer.text).collect::<HashSet<_>>().len(), 1);
    let saves = |outcome: &str| {
        let sql = format!(
            "SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE action = 'credential.save' AND outcome = '{outcome}' AND \
             object = (SELECT 'credential:' || id FROM credential WHERE identifier = 'keyed')"
        );
        nodes.program.database.numbers(&sql)
    };
    assert_eq!((saves("ok"), saves("repeated")), (vec![1], vec![63]));
}

/// 64 equal saves without a key: one row.
async fn assert_one_credential(nodes: &Nodes) {
    let body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "same", "identifier": "same", "content": "p" });
    let answers = nodes.post_at_once(&body, None).await;
    let ids: HashSet<String> =
        answers.iter().map(|answer| answer.expect(201)["credential"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let rows = "SELECT CAST(COUNT(*) AS INTEGER) FROM credential WHERE username = 'same'";
    assert_eq!(nodes.program.database.numbers(rows), [1]);
}

#[actix_web::test]
async fn an_orderly_restart_of_postgresql_under_load_loses_nothing_and_nodes_recover_by_themselves() {
    let Some(nodes) = Nodes::start(1).await else { return };
    let writers = Retrying::start(&nodes.client, &nodes.nodes);
    writers.go_on(50).await;
    let Nodes { nodes, client, credentials, program, mut postgres } = nodes;
    let there: Vec<TestClient> = nodes.iter().map(|node| client.at(node.address)).collect();
    let are_ready = async |status: u16| {
        join_all(there.iter().map(|client| ready_is(client, status, LONGEST))).await;
    };
    postgres = spawn_blocking(move || {
        postgres.stop();
        postgres
    })
    .await
    .unwrap();
    are_ready(503).await;
    postgres = spawn_blocking(move || {
        postgres.restart();
        postgres
    })
    .await
    .unwrap();
    are_ready(200).await;
    writers.go_on(50).await;
    for client in &there {
        // Each of its writers finds out by itself that its connection has ended.
        let is_saved =
            async || client.post("/iso/pam/device", &device("a", "10.0.0.1")).await.status == StatusCode::CREATED;
        noticed("the server", is_saved).await;
    }
    let written = writers.end().await;
    assert_eq!(*written.failed.borrow(), [""; 0]);
    assert!(written.refused.get() > 0, "no writer has met the restart");
    nodes.into_iter().for_each(Serving::kill);
    let node = Serving::start(command(&program, 0));
    let acknowledged = written.acknowledged.take();
    assert_kept(&node.client(&credentials[0]).await, &acknowledged, false).await;
    drop(node);
    program.done(&["audit", "verify"]);
    drop(postgres);
}
