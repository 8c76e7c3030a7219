//! Projections of one credential.

use serde_json::json;

use super::{expect_code, read, vault};

#[actix_web::test]
async fn only_the_named_fields_are_shown() {
    let (_app, client) = vault().await;
    let fields = async |list: &str| read(&client, &format!("1?fields={list}")).await.expect(200);
    assert_eq!(fields("credential.username").await, json!({ "credential": { "username": "batch" } }));
    let both = json!({ "credential": { "tags": ["prod", "linux"] }, "device": { "id": 1 } });
    assert_eq!(fields("device.id,credential.tags").await, both);
    assert_eq!(fields("device.id%2C%20credential.tags").await, both);
    assert_eq!(fields("id,jit").await, json!({ "id": 1, "jit": { "credential_enabled": false } }));
    let parent = json!({ "credential": { "parent_credential": null } });
    assert_eq!(fields("credential.parent_credential").await, parent);
}

#[actix_web::test]
async fn a_field_that_holds_a_secret_is_403_and_recorded() {
    let (app, client) = vault().await;
    for name in ["password", "content", "secret_key", "private_key", "passphrase", "totp"] {
        for list in [format!("credential.{name}"), format!("nope,credential.username,credential.{name}")] {
            let answer = read(&client, &format!("1?fields={list}")).await;
            assert_eq!(expect_code(&answer, 403, "sensitive_field"), ["fields"], "{list}");
        }
    }
    let outcome = "sensitive-field";
    let refused = app.records().await.into_iter().filter(|record| record.outcome == outcome);
    assert_eq!(refused.filter(|record| record.action == "credential.metadata").count(), 12);
}
