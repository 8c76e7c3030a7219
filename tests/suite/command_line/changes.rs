//! Changes made by a command while the server runs: it notices each.

use reqwest::Method;
use serde_json::json;

use super::serving;
use crate::support::{Credentials, Program, Serving, TestClient, device, noticed};

async fn status(client: &TestClient, path: &str) -> u16 {
    client.send_again(|| client.request(Method::GET, path)).await.status.as_u16()
}

/// Whether these are let in at the token endpoint.
pub(super) async fn may_have_token(server: &Serving, id: &str, secret: &str) -> bool {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let client = server.anonymous();
    client.send_again(|| client.request(Method::POST, "/iso/oauth2/token").form(&form)).await.status.is_success()
}

#[actix_web::test]
async fn a_new_client_is_let_in_within_a_second_and_its_secret_is_not_shown_again() {
    let (program, server, ..) = serving().await;
    let made = program.done(&[
        "authorization",
        "create",
        "--application",
        "erp",
        "--resource",
        "pam-core",
        "--access",
        "read-only",
    ]);
    let field = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_string();
    let (id, secret) = (field("client_id"), field("client_secret"));
    noticed("a new client", async || may_have_token(&server, &id, &secret).await).await;

    let listed = program.json(&["authorization", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == *id).unwrap();
    let expected = json!({
        "client_id": id, "application": "erp", "resources": "pam-core", "roles": "", "access": "read-only",
        "allowed_ips": "*", "referers": "*", "certificates": "*", "sender_constraint": null, "expires": null,
        "active": true, "secrets": 1
    });
    assert_eq!(*row, expected);
    let table = program.done(&["authorization", "list"]);
    assert!(table.contains(&id) && table.starts_with("CLIENT_ID"), "{table}");
    for shown in [listed.to_string(), table, program.json(&["audit", "tail"]).to_string()] {
        assert!(!shown.contains("chv_") && !shown.contains(&secret), "{shown}");
    }
}

#[actix_web::test]
async fn a_disabled_client_is_nobody_within_a_second() {
    let (program, server, credentials, client) = serving().await;
    let sibling = program.create_authorization("erp");
    noticed("a new client", async || may_have_token(&server, &sibling.id, &sibling.secret).await).await;
    let other = server.client(&sibling).await;
    assert_eq!(status(&client, "/iso/pam/device").await, 200);
    program.done(&["authorization", "disable", "--client-id", &credentials.id]);
    noticed("the token", async || status(&client, "/iso/pam/device").await == 401).await;
    assert!(!may_have_token(&server, &credentials.id, &credentials.secret).await);
    assert_eq!(status(&other, "/iso/pam/device").await, 200);
}

#[actix_web::test]
async fn a_disabled_application_takes_its_clients_with_it_within_a_second() {
    let (program, server, credentials, client) = serving().await;
    let sibling = program.create_authorization("erp");
    noticed("a new client", async || may_have_token(&server, &sibling.id, &sibling.secret).await).await;
    program.done(&["application", "disable", "--name", "erp"]);
    noticed("the token", async || status(&client, "/iso/pam/device").await == 401).await;
    for Credentials { id, secret } in [credentials, sibling] {
        assert!(!may_have_token(&server, &id, &secret).await);
    }
    let expected = json!([{ "name": "erp", "active": false, "authorizations": 2 }]);
    assert_eq!(program.json(&["application", "list"]), expected);
}

#[actix_web::test]
async fn after_a_rotation_two_secrets_work_and_never_three() {
    let (program, server, Credentials { id, secret: first }, client) = serving().await;
    let rotate = || {
        let made = program.json(&["authorization", "rotate-secret", "--client-id", &id]);
        assert_eq!(made["client_id"], *id);
        made["client_secret"].as_str().unwrap().to_string()
    };
    let second = rotate();
    noticed("the new secret", async || may_have_token(&server, &id, &second).await).await;
    assert!(may_have_token(&server, &id, &first).await);
    assert_eq!(status(&client, "/iso/pam/device").await, 200, "a token of before");

    let third = rotate();
    noticed("the oldest secret", async || !may_have_token(&server, &id, &first).await).await;
    assert!(may_have_token(&server, &id, &second).await && may_have_token(&server, &id, &third).await);
}

#[actix_web::test]
async fn a_link_shows_a_device_or_a_credential_to_another_client_within_a_second() {
    let (program, server, _, client) = serving().await;
    client.create_device("a", "10.0.0.1").await;
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    client.save_credential(&credential).await;
    let (by_device, by_credential) = (program.create_authorization("erp"), program.create_authorization("erp"));
    for other in [&by_device, &by_credential] {
        noticed("a new client", async || may_have_token(&server, &other.id, &other.secret).await).await;
    }
    let (sees_device, sees_credential) = (server.client(&by_device).await, server.client(&by_credential).await);
    sees_device.get("/iso/pam/device/a").await.expect_number(1011);
    sees_credential.get("/iso/pam/credential/i").await.expect_number(1009);

    program.done(&["authorization", "link", "--client-id", &by_device.id, "--device", "a"]);
    noticed("the device", async || status(&sees_device, "/iso/pam/device/a").await == 200).await;
    assert_eq!(sees_device.password("i").await, "p");
    program.done(&["authorization", "link", "--client-id", &by_credential.id, "--credential", "i"]);
    noticed("the credential", async || status(&sees_credential, "/iso/pam/credential/i").await == 200).await;
    sees_credential.get("/iso/pam/device/a").await.expect_number(1011);
}

#[actix_web::test]
async fn a_domain_may_be_named_within_a_second_of_its_registration() {
    let (program, _server, _, client) = serving().await;
    let mut sent = device("a", "10.0.0.1");
    sent["device_domain"] = json!("corp");
    client.post("/iso/pam/device", &sent).await.expect_number(1029);
    program.done(&["domain", "add", "--name", "corp.example", "--short-name", "CORP"]);
    noticed("the domain", async || client.post("/iso/pam/device", &sent).await.status.as_u16() == 201).await;
    let expected = json!([{ "name": "corp.example", "short_name": "CORP" }]);
    assert_eq!(program.json(&["domain", "list"]), expected);
    assert!(program.done(&["domain", "list"]).contains("corp.example"));
}

#[test]
fn users_are_listed_by_name_and_each_is_recorded() {
    let program = Program::initialised();
    assert_eq!(program.json(&["user", "list"]), json!([]));
    for name in ["rui", "ana"] {
        assert!(program.done(&["user", "add", name]).contains(name));
    }
    assert_eq!(program.json(&["user", "list"]), json!([{ "name": "ana" }, { "name": "rui" }]));
    let records = program.json(&["audit", "tail"]);
    let added: Vec<_> = records.as_array().unwrap().iter().filter(|record| record["action"] == "user.add").collect();
    assert_eq!(added.len(), 2);
    assert_eq!((&added[0]["object"], &added[0]["actor"]), (&json!("user:1"), &json!("command-line")));
}
