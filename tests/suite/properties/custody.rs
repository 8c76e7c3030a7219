//! Exclusive custody in whatever order clients read and release on two nodes: no two hold one password at a time.

use std::time::{Duration, Instant};

use chaveiro::vault::access::link::LinkTarget;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, TestClient};

const CLIENTS: usize = 8;
const TURNS: usize = 24;

/// A time in which a client held the password for certain: from an answer to its read to its release.
#[derive(Debug)]
struct Held {
    client: usize,
    from: Duration,
    until: Duration,
}

/// Reads at one node or the other, and releases at one of them what it got.
async fn take_turns(number: usize, nodes: [TestClient; 2], since: Instant) -> Vec<Held> {
    let mut held = Vec::new();
    for turn in 0..TURNS {
        let (here, there) = (&nodes[(number + turn) % 2], &nodes[(number + turn / 2) % 2]);
        // The parent, its child and its grandchild.
        let key = (number + turn) % 3 + 1;
        let path = format!("/iso/pam/credential/{key}");
        let answer = here.send_again(|| here.request(Method::GET, &path)).await;
        let from = since.elapsed();
        if answer.status.as_u16() != 200 {
            answer.expect_number(1009);
            continue;
        }
        // A repeated read of the holder changes nothing.
        there.send_again(|| there.request(Method::GET, &path)).await.expect(200);
        held.push(Held { client: number, from, until: since.elapsed() });
        let path = format!("/iso/pam/credential/custody/{key}");
        there.send_again(|| there.request(Method::DELETE, &path)).await.expect(200);
    }
    held
}

/// Two times of different clients that overlap.
fn overlap(held: &[Held]) -> Option<[&Held; 2]> {
    let pairs = held.iter().flat_map(|one| held.iter().map(move |other| [one, other]));
    let overlaps =
        |[one, other]: &[&Held; 2]| one.client != other.client && one.from < other.until && other.from < one.until;
    pairs.into_iter().find(overlaps)
}

#[test]
fn two_holders_at_a_time_are_found_out() {
    let held =
        |client, from, until| Held { client, from: Duration::from_millis(from), until: Duration::from_millis(until) };
    assert!(overlap(&[held(1, 0, 5), held(2, 5, 9), held(1, 9, 12)]).is_none());
    assert!(overlap(&[held(1, 0, 5), held(1, 2, 3)]).is_none());
    assert!(overlap(&[held(1, 0, 5), held(2, 4, 9)]).is_some());
    assert!(overlap(&[held(1, 0, 5), held(2, 1, 2)]).is_some());
}

#[actix_web::test]
async fn in_no_order_of_reads_and_releases_on_two_nodes_do_two_clients_hold_a_password() {
    let app = TestApp::start().await;
    let second = app.serve_second_node();
    let maker = app.client().await;
    maker.create_device("a", "10.0.0.1").await;
    let credential = |number: usize| json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("u{number}") });
    let mut first = credential(1);
    first["content"] = json!("p");
    maker.save_credential(&first).await;
    for number in [2, 3] {
        let mut child = credential(number);
        child["parent_password"] = json!((number - 1).to_string());
        child["exclusive_custody"] = json!(number == 2);
        maker.save_credential(&child).await;
    }
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = app.client().await;
        app.link(&client, LinkTarget::Device("a".into())).await;
        clients.push([client.reconnected(), client.at(second.address).reconnected()]);
    }
    second.vault.refresh().await.unwrap();
    let since = Instant::now();
    let turns = clients.into_iter().enumerate().map(|(number, nodes)| take_turns(number, nodes, since));
    let held: Vec<Held> = join_all(turns).await.into_iter().flatten().collect();
    assert!(held.len() > CLIENTS, "hardly anybody held it: {held:?}");
    assert!(overlap(&held).is_none(), "{:?}", overlap(&held));
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM custody"), [0]);
}
