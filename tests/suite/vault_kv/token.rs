//! A client's own token, the mounts and the state of the node.

use std::time::Duration;

use chaveiro::vault::access::Origin;
use chaveiro::vault::operation::Action;
use chaveiro::vault::{Field, VaultError};
use reqwest::Method;
use serde_json::{Value, json};

use super::{DENIED, app, create_items, expect_errors, read, vault};
use crate::support::{TestApp, TestClient, origin};

#[actix_web::test]
async fn a_lookup_shows_the_token_but_not_its_text() {
    let (app, client) = vault().await;
    app.clock.advance(Duration::from_secs(60));
    let answer = client.get("/v1/auth/token/lookup-self").await;
    assert!(!answer.text.contains(&client.token));
    let data = answer.expect(200)["data"].clone();
    let created = data["creation_time"].as_i64().unwrap();
    let expected = json!({
        "accessor": data["accessor"], "creation_time": created, "creation_ttl": 3600, "display_name": "approle",
        "entity_id": "", "expire_time": "2026-03-04T06:06:07Z", "explicit_max_ttl": 0, "id": data["accessor"],
        "issue_time": "2026-03-04T05:06:07Z", "meta": { "role_name": client.client_id }, "num_uses": 0, "orphan": true,
        "path": "auth/approle/login", "policies": ["default"], "renewable": false, "ttl": 3540, "type": "service",
    });
    assert_eq!(data, expected);
}

#[actix_web::test]
async fn either_header_has_the_token() {
    let (app, client) = vault().await;
    let ask = async |headers: &[(&str, String)]| {
        let request = app.anonymous().request(Method::GET, "/v1/secret/data/erp");
        client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, value))).await
    };
    let (token, bearer) = (client.token.clone(), format!("Bearer {}", client.token));
    ask(&[("X-Vault-Token", token.clone()), ("X-Vault-Request", "true".into()), ("X-Vault-Namespace", "ops".into())])
        .await
        .expect(200);
    ask(&[("Authorization", bearer.clone())]).await.expect(200);
    ask(&[("X-Vault-Token", String::new()), ("Authorization", bearer.clone())]).await.expect(200);
    expect_errors(&ask(&[("X-Vault-Token", "canary".into()), ("Authorization", bearer)]).await, 403, DENIED);
    expect_errors(&ask(&[]).await, 403, DENIED);
    expect_errors(&ask(&[("Authorization", format!("Basic {token}"))]).await, 403, DENIED);
}

#[actix_web::test]
async fn a_revoked_token_is_one_no_more_and_another_of_the_client_is() {
    for method in [Method::POST, Method::PUT] {
        let (_app, client) = vault().await;
        let mut other = client.clone();
        other.token = client.fetch_token().await;
        let answer = client.send(client.request(method, "/v1/auth/token/revoke-self")).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        expect_errors(&read(&client, "erp").await, 403, DENIED);
        client.get("/iso/pam/credential").await.expect_refusal(401, "");
        read(&other, "erp").await.expect(200);
    }
}

#[actix_web::test]
async fn a_token_is_not_renewed() {
    let (_app, client) = vault().await;
    for method in [Method::POST, Method::PUT] {
        let answer = client.send(client.request(method, "/v1/auth/token/renew-self").body("{}")).await;
        expect_errors(&answer, 400, &["lease is not renewable"]);
    }
}

#[actix_web::test]
async fn the_mount_is_of_version_2_and_the_only_one() {
    let (_app, client) = vault().await;
    let shown = client.get("/v1/sys/internal/ui/mounts/secret").await.expect(200)["data"].clone();
    assert_eq!(
        (&shown["path"], &shown["type"], &shown["options"]),
        (&json!("secret/"), &json!("kv"), &json!({ "version": "2" }))
    );
    assert_eq!(client.get("/v1/sys/internal/ui/mounts/secret/srv/corp/ana").await.expect(200)["data"], shown);
    let mounts = client.get("/v1/sys/mounts").await.expect(200);
    let mut mount = shown;
    mount.as_object_mut().unwrap().remove("path");
    assert_eq!((&mounts["data"], &mounts["secret/"]), (&json!({ "secret/": mount.clone() }), &mount));
    expect_errors(
        &client.get("/v1/sys/internal/ui/mounts/other").await,
        404,
        &["no handler for route. route entry not found."],
    );
}

#[actix_web::test]
async fn the_state_of_the_node_is_said_to_everybody() {
    let app = app().await;
    let anonymous = app.anonymous();
    let version = env!("CARGO_PKG_VERSION");
    let health = json!({
        "initialized": true, "sealed": false, "standby": false, "performance_standby": false, "replication_performance_mode": "disabled",
        "replication_dr_mode": "disabled", "server_time_utc": app.clock.now().timestamp(), "version": version,
        "cluster_name": "chaveiro", "cluster_id": "",
    });
    assert_eq!(anonymous.get("/v1/sys/health").await.expect(200), health);
    let seal = anonymous.get("/v1/sys/seal-status").await.expect(200);
    assert_eq!(
        (&seal["sealed"], &seal["initialized"], &seal["version"]),
        (&json!(false), &json!(true), &json!(version))
    );
    assert_eq!(anonymous.get("/v1/sys/init").await.expect(200), json!({ "initialized": true }));
    assert_eq!(anonymous.get("/v1/sys/leader").await.expect(200), json!({ "ha_enabled": false }));
    app.vault.close();
    let health = anonymous.get("/v1/sys/health").await;
    assert_eq!((health.expect(503)["sealed"].clone(), health.header("cache-control")), (json!(true), Some("no-store")));
}

