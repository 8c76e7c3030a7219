//! Revocations on three nodes under load, one of which has a clock that is wrong by a day.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::clock::{DAY, WrongClock};
use crate::server::PostgresServer;
use crate::support::{Credentials, Program, Serving, TestClient, noticed};
use crate::{ready_is, shim};

const PROMISE: Duration = Duration::from_secs(1);
/// Requests are sent for so long after each change.
const WATCH: Duration = Duration::from_millis(2500);
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

/// A credential that each of the clients sees, among many that the first one sees.
async fn fill(program: &Program, maker: &TestClient, clients: &[Credentials]) {
    maker.create_device("own", "10.0.0.2").await;
    let own = json!({ "hostname": "own", "ip": "10.0.0.2", "username": "u", "identifier": "own", "content": "p" });
    maker.save_credential(&own).await;
    let save = |number| json!({ "save": { "hostname": "own", "ip": "10.0.0.2", "username": format!("u-{number}") } });
    let saves: Vec<_> = (0..500).map(save).collect();
    maker.post("/iso/pam/credential/batch", &json!({ "items": saves })).await.expect(200);
    for client in clients {
        program.done(&["authorization", "link", "--client-id", &client.id, "--credential", "own"]);
    }
}

#[actix_web::test]
async fn a_revocation_takes_effect_within_a_second_on_every_node_also_beside_one_that_is_a_day_off() {
    let (Some(library), Some(postgres)) = (shim::library(), PostgresServer::start()) else { return };
    let mut program = Program::new();
    program.url = postgres.url();
    let maker = program.create_client("nodes");
    let clients: Vec<Credentials> = (0..4).map(|_| program.create_authorization("nodes")).collect();
    let clocks = ["ahead", "off"].map(|name| WrongClock::new(&program, name));
    clocks[0].set(40);
    let nodes = [program.serve(), clocks[0].serve(&program, library), clocks[1].serve(&program, library)];
    let maker = nodes[0].client(&maker).await;
    fill(&program, &maker, &clients).await;
    let [revoked, disabled, unlinked, rotated] = &clients[..] else { panic!() };
    let mut tokens = Vec::new();
    for client in &clients {
        tokens.push(nodes[0].client(client).await);
    }
    let read = async |node: &Serving, client: &TestClient| client.at(node.address).get(PATH).await.status.as_u16();
    for node in &nodes {
        for client in &tokens {
            noticed("a link", async || read(node, client).await == 200).await;
        }
    }
    clocks[1].set(DAY);
    ready_is(&maker.at(nodes[2].address), 503, Duration::from_secs(15)).await;
    let storm = Storm::start(&[maker.clone(), maker.at(nodes[1].address)]);

    let mut late = Vec::new();
    let form = [("client_id", &*revoked.id), ("client_secret", &*revoked.secret), ("token", &*tokens[0].token)];
    assert_eq!(nodes[1].anonymous().post_form("/oauth2/revoke", &form).await.status, 200);
    late.push(("a revoked token", lives(&nodes, async |node| read(node, &tokens[0]).await).await));
    program.done(&["authorization", "disable", "--client-id", &disabled.id]);
    late.push(("a disabled client", lives(&nodes, async |node| read(node, &tokens[1]).await).await));
    program.done(&["authorization", "unlink", "--client-id", &unlinked.id, "--credential", "own"]);
    late.push(("a removed link", lives(&nodes, async |node| read(node, &tokens[2]).await).await));
    program.done(&["authorization", "rotate-secret", "--client-id", &rotated.id, "--overlap-hours", "0"]);
    let log_in = async |node: &Serving| {
        let form =
            [("grant_type", "client_credentials"), ("client_id", &*rotated.id), ("client_secret", &*rotated.secret)];
        node.anonymous().post_form("/iso/oauth2/token", &form).await.status.as_u16()
    };
    late.push(("a replaced secret", lives(&nodes, log_in).await));
    drop(storm);

    for (what, lives) in &late {
        assert!(lives.iter().all(|life| *life < PROMISE), "{what} was good for {lives:?}");
        assert_eq!(lives[2], Duration::ZERO, "{what} on the node that is a day off");
    }
    // The node that is right again knows of them too.
    clocks[1].set(0);
    ready_is(&maker.at(nodes[2].address), 200, Duration::from_secs(15)).await;
    let again =
        [read(&nodes[2], &tokens[0]).await, read(&nodes[2], &tokens[1]).await, read(&nodes[2], &tokens[2]).await];
    assert_eq!(again, [401, 401, 400]);
    assert!(matches!(log_in(&nodes[2]).await, 401 | 429));
    assert_eq!(read(&nodes[2], &tokens[3]).await, 200);
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
    fill(&program, &maker, std::slice::from_ref(&client)).await;
    let token = node.client(&client).await;
    noticed("a link", async || token.get(PATH).await.status.as_u16() == 200).await;

    // The connection that looks for changes, several times a second. Others have asked for the time once.
    let is_recent = "query_start > clock_timestamp() - interval '1 second'";
    let condition = format!("{is_recent} AND (query LIKE 'SELECT%change_mark%' OR query LIKE '%clock_timestamp()%')");
    let mut looks = postgres.backends(&condition);
    let since = Instant::now();
    while looks.len() != 1 && since.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        looks = postgres.backends(&condition);
    }
    assert_eq!(looks.len(), 1);
    postgres.signal_backends("STOP", &looks);
    program.done(&["authorization", "disable", "--client-id", &client.id]);
    let since = Instant::now();
    let mut refused = None;
    while refused.is_none() && since.elapsed() < Duration::from_secs(10) {
        let answer = token.get(PATH).await;
        if answer.status.as_u16() == 503 {
            refused = Some(since.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(refused.is_some_and(|after| after < Duration::from_secs(4)), "{refused:?}");
    postgres.signal_backends("CONT", &looks);
    ready_is(&maker, 200, Duration::from_secs(20)).await;
    token.get(PATH).await.expect(401);
}
