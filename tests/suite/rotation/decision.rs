//! Rotations that do not go on by themselves.

use serde_json::json;

use super::{DECISION, Directory, FIRST, PASSWORDS, ROTATE};

#[actix_web::test]
async fn a_target_that_cannot_be_reached_is_tried_again_and_keeps_its_password() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    directory.server.stop();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let rotation = directory.rotation().await;
    assert_eq!((&rotation["phase"], &rotation["problem"]), (&json!("unreachable"), &json!("unreachable")));
    assert!(rotation["due"].is_string() && rotation["needs_decision"] == json!(false));
    assert_eq!(directory.password().await, FIRST);
    assert_eq!(directory.run().await, 0, "not before it is due");
    // Both values are there for whom may write, until a person decides.
    let both = directory.client.get(PASSWORDS).await.expect(200);
    assert_eq!(both["unverified"]["current"], FIRST);
    assert_eq!(both["unverified"]["candidate"].as_str().unwrap().len(), 24);
    directory.client.post(DECISION, &json!({ "decision": "accept" })).await.expect_refusal(400, "decision");
    let decided = directory.client.post(DECISION, &json!({ "decision": "keep-current" })).await.expect(201);
    assert_eq!(decided["rotation"]["phase"], "idle");
    assert_eq!(directory.password().await, FIRST);
    directory.client.get(PASSWORDS).await.expect(400);
    directory.client.post(DECISION, &json!({ "decision": "retry" })).await.expect_refusal(400, "decision");
}

#[actix_web::test]
async fn a_target_of_another_identity_gets_nothing_until_a_person_trusts_it() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.rotate().await;
    let (password, pinned) = (directory.password().await, identity(&directory));
    directory.app.database.run("UPDATE target_identity SET identity = 'SHA256:another'");
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let rotation = directory.rotation().await;
    assert_eq!((&rotation["phase"], &rotation["needs_decision"]), (&json!("identity-changed"), &json!(true)));
    assert!(directory.logs_in("erp", &password).await);
    assert_eq!(directory.run().await, 0);
    directory.client.post(DECISION, &json!({ "decision": "trust-identity" })).await.expect_refusal(400, "decision");
    let trust = json!({ "decision": "trust-identity", "identity": pinned });
    directory.client.post(DECISION, &trust).await.expect(201);
    directory.run().await;
    assert_eq!(directory.rotation().await["phase"], "idle");
    assert!(directory.logs_in("erp", &directory.password().await).await);
    assert!(!directory.logs_in("erp", &password).await);
    let records = directory.app.records().await;
    let decided = records.iter().find(|record| record.action == "rotation.decide" && record.outcome == "ok").unwrap();
    assert_eq!(decided.object, "credential:2, rotation.identity-trusted");
}

fn identity(directory: &Directory) -> String {
    directory.app.database.texts("SELECT identity FROM target_identity").pop().unwrap()
}

#[actix_web::test]
async fn a_password_that_is_wrong_already_is_set_by_the_operator_and_the_right_one_is_kept() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let wrong = super::credential("erp", &super::dn("erp"), "not the password");
    directory.client.save_credential(&wrong).await;
    assert!(!directory.logs_in("erp", &directory.password().await).await);
    directory.rotate().await;
    assert!(directory.logs_in("erp", &directory.password().await).await);
}

#[actix_web::test]
async fn an_operator_without_a_right_password_changes_nothing() {
    let Some(directory) = Directory::start(|settings| settings.rotation.attempts = 1).await else { return };
    let wrong = super::credential("operator", crate::support::BIND_DN, "not the password");
    directory.client.save_credential(&wrong).await;
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let rotation = directory.rotation().await;
    assert_eq!((&rotation["problem"], &rotation["needs_decision"]), (&json!("denied"), &json!(true)));
    assert_eq!(directory.password().await, FIRST);
    assert!(directory.logs_in("erp", FIRST).await);
}

#[actix_web::test]
async fn a_read_says_that_a_newer_password_may_be_in_force() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    directory.rotate().await;
    let read = directory.client.get("/iso/pam/credential/erp").await;
    assert_eq!(read.header("password-state"), None);
    directory.server.stop();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let again = directory.client.get("/iso/pam/credential/erp").await;
    assert_eq!(again.header("password-state"), Some("unverified"));
    assert_eq!(again.json()["credential"]["password"], read.json()["credential"]["password"]);
}
