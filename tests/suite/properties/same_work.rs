//! What does not exist and what a client may not see take the same work: the same number of statements in the database.

use chaveiro::vault::access::Resource;
use serde_json::json;

use super::access::facades;
use crate::support::{TestApp, TestClient, serve_all, watch_statements};

/// A vault whose statements are counted. None on PostgreSQL, whose connections have an instrumentation of their own; the queries
/// are the same.
async fn counted() -> Option<TestApp> {
    watch_statements();
    // One connection of each kind: the first use of a connection takes statements of its own.
    let app = TestApp::start_with(|settings| {
        serve_all(settings);
        settings.store.writers = 1;
        settings.store.readers = 1;
    })
    .await;
    (!app.database.is_postgresql()).then_some(app)
}

async fn client(app: &TestApp) -> TestClient {
    app.client_with(|request| {
        request.resources = vec![Resource::PamCore, Resource::AppId, Resource::Dsm];
        request.allowed_ips = vec!["127.0.0.1".into()];
    })
    .await
}

#[actix_web::test]
async fn a_read_of_what_may_not_be_seen_takes_the_statements_of_a_read_of_nothing() {
    let Some(app) = counted().await else { return };
    let (owner, stranger) = (client(&app).await, client(&app).await);
    owner.create_device("host", "10.0.0.1").await;
    for body in [json!({ "username": "user", "identifier": "account" }), json!({ "username": "plain" })] {
        let mut sent = json!({ "hostname": "host", "ip": "10.0.0.1", "content": "p" });
        sent.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        owner.save_credential(&sent).await;
    }
    let key = json!({ "hostname": "host", "ip": "10.0.0.1", "username": "deploy", "identifier": "key",
                      "private_key": include_str!("../fixtures/ssh/ed25519") });
    owner.post("/iso/pam/key", &key).await.expect(201);
    owner.post("/iso/pam/info", &json!({ "identifier": "info", "content": "x" })).await.expect(201);
    let count = async |path: &str| {
        let before = app.database.statements();
        stranger.get(path).await;
        app.database.statements() - before
    };
    let of = |name: &str| facades::paths(&stranger.client_id, name);
    for _ in 0..3 {
        count("/v1/secret/data/nothing").await;
    }
    // An absent name in the form of each present one.
    for (name, absent) in
        [("account", "nothing"), ("key", "nothing"), ("info", "nothing"), ("host/plain", "no/thing"), ("1", "99")]
    {
        for (path, nothing) in of(name).iter().zip(of(absent)) {
            let (hidden, missing) = (count(path).await, count(&nothing).await);
            assert_eq!(hidden, missing, "{path} and {nothing}");
            assert!(!path.starts_with("/v1/secret/data") || hidden > 2, "{path}: {hidden}");
        }
    }
}

#[actix_web::test]
async fn a_secret_of_another_authorization_takes_the_statements_of_none() {
    let Some(app) = counted().await else { return };
    let (owner, stranger) = (client(&app).await, client(&app).await);
    let save = async |client: &TestClient, identity: &str| {
        let before = app.database.statements();
        client.post("/iso/sctm/secret", &json!({ "identity": identity, "data": { "a": "x" } })).await.expect(201);
        app.database.statements() - before
    };
    let read = async |client: &TestClient| {
        let before = app.database.statements();
        client.get("/iso/dapp/application").await.expect(200);
        app.database.statements() - before
    };
    save(&stranger, "first").await;
    read(&stranger).await;
    let before = read(&stranger).await;
    for identity in ["one", "other", "account"] {
        save(&owner, identity).await;
    }
    owner.create_device("host", "10.0.0.1").await;
    owner.save_credential(&json!({ "hostname": "host", "ip": "10.0.0.1", "username": "u", "content": "p" })).await;
    assert_eq!(read(&stranger).await, before);
    assert_eq!(save(&stranger, "one").await, save(&stranger, "nothing").await);
}
