//! No request fails while keys are rotated.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::{credential, data_keys, rotate, vault};
use crate::support::{Background, TestApp, TestClient, noticed};

const CLIENTS: usize = 8;
const CREDENTIALS: usize = 400;

/// The number of requests that each client has sent and that were answered.
type Requests = Rc<[Cell<usize>; CLIENTS]>;

async fn read(client: &TestClient, identifier: &str) -> String {
    let answer = client.get(&format!("/iso/pam/credential/{identifier}")).await;
    answer.expect(200)["credential"]["password"].as_str().unwrap().into()
}

/// Reads and writes until it is told to end. Every answer has to be right, at once.
async fn work(client: TestClient, number: usize, ended: Rc<Cell<bool>>, requests: Requests) {
    while !ended.get() {
        let done = requests[number].get();
        let identifier = format!("i{}", (done * 7 + number) % CREDENTIALS);
        assert_eq!(read(&client, &identifier).await, format!("secret of {identifier}"));
        let own = format!("own-{number}");
        let content = format!("{own}, {done}");
        client.post("/iso/pam/credential", &credential(&own, &content)).await.expect(201);
        assert_eq!(read(&client, &own).await, content);
        requests[number].set(done + 3);
    }
}

async fn is_done(app: &TestApp) -> bool {
    app.clock.advance(Duration::from_secs(1));
    // So that a slow machine does not come to the end of the tokens, which last an hour.
    actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    data_keys(&app.database).len() == 1
}

#[actix_web::test]
async fn no_request_fails_while_two_nodes_serve_and_the_data_key_is_rotated_three_times() {
    let (app, client) = vault(CREDENTIALS).await;
    let second = app.serve_second_node();
    let tasks = (Background::run(&app.vault), Background::run(&second.vault));
    let (ended, requests) = (Rc::new(Cell::new(false)), Requests::default());
    let nodes = [app.address, second.address];
    let start = |number: usize| {
        let client = client.reconnected().at(nodes[number % 2]);
        actix_web::rt::spawn(work(client, number, Rc::clone(&ended), Rc::clone(&requests)))
    };
    let workers: Vec<_> = (0..CLIENTS).map(start).collect();
    for _ in 0..3 {
        rotate(&app).await;
        // The time of this test runs faster than that of a vault. Before it is up, both nodes know the new key, and no request is
        // on its way that was sealed with the former one.
        app.vault.refresh().await.unwrap();
        second.vault.refresh().await.unwrap();
        let before: Vec<usize> = requests.iter().map(Cell::get).collect();
        let have_gone_on = async || {
            assert!(workers.iter().all(|worker| !worker.is_finished()), "a request has failed");
            requests.iter().zip(&before).all(|(now, before)| now.get() > before + 3)
        };
        noticed("further requests of all clients", have_gone_on).await;
        noticed("the end of the rotation", async || is_done(&app).await).await;
    }
    ended.set(true);
    for worker in workers {
        worker.await.unwrap();
    }
    let requests: usize = requests.iter().map(Cell::get).sum();
    assert!(requests > 100, "{requests}");
    drop(tasks);
}
