//! Who sees an item: the owner and those linked to it, whatever a stranger calls its own.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{Origin, Resource};
use reqwest::Method;
use serde_json::json;

use super::routes::{call, endpoints};
use super::{DENIED, expect_errors, fields, list, read, vault};
use crate::support::{TestClient, device, origin};

const NAMES: [&str; 4] = ["erp", "srv/corp/ana", "key", "note"];

#[actix_web::test]
async fn a_stranger_hears_the_same_of_an_item_and_of_nothing() {
    let (app, client) = vault().await;
    let stranger = app.client().await;
    let nothing = read(&stranger, "nothing").await;
    for name in NAMES {
        let answer = read(&stranger, name).await;
        expect_errors(&answer, 404, &[]);
        assert_eq!((answer.status, &answer.text), (nothing.status, &nothing.text));
        expect_errors(&read(&stranger, &format!("{name}?version=1")).await, 404, &[]);
        read(&client, name).await.expect(200);
    }
    client.delete("/iso/pam/credential/erp").await.expect(200);
    expect_errors(&read(&stranger, "erp").await, 404, &[]);
    for folder in ["", "/srv", "/srv/corp"] {
        expect_errors(&list(&stranger, folder).await, 404, &[]);
    }
}

#[actix_web::test]
async fn a_link_shows_an_item_and_its_end_hides_it() {
    let (app, _) = vault().await;
    let reader = app.read_only_client().await;
    app.link(&reader, LinkTarget::Device("srv".into())).await;
    assert_eq!(list(&reader, "").await.expect(200)["data"]["keys"], json!(["erp", "key", "srv/"]));
    assert_eq!(fields(&reader, "srv/corp/ana").await["password"], "ana's");
    expect_errors(&read(&reader, "note").await, 404, &[]);
    let permit = app.operator(chaveiro::vault::operation::Action::AUTHORIZATION_UNLINK).await;
    app.vault.unlink(permit, &reader.client_id, LinkTarget::Device("srv".into())).await.unwrap();
    for name in NAMES {
        expect_errors(&read(&reader, name).await, 404, &[]);
    }
}

#[actix_web::test]
async fn a_client_without_the_resource_may_only_revoke_its_token() {
    let (app, _) = vault().await;
    let other = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    for path in
        ["secret/data/erp", "secret/metadata?list=true", "secret/erp", "sys/mounts", "sys/internal/ui/mounts/secret"]
    {
        expect_errors(&other.get(&format!("/v1/{path}")).await, 403, DENIED);
    }
    expect_errors(&other.post("/v1/sys/capabilities-self", &json!({ "paths": ["x"] })).await, 403, DENIED);
    expect_errors(&other.get("/v1/auth/token/lookup-self").await, 403, DENIED);
    let answer = other.post("/v1/auth/token/revoke-self", &json!({})).await;
    assert_eq!(answer.status, 204);
}

#[actix_web::test]
async fn a_token_works_only_from_where_its_client_may_call() {
    let (app, _) = vault().await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let elsewhere = app.client_from(from, |request| request.allowed_ips = vec!["10.9.9.9".into()]).await;
    for endpoint in
        endpoints().into_iter().filter(|endpoint| endpoint.bearer && !endpoint.path.ends_with("/revoke-self"))
    {
        expect_errors(&call(&elsewhere, endpoint.method.as_str(), &endpoint.path).await, 403, DENIED);
    }
}

#[actix_web::test]
async fn no_route_shows_a_stranger_anything_of_an_item() {
    let (app, client) = vault().await;
    let stranger = app.client().await;
    for endpoint in endpoints().into_iter().filter(|endpoint| !endpoint.path.ends_with("/revoke-self")) {
        for name in NAMES.into_iter().chain(["srv", "srv/corp"]) {
            let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
            let request = stranger.request(method, &endpoint.path.replace("{path:.*}", name));
            let answer = stranger.send(request.query(&[("list", "true")])).await;
            for shown in ["second", "ana", "a text", "PRIVATE KEY", "ssh-ed25519", "corp", "erp"] {
                assert!(!answer.text.contains(shown), "{} {}: {}", endpoint.method, endpoint.path, answer.text);
            }
        }
    }
    read(&client, "erp").await.expect(200);
}

/// Gives a stranger's objects the names of the client's, as far as it can.
async fn plant(stranger: &TestClient) {
    stranger.create_device("evil", "10.0.0.2").await;
    for name in NAMES {
        for (path, more) in [
            ("credential", json!({ "content": "the stranger's" })),
            ("key", json!({ "private_key": include_str!("../fixtures/ssh/ecdsa") })),
            ("info", json!({ "content": "the stranger's" })),
        ] {
            let mut body = json!({ "hostname": "evil", "ip": "10.0.0.2", "username": name, "identifier": name });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            stranger.post(&format!("/iso/pam/{path}"), &body).await;
        }
    }
    stranger.post("/iso/pam/device", &device("SRV", "10.0.0.2")).await;
    let taken = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": "corp/ana", "content": "the stranger's" });
    stranger.post("/iso/pam/credential", &taken).await;
}

#[actix_web::test]
async fn a_strangers_object_neither_stands_in_for_an_item_nor_is_seen() {
    let (app, client) = vault().await;
    let before =
        (list(&client, "").await.expect(200)["data"].clone(), list(&client, "/srv").await.expect(200)["data"].clone());
    let mut items = Vec::new();
    for name in NAMES {
        items.push(read(&client, name).await.expect(200)["data"].clone());
    }
    let stranger = app.client().await;
    plant(&stranger).await;
    // It has an object by one of these names, so the test is about something.
    assert_eq!(fields(&stranger, "erp").await["text"], "the stranger's");
    for (name, item) in NAMES.iter().zip(items) {
        assert_eq!(read(&client, name).await.expect(200)["data"], item, "{name}");
    }
    let after =
        (list(&client, "").await.expect(200)["data"].clone(), list(&client, "/srv").await.expect(200)["data"].clone());
    assert_eq!(before, after);
}
