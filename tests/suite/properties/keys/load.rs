//! No request fails while keys are rotated.

use std::cell::Cell;
use std::rc::Rc;

use super::{credential, data_keys, rotate, vault};
use crate::support::{Background, TestApp, TestClient, noticed};

const CLIENTS: usize = 8;
const CREDENTIALS: usize = 400;

/// Reads and writes until it is told to end. Every answer has to be right. Returns the number of requests.
async fn work(client: TestClient, number: usize, ended: Rc<Cell<bool>>) -> usize {
    let mut requests = 0;
    while !ended.get() {
        let identifier = format!("i{}", (requests * 7 + number) % CREDENTIALS);
        assert_eq!(client.password(&identifier).await, format!("secret of {identifier}"));
        let own = format!("own-{number}");
        let content = format!("{own}, {requests}");
        client.save_credential(&credential(&own, &content)).await;
        assert_eq!(client.password(&own).await, content);
        requests += 3;
    }
    requests
}

async fn is_done(app: &TestApp) -> bool {
    app.clock.advance(std::time::Duration::from_secs(1));
    data_keys(&app.database).len() == 1
}

#[actix_web::test]
async fn no_request_fails_while_two_nodes_serve_and_the_data_key_is_rotated_three_times() {
    let (app, client) = vault(CREDENTIALS).await;
    let second = app.serve_second_node();
    let tasks = (Background::run(&app.vault), Background::run(&second.vault));
    let ended = Rc::new(Cell::new(false));
    let nodes = [app.address, second.address];
    let start = |number: usize| {
        let client = client.reconnected().at(nodes[number % 2]);
        actix_web::rt::spawn(work(client, number, Rc::clone(&ended)))
    };
    let workers: Vec<_> = (0..CLIENTS).map(start).collect();
    for _ in 0..3 {
        rotate(&app).await;
        noticed("the end of the rotation", async || is_done(&app).await).await;
    }
    ended.set(true);
    let mut requests = 0;
    for worker in workers {
        requests += worker.await.unwrap();
    }
    assert!(requests > 100, "{requests}");
    drop(tasks);
}
