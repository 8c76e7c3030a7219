//! Who reads a secret: a client with the resource that sees the item, from an allowed address. Every other read has the same answer.

use std::sync::Arc;

use chaveiro::crypto::ResponseKey;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{Origin, Resource};
use chaveiro::vault::operation::Action;
use serde_json::json;

use super::{SECRETS, expect_error, read, vault};
use crate::support::origin;

#[actix_web::test]
async fn a_stranger_hears_the_same_of_a_secret_and_of_nothing() {
    let (app, client) = vault().await;
    let stranger = app.client().await;
    let nothing = read(&stranger, "nothing").await;
    for name in ["erp", "srv/corp/ana", "key", "note"] {
        let answer = read(&stranger, name).await;
        expect_error(&answer, 404, "not_found");
        assert_eq!(answer.text, nothing.text);
    }
    app.link(&stranger, LinkTarget::Device("srv".into())).await;
    read(&stranger, "erp").await.expect(200);
    expect_error(&read(&stranger, "note").await, 404, "not_found");
    // An object of the stranger's own by the same name stands in for nothing.
    stranger.post("/iso/pam/info", &json!({ "identifier": "erp", "content": "the stranger's" })).await.expect(201);
    expect_error(&read(&stranger, "erp").await, 409, "ambiguous");
    read(&client, "erp").await.expect(200);
}

#[actix_web::test]
async fn exclusive_custody_and_inactive_items_are_not_found() {
    let (_app, client) = vault().await;
    read(&client, "erp").await.expect(200);
    let exclusive = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": "batch", "identifier": "erp",
                            "exclusive_custody": "yes" });
    client.save_credential(&exclusive).await;
    expect_error(&read(&client, "erp").await, 404, "not_found");
    client.delete("/iso/pam/info/note").await.expect(200);
    expect_error(&read(&client, "note").await, 404, "not_found");
}

#[actix_web::test]
async fn without_token_resource_or_the_right_address_nobody_is_authorized() {
    let (app, client) = vault().await;
    let other = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let elsewhere = app.client_from(from, |request| request.allowed_ips = vec!["10.9.9.9".into()]).await;
    for client in [&other, &elsewhere, &client.with_token("canary"), &app.anonymous()] {
        let answer = read(client, "erp").await;
        expect_error(&answer, 403, "not_authorized");
        assert!(!answer.text.contains("canary"));
    }
    // Nor is anything said of paths.
    expect_error(&app.anonymous().get("/secrets-v1/nothing").await, 403, "not_authorized");
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    expect_error(&read(&client, "erp").await, 403, "not_authorized");
    expect_error(&client.get(&format!("{SECRETS}/erp")).await, 403, "not_authorized");
}

/// The published client would take the JWE for the password.
#[actix_web::test]
async fn a_client_with_a_response_key_is_refused_before_anything_is_read() {
    let (app, maker) = vault().await;
    let key = ResponseKey::parse(include_str!("../fixtures/answer/rsa.pub.pem"), None).unwrap();
    let client = app.client_with(|request| request.response_key = Some(Arc::new(key))).await;
    app.link(&client, LinkTarget::Credential("erp".into())).await;
    app.vault.refresh().await.unwrap();
    let answer = read(&client, "erp").await;
    expect_error(&answer, 400, "invalid_request");
    assert!(answer.text.contains("response key"), "{}", answer.text);
    let outcomes: Vec<_> = app
        .records()
        .await
        .into_iter()
        .filter(|record| record.actor == client.client_id && record.action == "item.read")
        .map(|record| record.outcome)
        .collect();
    assert_eq!(outcomes, ["invalid-input"]);
    assert_eq!(read(&maker, "erp").await.status, 200);
}