/// A vault with the items, their client bound to this machine, and the same client with a static token.
async fn with_static_token(seconds: Option<i64>) -> (TestApp, TestClient, TestClient) {
    let app = app().await;
    let client = app.client_with(|request| request.allowed_ips = vec!["127.0.0.0/8".into()]).await;
    create_items(&client).await;
    let permit = app.operator(Action::AUTHORIZATION_CREATE_TOKEN).await;
    let end = seconds.map(|seconds| app.vault.now() + chrono::TimeDelta::seconds(seconds));
    let created = app.vault.create_static_token(permit, &client.client_id, "night batch", end).await.unwrap();
    let static_token = client.with_token(created.token.text().expose());
    (app, client, static_token)
}

/// The answer to a lookup of the client's own token.
async fn looked_up(client: &TestClient) -> Value {
    client.get("/v1/auth/token/lookup-self").await.expect(200)["data"].clone()
}

#[actix_web::test]
async fn a_static_token_reads_day_after_day_until_it_revokes_itself() {
    let (app, client, token) = with_static_token(None).await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(86_400));
        assert_eq!(read(&token, "erp").await.expect(200)["data"]["data"]["password"], "second");
        token.get("/iso/pam/credential/erp").await.expect(200);
        // As clients send it that have a setting for a token alone.
        let request = app.anonymous().request(Method::GET, "/v1/secret/data/erp").header("X-Vault-Token", &token.token);
        assert_eq!(token.send(request).await.expect(200)["data"]["data"]["username"], "batch");
    }
    let shown = looked_up(&token).await;
    assert_eq!((&shown["expire_time"], &shown["ttl"], &shown["creation_ttl"]), (&Value::Null, &json!(0), &json!(0)));
    assert_eq!((&shown["display_name"], &shown["path"]), (&json!("token"), &json!("auth/token/create")));
    assert_eq!(shown["meta"]["role_name"], client.client_id.as_str());
    let renewed = token.post("/v1/auth/token/renew-self", &json!({})).await;
    expect_errors(&renewed, 400, &["lease is not renewable"]);
    assert_eq!(token.post("/v1/auth/token/revoke-self", &json!({})).await.status, 204);
    expect_errors(&read(&token, "erp").await, 403, DENIED);
    let mut again = client.clone();
    again.token = client.fetch_token().await;
    read(&again, "erp").await.expect(200);
}

#[actix_web::test]
async fn a_static_token_ends_with_its_expiry_and_with_its_authorization() {
    let (app, _, token) = with_static_token(Some(7200)).await;
    app.clock.advance(Duration::from_secs(7199));
    let shown = looked_up(&token).await;
    assert_eq!((&shown["ttl"], &shown["creation_ttl"]), (&json!(1), &json!(7200)));
    app.clock.advance(Duration::from_secs(1));
    expect_errors(&read(&token, "erp").await, 403, DENIED);

    let (app, client, token) = with_static_token(None).await;
    read(&token, "erp").await.expect(200);
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    expect_errors(&read(&token, "erp").await, 403, DENIED);
}

#[actix_web::test]
async fn a_changed_static_token_is_none() {
    let (_app, _, token) = with_static_token(None).await;
    let text = token.token.clone();
    let last = if text.ends_with('0') { "1" } else { "0" };
    for changed in
        [format!("{}{last}", &text[..text.len() - 1]), text.to_uppercase(), text[1..].into(), format!("{text}0")]
    {
        expect_errors(&read(&token.with_token(&changed), "erp").await, 403, DENIED);
    }
    read(&token, "erp").await.expect(200);
}

#[actix_web::test]
async fn a_client_without_a_bound_origin_gets_no_static_token() {
    let (app, client) = vault().await;
    let permit = app.operator(Action::AUTHORIZATION_CREATE_TOKEN).await;
    let refused = app.vault.create_static_token(permit, &client.client_id, "x", None).await.unwrap_err();
    assert!(matches!(&refused, VaultError::Invalid(invalid) if invalid.field == Field::AllowedAddress), "{refused:?}");
}

#[actix_web::test]
async fn a_static_token_is_not_revoked_from_where_its_client_may_not_call() {
    let app = app().await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let client = app.client_from(from, |request| request.allowed_ips = vec!["10.9.9.9".into()]).await;
    let thief = app.with_static_token(&client).await;
    expect_errors(&thief.post("/v1/auth/token/revoke-self", &json!({})).await, 403, DENIED);
    let permit = app.operator(Action::AUTHORIZATION_LIST_TOKENS).await;
    assert_eq!(app.vault.static_tokens(permit, None).await.unwrap().len(), 1);
}
