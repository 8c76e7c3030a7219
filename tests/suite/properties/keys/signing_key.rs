//! A new key of access tokens: tokens of the former one stay valid until they expire.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro::vault::operation::Action;
use serde_json::Value;

use crate::support::{TestApp, TestClient};

/// The id of the key that signed a token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().into()
}

async fn published(client: &TestClient) -> Vec<String> {
    let keys = client.get("/.well-known/jwks.json").await.expect(200)["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_string()).collect()
}

async fn rotate(app: &TestApp) -> String {
    app.vault.rotate_signing_key(app.operator(Action::KEY_ROTATE_SIGNING).await).await.unwrap().kid
}

#[actix_web::test]
async fn tokens_of_the_former_key_are_accepted_until_they_expire() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let second = app.serve_second_node();
    let former = kid(&client.token);
    let new = rotate(&app).await;
    assert_eq!(published(&client).await, [former.clone(), new.clone()]);
    client.get("/iso/pam/credential").await.expect(200);
    // The new key is published before it signs, so that no node sees a token of a key that it does not have.
    assert_eq!(kid(&client.fetch_token().await), former);
    second.vault.refresh().await.unwrap();
    app.clock.advance(Duration::from_secs(10));
    app.vault.refresh().await.unwrap();
    let newer = client.with_token(&client.fetch_token().await);
    assert_eq!(kid(&newer.token), new);
    for node in [app.address, second.address] {
        newer.at(node).get("/iso/pam/credential").await.expect(200);
        client.at(node).get("/iso/pam/credential").await.expect(200);
    }

    app.clock.advance(Duration::from_secs(3600));
    app.vault.refresh().await.unwrap();
    client.get("/iso/pam/credential").await.expect(401);
    app.clock.advance(Duration::from_secs(60));
    app.vault.refresh().await.unwrap();
    assert_eq!(published(&client).await, std::slice::from_ref(&new));
    app.vault.schedule_jobs().await.unwrap();
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(app.database.texts("SELECT kid FROM signing_key"), [new]);
    let private_halves = "SELECT CAST(COUNT(*) AS INTEGER) FROM secret WHERE kind = 'token.signing_key'";
    assert_eq!(app.database.numbers(private_halves), [1]);
    let deleted = app.database.texts("SELECT object FROM audit_record WHERE action = 'key.finish-rotation'");
    assert_eq!(deleted, [format!("signing-key:{former}")]);
    app.vault.refresh().await.unwrap();
    newer.with_token(&newer.fetch_token().await).get("/iso/pam/credential").await.expect(200);
}

#[actix_web::test]
async fn a_rotation_during_another_one_keeps_every_key_that_is_needed() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let (second, third) = (rotate(&app).await, rotate(&app).await);
    assert_eq!(published(&client).await, [kid(&client.token), second, third.clone()]);
    app.clock.advance(Duration::from_secs(10));
    app.vault.refresh().await.unwrap();
    assert_eq!(kid(&client.fetch_token().await), third);
    let app = app.restart().await;
    client.at(app.address).get("/iso/pam/credential").await.expect(200);
}
