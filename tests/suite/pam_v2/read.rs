//! A read as a whole: the members of the document, and what a read leaves behind.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::audit_log::AuditRecord;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use super::{expect_code, expect_headers, list, read, save, vault};

#[actix_web::test]
async fn a_credential_has_every_field_of_the_contract() {
    let (app, client) = vault().await;
    let permit = app.operator(Action::USER_ADD).await;
    app.vault.add_user(permit, "ana").await.unwrap();
    let child = save(&client, "web", "child", json!({ "parent_password": 1 })).await;
    client.get("/iso/pam/credential/1").await.expect(200);
    let answer = read(&client, "1").await;
    expect_headers(&answer);
    let expected = json!({
        "id": 1,
        "credential": {
            "username": "batch", "active": true, "password_type": "Local User", "parent_credential": null,
            "tags": ["prod", "linux"], "criticality": "high", "user_credential_owner": { "id": 1, "name": "ana" },
            "last_used_at": "2026-03-04T05:06:07+00:00", "additional_information": "for the night",
            "password_policy": null,
        },
        "device": { "id": 1, "name": "erp", "domain_name": null },
        "jit": { "credential_enabled": false },
        "reconciliation": { "credential_enabled": false },
    });
    assert_eq!(answer.expect(200), expected);
    let body = read(&client, &child).await.expect(200);
    assert_eq!(body["credential"]["parent_credential"], json!({ "id": 1, "username": "batch" }));
    // A client that sees the child alone shares its password, and learns nothing else of its parent.
    let other = app.client().await;
    app.link(&other, LinkTarget::Credential(child.clone())).await;
    app.vault.refresh().await.unwrap();
    let seen = read(&other, &child).await.expect(200);
    assert_eq!(seen["credential"]["parent_credential"], json!(null));
    let seen = other.get(&format!("/iso/pam/credential/{child}")).await.expect(200);
    let shown = &seen["credential"];
    assert_eq!((&shown["parent_credential"], &shown["parent_credential_cod"]), (&json!(null), &json!(null)));
    assert_eq!(shown["password"], "a secret");
    let seen = client.get(&format!("/iso/pam/credential/{child}")).await.expect(200);
    let shown = &seen["credential"];
    assert_eq!((&shown["parent_credential"], &shown["parent_credential_cod"]), (&json!("batch"), &json!("1")));
    assert_eq!(body["credential"]["criticality"], "medium", "the default of new credentials");
    for name in ["user_credential_owner", "last_used_at", "additional_information"] {
        assert_eq!(body["credential"].get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(body["credential"]["tags"], json!([]));
    assert_eq!(read(&client, "2").await.expect(200)["reconciliation"]["credential_enabled"], true);
    let key = &read(&client, "4").await.expect(200)["credential"];
    assert_eq!((&key["password_type"], &key["criticality"]), (&json!("SSH Key"), &Value::Null));
    assert_eq!(read(&client, "5").await.expect(200)["credential"]["active"], false);
}

#[actix_web::test]
async fn a_read_takes_no_custody_and_is_no_view_and_leaves_a_record() {
    let (app, client) = vault().await;
    let state = || {
        let custody = app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM custody");
        (custody, app.database.texts("SELECT id || ' ' || coalesce(viewed_at, 0) FROM credential ORDER BY id"))
    };
    let before = state();
    for key in ["1", "2", "3", "4", "5"] {
        read(&client, key).await.expect(200);
    }
    list(&client, "").await.expect(200);
    expect_code(&read(&client, "9").await, 404, "not_found");
    assert_eq!(state(), before);
    let records = app.records().await;
    let of = |action: &str, object: &str, outcome: &str| {
        let is =
            |record: &&AuditRecord| (&*record.action, &*record.object, &*record.outcome) == (action, object, outcome);
        records.iter().filter(|record| record.family == "pam-v2").filter(is).count()
    };
    for id in 1..=5 {
        assert_eq!(of("credential.metadata", &format!("credential:{id}"), "ok"), 1);
    }
    assert_eq!(of("credential.metadata", "", "credential-not-found"), 1);
    assert_eq!(of("credential.list", "", "ok"), 1);
}

#[actix_web::test]
async fn a_credential_in_exclusive_custody_of_another_is_shown_without_its_secret() {
    let (_app, client) = vault().await;
    let id = save(&client, "web", "exclusive", json!({ "exclusive_custody": true })).await;
    client.get(&format!("/iso/pam/credential/{id}")).await.expect(200);
    assert_eq!(read(&client, &id).await.expect(200)["credential"]["username"], "exclusive");
}
