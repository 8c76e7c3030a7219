//! Revocations on three nodes under load, one of which has a clock that is wrong by a day.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::clock::{DAY, WrongClock};
use crate::server::PostgresServer;
use crate::support::{Answer, Credentials, Program, Serving, TestClient, noticed};
use crate::{ready_is, settled, shim};

/// What is promised, and holds while the machine does not stall: in one round of a few.
const PROMISE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 3;
/// The kinds of change of a round.
const KINDS: usize = 4;
/// What holds always: a node whose grants are older refuses.
const BOUND: Duration = Duration::from_secs(3);
/// Requests are sent for so long after each change.
const WATCH: Duration = Duration::from_millis(3500);
const LONGEST: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);
const PATH: &str = "/iso/pam/credential/own";

/// Asks every node again and again from now on, whether or not it has answered. Returns for each how long after now the last request
/// was sent that had success, and expects that each has refused one at the end.
async fn lives(nodes: &[Serving], succeeds: impl AsyncFn(&Serving) -> u16) -> Vec<Duration> {
    let since = Instant::now();
    let steps = u32::try_from(WATCH.as_millis() / STEP.as_millis()).unwrap();
    let asked = async |node: &Serving, step: u32| {
        tokio::time::sleep(STEP * step).await;
        (since.elapsed(), succeeds(node).await)
    };
    let of_node = async |node: &Serving| {
        let answers = join_all((0..steps).map(|step| asked(node, step))).await;
        let (_, last) = answers.last().unwrap();
        assert!(matches!(last, 400 | 401 | 429 | 503), "still {last}");
        answers.iter().filter(|(_, status)| *status == 200).map(|(sent, _)| *sent).max().unwrap_or_default()
    };
    join_all(nodes.iter().map(of_node)).await
}

/// Clients that ask for whole lists and read, at the nodes that serve, until told to stop.
struct Storm(Rc<Cell<bool>>);

