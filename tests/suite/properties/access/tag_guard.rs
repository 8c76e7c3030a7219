//! A tag that is linked to a client can be set by a client with the same link alone, on every kind of object.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

const GUARDED: &str = "Finance";

/// A vault in which `holder` is linked to the tag and `stranger`, who owns the device `a`, is not.
async fn vault() -> (TestApp, TestClient, TestClient) {
    let app = TestApp::start().await;
    let (holder, stranger) = (app.client().await, app.client().await);
    app.link(&holder, LinkTarget::Tag(GUARDED.into())).await;
    stranger.create_device("a", "10.0.0.1").await;
    (app, holder, stranger)
}

/// A request that sets tags, for each kind of object that has them: its path and body.
fn saves(tags: &str) -> [(&'static str, Value); 3] {
    let on =
        |name: &str| json!({ "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "tags": tags });
    let mut device = device("a", "10.0.0.1");
    device["device_tags"] = json!(tags);
    let (mut credential, mut key) = (on("u"), on("k"));
    credential["content"] = json!("p");
    key["private_key"] = json!(include_str!("../../fixtures/ssh/ed25519"));
    [("/iso/pam/device", device), ("/iso/pam/credential", credential), ("/iso/pam/key", key)]
}

/// Everything of the holder's lists.
async fn seen(holder: &TestClient) -> usize {
    let mut count = 0;
    for (path, payload) in
        [("/iso/pam/device", "devices"), ("/iso/pam/credential", "credentials"), ("/iso/pam/key", "keys")]
    {
        count += holder.get(path).await.expect(200)[payload].as_array().unwrap().len();
    }
    count
}

#[actix_web::test]
async fn a_stranger_sets_it_on_no_object_in_no_spelling() {
    let (app, holder, stranger) = vault().await;
    for tags in [GUARDED, "finance", " FINANCE ", "other,finance"] {
        for (path, body) in saves(tags) {
            stranger.post(path, &body).await.expect_refusal(400, "tags");
            let item = json!({ "items": [{ "save": body }] });
            if path == "/iso/pam/credential" {
                let answer = stranger.post("/iso/pam/credential/batch", &item).await.expect(200);
                assert_eq!(answer["items"][0]["code"], 400, "{answer}");
            }
        }
    }
    // The device of a credential can be changed with it.
    let mut both = saves("")[1].1.clone();
    both["device_tags"] = json!(GUARDED);
    stranger.post("/iso/pam/credential", &both).await.expect_refusal(400, "tags");
    assert_eq!(seen(&holder).await, 0);
    assert_eq!(app.database.numbers("SELECT tag_id FROM tagging"), [0; 0]);
    assert_eq!(app.database.numbers("SELECT id FROM credential"), [0; 0], "nothing of a refused save stays");
}

#[actix_web::test]
async fn a_client_with_the_link_and_a_tag_that_nobody_is_linked_to_are_free() {
    let (app, holder, stranger) = vault().await;
    for (path, body) in saves("nobodys") {
        stranger.post(path, &body).await.expect(201);
    }
    assert_eq!(seen(&holder).await, 0);
    app.link(&stranger, LinkTarget::Tag(GUARDED.into())).await;
    for (path, body) in saves(GUARDED) {
        stranger.post(path, &body).await.expect(201);
    }
    assert!(seen(&holder).await >= 3);
}

#[actix_web::test]
async fn who_updates_an_object_that_has_the_tag_needs_no_link() {
    let (app, holder, stranger) = vault().await;
    let link = || LinkTarget::Tag(GUARDED.into());
    app.link(&stranger, link()).await;
    for (path, body) in saves(GUARDED) {
        stranger.post(path, &body).await.expect(201);
    }
    app.vault.unlink(app.operator(Action::AUTHORIZATION_UNLINK).await, &stranger.client_id, link()).await.unwrap();
    let before = seen(&holder).await;
    // It stays where it is, sent in whatever spelling or not at all, with others beside it.
    for tags in ["finance", "FINANCE,more"] {
        for (path, body) in saves(tags) {
            stranger.post(path, &body).await.expect(201);
        }
    }
    for (path, mut body) in saves("") {
        body.as_object_mut().unwrap().remove("tags");
        body.as_object_mut().unwrap().remove("device_tags");
        stranger.post(path, &body).await.expect(201);
    }
    assert_eq!(seen(&holder).await, before);
    // Taken away once, it does not come back.
    for (path, body) in saves("") {
        stranger.post(path, &body).await.expect(201);
    }
    assert_eq!(seen(&holder).await, 0);
    for (path, body) in saves(GUARDED) {
        stranger.post(path, &body).await.expect_refusal(400, "tags");
    }
}
