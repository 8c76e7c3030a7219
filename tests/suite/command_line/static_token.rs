//! Static tokens: shown once, listed without their secrets, revoked while the server runs.

use serde_json::json;

use super::{expect_complaint, serving};
use crate::support::noticed;

const CREATE: [&str; 10] = [
    "authorization",
    "create",
    "--application",
    "erp",
    "--resource",
    "pam-core",
    "--access",
    "read-only",
    "--allow-ip",
    "127.0.0.1",
];

#[actix_web::test]
async fn a_static_token_is_shown_once_and_works_until_it_is_revoked() {
    let (program, server, _, maker) = serving().await;
    let id = program.json(&CREATE)["client_id"].as_str().unwrap().to_string();
    let created = program.json(&["authorization", "create-token", "--client-id", &id, "--name", "night batch"]);
    let (token, token_id) = (created["token"].as_str().unwrap(), created["token_id"].as_str().unwrap());
    assert_eq!(created["expires"], json!(null));
    let client = maker.with_token(token);
    let works = async || client.get("/iso/pam/credential").await.status == 200;
    noticed("a new static token", works).await;

    let listed = program.json(&["authorization", "list-tokens", "--client-id", &id]);
    let row = json!({ "token_id": token_id, "client_id": id, "name": "night batch", "created": listed[0]["created"],
                      "expires": null });
    assert_eq!(listed, json!([row]));
    assert!(!program.done(&["authorization", "list-tokens"]).contains(token));

    program.done(&["authorization", "revoke-token", "--token-id", token_id]);
    noticed("a revoked static token", async || !works().await).await;
    assert_eq!(program.json(&["authorization", "list-tokens"]), json!([]));
    drop(server);
}

#[actix_web::test]
async fn a_static_token_that_cannot_be_is_refused_with_the_reason() {
    let (program, _server, _, maker) = serving().await;
    let create = |client_id: &str, more: &[&str]| {
        let command = ["authorization", "create-token", "--client-id", client_id, "--name", "x"];
        program.run(&[&command[..], more].concat())
    };
    expect_complaint(&create(&maker.client_id, &[]), 1, "--allow-ip");
    expect_complaint(&create("unknown", &[]), 1, "authorization");
    let id = program.json(&CREATE)["client_id"].as_str().unwrap().to_string();
    expect_complaint(&create(&id, &["--expires", "2020-01-31"]), 1, "expiry");
    expect_complaint(&program.run(&["authorization", "revoke-token", "--token-id", "unknown"]), 1, "static token");
    for _ in 0..16 {
        assert_eq!(create(&id, &[]).code, 0);
    }
    expect_complaint(&create(&id, &[]), 1, "too many static tokens");
}