impl Storm {
    fn start(clients: &[TestClient]) -> Self {
        let stop = Rc::new(Cell::new(false));
        for number in 0..24 {
            let (client, stop) = (clients[number % clients.len()].reconnected(), Rc::clone(&stop));
            let path = if number % 3 == 0 { PATH } else { "/iso/pam/credential" };
            actix_web::rt::spawn(async move {
                while !stop.get() {
                    client.get(path).await;
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// A credential that clients may be linked to, among many that the first one sees.
async fn fill(maker: &TestClient) {
    maker.create_device("own", "10.0.0.2").await;
    let own = json!({ "hostname": "own", "ip": "10.0.0.2", "username": "u", "identifier": "own", "content": "p" });
    maker.save_credential(&own).await;
    let save = |number| json!({ "save": { "hostname": "own", "ip": "10.0.0.2", "username": format!("u-{number}") } });
    let saves: Vec<_> = (0..500).map(save).collect();
    maker.post("/iso/pam/credential/batch", &json!({ "items": saves })).await.expect(200);
}

fn link(program: &Program, client: &Credentials) {
    program.done(&["authorization", "link", "--client-id", &client.id, "--credential", "own"]);
}

/// Three nodes, of which the last has a clock that can be set wrong.
struct Nodes {
    nodes: Vec<Serving>,
    clock: WrongClock,
    maker: TestClient,
    program: Program,
}

impl Nodes {
    async fn read(&self, node: &Serving, client: &TestClient) -> u16 {
        client.at(node.address).get(PATH).await.status.as_u16()
    }

    /// Makes a change of each kind, each to a client with its token, while the last node is a day off. Returns how long each was
    /// without effect on each node.
    async fn round(&self, clients: &[Credentials], tokens: &[TestClient]) -> Vec<(&'static str, Vec<Duration>)> {
        let Self { nodes, clock, maker, program } = self;
        let [revoked, disabled, unlinked, rotated] = clients else { panic!() };
        for node in nodes {
            for client in tokens {
                noticed("a link", async || self.read(node, client).await == 200).await;
            }
        }
        clock.set(DAY);
        ready_is(&maker.at(nodes[2].address), 503, LONGEST).await;
        let storm = Storm::start(&[maker.clone(), maker.at(nodes[1].address)]);

        let mut late = Vec::new();
        let form = [("client_id", &*revoked.id), ("client_secret", &*revoked.secret), ("token", &*tokens[0].token)];
        let revoke = async || nodes[1].anonymous().post_form("/oauth2/revoke", &form).await;
        assert_eq!(settled(revoke).await.status.as_u16(), 200);
        late.push(("a revoked token", lives(nodes, async |node| self.read(node, &tokens[0]).await).await));
        program.done(&["authorization", "disable", "--client-id", &disabled.id]);
        late.push(("a disabled client", lives(nodes, async |node| self.read(node, &tokens[1]).await).await));
        program.done(&["authorization", "unlink", "--client-id", &unlinked.id, "--credential", "own"]);
        late.push(("a removed link", lives(nodes, async |node| self.read(node, &tokens[2]).await).await));
        program.done(&["authorization", "rotate-secret", "--client-id", &rotated.id, "--overlap-hours", "0"]);
        late.push(("a replaced secret", lives(nodes, async |node| log_in(node, rotated).await).await));
        drop(storm);

        // The node that is right again knows of them too.
        clock.set(0);
        ready_is(&maker.at(nodes[2].address), 200, LONGEST).await;
        for (token, status) in tokens.iter().zip([401, 401, 400, 200]) {
            settled(async || token.at(nodes[2].address).get(PATH).await).await.expect(status);
        }
        assert!(matches!(settled(async || log_in_answer(&nodes[2], rotated).await).await.status.as_u16(), 401 | 429));
        late
    }
}

async fn log_in(node: &Serving, client: &Credentials) -> u16 {
    log_in_answer(node, client).await.status.as_u16()
}

async fn log_in_answer(node: &Serving, client: &Credentials) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_id", &*client.id), ("client_secret", &*client.secret)];
    node.anonymous().post_form("/iso/oauth2/token", &form).await
}

#[actix_web::test]
async fn a_revocation_takes_effect_within_a_second_on_every_node_also_beside_one_that_is_a_day_off() {
    let (Some(library), Some(postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let mut program = Program::new();
    program.url = postgres.url();
    let maker = program.create_client("nodes");
    // A node knows those from before its start at once.
    let clients: Vec<_> = (0..ROUNDS * KINDS).map(|_| program.create_authorization("nodes")).collect();
    let [ahead, off] = ["ahead", "off"].map(|name| WrongClock::new(&program, name));
    ahead.set(40);
    let nodes = vec![program.serve(), ahead.serve(&program, library), off.serve(&program, library)];
    let maker = nodes[0].client(&maker).await;
    fill(&maker).await;
    // All log in before the first secret is refused: an address that has logged in is not locked out by others.
    let mut tokens = Vec::new();
    for client in &clients {
        link(&program, client);
        tokens.push(nodes[0].client(client).await);
    }
    let nodes = Nodes { nodes, clock: off, maker, program };
    let mut seen = Vec::new();
    for (clients, tokens) in clients.chunks(KINDS).zip(tokens.chunks(KINDS)) {
        let late = nodes.round(clients, tokens).await;
        for (what, lives) in &late {
            assert!(lives.iter().all(|life| *life <= BOUND), "{what} was good for {lives:?}");
            assert_eq!(lives[2], Duration::ZERO, "{what} on the node that is a day off");
        }
        if late.iter().flat_map(|(_, lives)| lives).all(|life| *life < PROMISE) {
            return;
        }
        seen.push(late);
    }
    panic!("in no round within a second: {seen:?}");
}

/// The connection on which a node looks for revocations hangs, and no other.
#[actix_web::test]
async fn a_node_that_cannot_look_for_revocations_refuses() {
    let Some(postgres) = PostgresServer::start() else { return };
    let mut program = Program::new();
    program.url = postgres.url();
    let maker = program.create_client("nodes");
    let client = program.create_authorization("nodes");
    let node = program.serve();
    let maker = node.client(&maker).await;
    fill(&maker).await;
    link(&program, &client);
    let token = node.client(&client).await;
    noticed("a link", async || token.get(PATH).await.status.as_u16() == 200).await;

    // The connection that looks for changes, several times a second. Others have asked for the time once.
    let is_recent = "query_start > clock_timestamp() - interval '1 second'";
    let condition = format!("{is_recent} AND (query LIKE 'SELECT%change_mark%' OR query LIKE '%clock_timestamp()%')");
    let since = Instant::now();
    // The same one for more than a second: one that has asked once is no longer recent by then.
    let (mut looks, mut samples) = (Vec::new(), 0);
    while samples < 3 {
        assert!(since.elapsed() < LONGEST, "no single connection looks: {looks:?}");
        tokio::time::sleep(Duration::from_millis(600)).await;
        let now = postgres.backends(&condition);
        samples = if now.len() != 1 {
            0
        } else if now == looks {
            samples + 1
        } else {
            1
        };
        looks = now;
    }
    postgres.signal_backends("STOP", &looks);
    let since = Instant::now();
    program.done(&["authorization", "disable", "--client-id", &client.id]);
    let mut last = Duration::ZERO;
    loop {
        let sent = since.elapsed();
        let answer = token.get(PATH).await;
        if answer.status.as_u16() == 503 {
            break;
        }
        answer.expect(200);
        last = sent;
        assert!(sent < LONGEST, "it does not refuse");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(last <= BOUND, "it let one in {last:?} after its last look");
    postgres.signal_backends("CONT", &looks);
    ready_is(&maker, 200, LONGEST).await;
    settled(async || token.get(PATH).await).await.expect(401);
}
