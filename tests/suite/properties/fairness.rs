//! A client that asks for much does not make another one wait.

use std::time::Duration;

use chaveiro::vault::access::link::LinkTarget;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Load, TestApp, TestClient, measure};

/// Items of a batch; as many as the product takes.
const ITEMS: usize = 500;
const CONNECTIONS: usize = 100;
/// How much longer the other's slow reads may take.
const FACTOR: u32 = 10;
/// Below this a time says more of the machine than of the queue.
const LEAST_IDLE: Duration = Duration::from_millis(5);
/// One round within the limit is enough: other programs on the machine can spoil a round, an unfair queue spoils all.
const ROUNDS: usize = 3;
/// Between an answer and the next read of the other.
const PAUSE: Duration = Duration::from_millis(5);
/// A read that takes longer is not answered.
const LIMIT: Duration = Duration::from_secs(5);

async fn save_all(client: &TestClient, hostname: &str, ip: &str) {
    client.create_device(hostname, ip).await;
    let save = |number: usize| {
        json!({ "save": { "hostname": hostname, "ip": ip, "username": format!("u-{number}"),
                          "identifier": format!("{hostname}-{number}"), "content": "a password" } })
    };
    let saves: Vec<Value> = (0..ITEMS).map(save).collect();
    client.post("/iso/pam/credential/batch", &json!({ "items": saves })).await.expect(200);
}

/// One client has 100 connections of batches of 500 reads, another one connection of single reads.
#[actix_web::test]
#[ignore = "a load of its own: CI runs it alone"]
async fn a_client_with_large_batches_does_not_slow_the_reads_of_another() {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    let (maker, victim) = (app.client().await, app.client().await);
    save_all(&maker, "many", "10.0.0.1").await;
    victim.create_device("own", "10.0.0.2").await;
    let own = json!({ "hostname": "own", "ip": "10.0.0.2", "username": "u", "identifier": "own", "content": "p" });
    victim.save_credential(&own).await;
    let greedy = app.read_only_client().await;
    app.link(&greedy, LinkTarget::Device("many".into())).await;
    app.vault.refresh().await.unwrap();
    let reads: Vec<Value> = (0..ITEMS).map(|number| json!({ "read": format!("many-{number}") })).collect();
    let reads = json!({ "items": reads });
    let answer = greedy.post("/iso/pam/credential/batch", &reads).await.expect(200);
    assert_eq!(answer["items"][ITEMS - 1]["credential"]["password"], "a password");

    let read = |client: &TestClient| client.request(Method::GET, "/iso/pam/credential/own");
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let idle = measure(&victim, 100, PAUSE, LIMIT, read).await;
        let reads = reads.clone();
        let load = Load::start(&greedy, CONNECTIONS, Duration::from_secs(60), move |client| {
            client.request(Method::POST, "/iso/pam/credential/batch").json(&reads)
        });
        // So that the queue is full when it counts.
        actix_web::rt::time::sleep(Duration::from_millis(500)).await;
        let busy = measure(&victim, 200, PAUSE, LIMIT, read).await;
        // A batch is answered once all of its items are done, which may take longer than the test; its items are recorded.
        let query = format!("SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE actor = '{}'", greedy.client_id);
        let items = app.database.numbers(&query)[0];
        load.stop();

        assert!(items > 1000, "only {items} items were read in batches");
        // A round with a read that was not answered in time is spoiled, as a slow one is.
        let are_answered = [&idle, &busy].iter().all(|reads| reads.with_status(200) == reads.count());
        if are_answered && busy.p99() <= idle.p99().max(LEAST_IDLE) * FACTOR {
            return;
        }
        let statuses = (idle.by_status(), busy.by_status());
        seen.push(format!(
            "{statuses:?} p50 {:?} → {:?}, p99 {:?} → {:?}",
            idle.p50(),
            busy.p50(),
            idle.p99(),
            busy.p99()
        ));
    }
    panic!("slower by more than {FACTOR} times in every round: {}", seen.join("; "));
}
