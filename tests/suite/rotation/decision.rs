//! Rotations that do not go on by themselves.

use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{ClientAccess, Resource};
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

#[actix_web::test]
async fn a_read_can_be_refused_while_a_newer_password_may_be_in_force() {
    const READ: &str = "/iso/pam/credential/erp?fail_on_change=true";
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    directory.rotate().await;
    let password = directory.client.get(READ).await.expect(200)["credential"]["password"].take();
    directory.server.stop();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.client.get(READ).await.expect(200);
    directory.run().await;
    let held = "SELECT CAST(authorization_id AS TEXT) FROM custody";
    for custody in ["held", "not held"] {
        directory.client.get(&READ.replace('_', "%5F")).await.expect(409);
        let refused = directory.client.get(READ).await;
        assert_eq!((refused.status.as_u16(), refused.header("password-state")), (409, None), "{custody}");
        assert!(!refused.text.contains(password.as_str().unwrap()));
        for path in ["/iso/pam/credential/erp", "/iso/pam/credential/erp?fail_on_change=false"] {
            assert_eq!(directory.client.get(path).await.expect(200)["credential"]["password"], password);
        }
        directory.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
        directory.client.get(READ).await.expect(409);
        assert!(directory.app.database.texts(held).is_empty(), "a refused read takes no custody");
    }
    directory.client.get("/iso/pam/credential/erp?fail_on_change=perhaps").await.expect_refusal(400, "fail_on_change");
    let decision = json!({ "decision": "keep-current" });
    directory.client.post(DECISION, &decision).await.expect(201);
    directory.client.get(READ).await.expect(200);
    let records = directory.app.records().await;
    assert!(records.iter().any(|record| record.action == "credential.read" && record.outcome == "being-changed"));
}

#[actix_web::test]
async fn an_application_by_its_app_id_hears_of_a_change() {
    let Some(mut directory) = Directory::start(|settings| settings.ccp.enabled = true).await else { return };
    let by_app_id = |request: &mut AuthorizationRequest| {
        request.resources = vec![Resource::AppId];
        request.access = ClientAccess::ReadOnly;
        request.allowed_ips = vec!["127.0.0.1".into()];
    };
    let robot = directory.app.unauthenticated_client(by_app_id).await;
    directory.app.link(&robot, LinkTarget::Device("directory".into())).await;
    directory.app.vault.refresh().await.unwrap();
    let read = async |more: &str| {
        let path = format!("/AIMWebService/api/Accounts?AppID={}&Object=erp{more}", robot.client_id);
        let answer = robot.get(&path).await;
        (answer.status.as_u16(), answer.json())
    };
    directory.rotate().await;
    let (status, before) = read("&FailRequestOnPasswordChange=True").await;
    assert_eq!((status, &before["PasswordChangeInProcess"]), (200, &json!("False")));
    directory.server.stop();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let (status, refused) = read("&FailRequestOnPasswordChange=True").await;
    assert_eq!((status, &refused["ErrorCode"]), (500, &json!("APPAP282E")));
    for more in ["", "&FailRequestOnPasswordChange=False"] {
        let (status, read) = read(more).await;
        assert_eq!((status, &read["PasswordChangeInProcess"]), (200, &json!("True")));
        assert_eq!(read["Content"], before["Content"]);
    }
}
