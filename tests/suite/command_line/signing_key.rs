//! Signing keys: shown once, listed without their secrets, revoked.

use serde_json::json;

use super::{expect_complaint, last_record, serving};
use crate::support::contents;

#[actix_web::test]
async fn a_signing_key_is_shown_once_listed_and_revoked() {
    let (program, _server, credentials, _) = serving().await;
    let create = ["authorization", "create-signing-key", "--client-id", &credentials.id, "--name", "night batch"];
    let created = program.json(&create);
    let text = |name: &str| created[name].as_str().unwrap().to_string();
    assert_eq!((text("consumer_key"), &created["expires"]), (credentials.id.clone(), &json!(null)));
    assert!(text("consumer_secret").starts_with("chc_") && text("token_secret").starts_with("chs_"));
    for (place, bytes) in contents(&program.database) {
        for name in ["consumer_secret", "token_secret"] {
            let secret = text(name).into_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name} in {place}");
        }
    }
    let listed = program.json(&["authorization", "list-signing-keys", "--client-id", &credentials.id]);
    let row = json!({ "token": text("token"), "client_id": credentials.id, "name": "night batch",
                      "created": listed[0]["created"], "expires": null });
    assert_eq!(listed, json!([row]));
    let table = program.done(&["authorization", "list-signing-keys"]);
    assert!(!table.contains(&text("consumer_secret")) && !table.contains(&text("token_secret")));
    let printed = program.done(&create);
    assert!(printed.starts_with("consumer_key     ") && printed.ends_with("The secrets are not shown again.\n"));

    program.done(&["authorization", "revoke-signing-key", "--token", &text("token")]);
    assert_eq!(last_record(&program)["action"], "authorization.revoke-signing-key");
    let left = program.json(&["authorization", "list-signing-keys"]);
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_signing_key_that_cannot_be_is_refused_with_the_reason() {
    let (program, _server, credentials, _) = serving().await;
    let create = |client_id: &str, more: &[&str]| {
        let command = ["authorization", "create-signing-key", "--client-id", client_id, "--name", "x"];
        program.run(&[&command[..], more].concat())
    };
    expect_complaint(&create("unknown", &[]), 1, "authorization");
    expect_complaint(&create(&credentials.id, &["--expires", "2020-01-31"]), 1, "expiry");
    let unknown = ["authorization", "revoke-signing-key", "--token", "unknown"];
    expect_complaint(&program.run(&unknown), 1, "signing key");
    for _ in 0..16 {
        assert_eq!(create(&credentials.id, &[]).code, 0);
    }
    expect_complaint(&create(&credentials.id, &[]), 1, "too many signing keys");
}
