//! What was revoked is dead within a second on every node, also while others ask for all that they can get.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use futures_util::future::{join_all, join3};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Background, Load, TestApp, TestClient};

const CREDENTIALS: usize = 3000;
/// Lists, half of them at each node.
const CONNECTIONS: usize = 150;
const PROMISE: Duration = Duration::from_secs(1);
/// Requests are sent for so long after the change, one each step, and until one is refused.
const WATCH: Duration = Duration::from_secs(4);
const LONGEST_WATCH: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);
/// What is not answered by then does not tell of a life.
const PATIENCE: Duration = Duration::from_secs(8);

/// Sends reads at both nodes from now on, whether or not the earlier ones are answered. Gives how long after now the
/// last one was sent that was answered with the secret; none if no later one was refused, which shows nothing.
async fn last_life(clients: [TestClient; 2], path: &str) -> Option<Duration> {
    let (since, is_refused) = (Instant::now(), Rc::new(Cell::new(false)));
    let mut reads = Vec::new();
    while since.elapsed() < WATCH || !is_refused.get() && since.elapsed() < LONGEST_WATCH {
        for client in &clients {
            let (sent, is_refused) = (since.elapsed(), Rc::clone(&is_refused));
            let request = client.request(Method::GET, path).timeout(PATIENCE);
            reads.push(actix_web::rt::spawn(async move {
                let status = request.send().await.map(|response| response.status().as_u16()).ok();
                is_refused.set(is_refused.get() || matches!(status, Some(400 | 401 | 503)));
                (sent, status)
            }));
        }
        actix_web::rt::time::sleep(STEP).await;
    }
    let answers: Vec<_> = join_all(reads).await.into_iter().map(Result::unwrap).collect();
    let alive = answers.iter().filter(|(_, status)| *status == Some(200)).map(|(sent, _)| *sent).max();
    let alive = alive.unwrap_or_default();
    let refused = |(sent, status): &(Duration, Option<u16>)| *sent > alive && matches!(status, Some(400 | 401 | 503));
    answers.iter().any(refused).then_some(alive)
}

async fn fill(maker: &TestClient) {
    maker.create_device("many", "10.0.0.1").await;
    for start in (0..CREDENTIALS).step_by(500) {
        let save =
            |number| json!({ "save": { "hostname": "many", "ip": "10.0.0.1", "username": format!("u-{number}") } });
        let saves: Vec<Value> = (start..start + 500).map(save).collect();
        maker.post("/iso/pam/credential/batch", &json!({ "items": saves })).await.expect(200);
    }
}

/// Changes what three clients may do, under load. Returns what each change was, and for how long it went unnoticed.
async fn revoke_under_load() -> [(&'static str, Option<Duration>); 3] {
    let app = TestApp::start().await;
    let second = app.serve_second_node();
    let maker = app.client().await;
    fill(&maker).await;
    maker.create_device("own", "10.0.0.2").await;
    let own = json!({ "hostname": "own", "ip": "10.0.0.2", "username": "u", "identifier": "own", "content": "p" });
    maker.save_credential(&own).await;
    let (disabled, unlinked, revoked) = (app.client().await, app.client().await, app.client().await);
    for client in [&disabled, &unlinked, &revoked] {
        app.link(client, LinkTarget::Credential("own".into())).await;
    }
    let _background = [Background::run(&app.vault), Background::run(&second.vault)];
    app.vault.refresh().await.unwrap();
    second.vault.refresh().await.unwrap();
    let path = "/iso/pam/credential/own";
    let at_both = |client: &TestClient| [client.reconnected(), client.at(second.address).reconnected()];
    for client in [&disabled, &unlinked, &revoked] {
        for client in at_both(client) {
            client.get(path).await.expect(200);
        }
    }

    let lists = at_both(&maker).map(|client| {
        let limit = Duration::from_secs(15);
        Load::start(&client, CONNECTIONS / 2, limit, |client| client.request(Method::GET, "/iso/pam/credential"))
    });
    let reads = Load::start(&maker, 1, Duration::from_secs(15), move |client| client.request(Method::GET, path));
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    let form =
        [("client_id", &*revoked.client_id), ("client_secret", &*revoked.client_secret), ("token", &*revoked.token)];
    // What counts begins with the answer to each change, which may itself have to wait.
    let (disabled_for, unlinked_for, revoked_for) = join3(
        async {
            app.vault
                .disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &disabled.client_id)
                .await
                .unwrap();
            last_life(at_both(&disabled), path).await
        },
        async {
            app.vault
                .unlink(
                    app.operator(Action::AUTHORIZATION_UNLINK).await,
                    &unlinked.client_id,
                    LinkTarget::Credential("own".into()),
                )
                .await
                .unwrap();
            last_life(at_both(&unlinked), path).await
        },
        async {
            assert_eq!(app.anonymous().post_form("/oauth2/revoke", &form).await.status, 200);
            last_life(at_both(&revoked), path).await
        },
    )
    .await;
    let load = lists.map(Load::stop);
    let reads = reads.stop();

    assert!(load.iter().all(|load| load.count() > 0), "the load was none: {load:?}");
    assert!(reads.count() > 0, "the read was never answered");
    [("a disabled client", disabled_for), ("an unlinked credential", unlinked_for), ("a revoked token", revoked_for)]
}

#[actix_web::test]
#[ignore = "a load of its own: CI runs it alone"]
async fn a_revocation_is_not_late_while_others_ask_for_whole_lists() {
    // A machine that stands still for a moment spoils a round: under the fixed clock of the test no node finds its grants too old.
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let round = revoke_under_load().await;
        if round.iter().all(|(_, alive)| alive.is_some_and(|alive| alive < PROMISE)) {
            return;
        }
        rounds.push(round);
    }
    panic!("good for this long, or never refused: {rounds:?}");
}
