//! The account comes with custody and goes with it.

use std::time::Duration;

use chaveiro::vault::operation::Action;
use futures_util::future::join_all;
use ldap3::Mod;
use reqwest::Method;
use serde_json::json;

use super::{ACCOUNT, CUSTODY, Directory, FIRST, dn};
use crate::support::APPLICATION;

#[actix_web::test]
async fn an_account_exists_while_it_is_in_custody_each_time_with_another_password() {
    let Some(directory) = Directory::start(|settings| settings.vault_kv.enabled = true).await else { return };
    let without_custody =
        async || directory.client.get("/v1/secret/data/temp").await.expect(200)["data"]["data"]["password"].take();
    assert!(!directory.exists("temp").await && without_custody().await.is_null());
    assert!(directory.account().await.is_null());

    let first = directory.take().await;
    assert_eq!(first.len(), 24);
    assert!(directory.logs_in("temp", &first).await);
    assert_eq!((directory.take().await, directory.run().await), (first.clone(), 0));
    assert_eq!(without_custody().await, json!(first));
    let account = directory.account().await;
    assert_eq!((&account["state"], &account["mode"]), (&json!("present"), &json!("create")));

    directory.release().await.expect(200);
    assert_eq!(directory.account().await["state"], json!("removing"));
    assert!(without_custody().await.is_null());
    assert_eq!(directory.run().await, 1);
    assert!(!directory.exists("temp").await && directory.exists("theirs").await);
    let account = directory.account().await;
    assert_eq!((&account["state"], &account["problem"]), (&json!("absent"), &json!(null)));
    directory.release().await.expect_number(1018);

    let second = directory.take().await;
    assert!(second != first && directory.logs_in("temp", &second).await);
    // Its job has not run yet: the client that takes the account anew removes the former one.
    directory.release().await.expect(200);
    let third = directory.take().await;
    assert!(third != second && directory.logs_in("temp", &third).await && !directory.logs_in("temp", &second).await);
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn each_step_is_recorded_and_what_may_exist_before_it_does() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.take().await;
    directory.release().await.expect(200);
    directory.run().await;
    let records = directory.app.records().await;
    let is_step = |action: &str| action.starts_with("jit.") || ["credential.read", "custody.release"].contains(&action);
    let steps = records.iter().filter(|record| is_step(&record.action));
    let mut steps: Vec<_> = steps.map(|record| (record.action.as_str(), record.outcome.as_str())).collect();
    let mut expected = [
        ("credential.read", "account-absent"),
        ("jit.requested", "ok"),
        ("jit.identity-pinned", "ok"),
        ("jit.created", "ok"),
        ("credential.read", "ok"),
        ("custody.release", "ok"),
        ("jit.removed", "ok"),
    ];
    if directory.app.database.is_postgresql() {
        // Each writer has a chain of its own: records of several have no order among them.
        steps.sort_unstable();
        expected.sort_unstable();
    }
    assert_eq!(steps, expected);
    let requested = records.iter().find(|record| record.action == "jit.requested").unwrap();
    assert_eq!(requested.object, "credential:2 by credential:1");
    assert!(requested.actor != "system");
}

#[actix_web::test]
async fn of_several_clients_at_once_one_creates_the_account() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let passwords = join_all((0..6).map(|_| directory.take())).await;
    assert!(passwords.iter().all(|password| *password == passwords[0]), "one password");
    assert!(directory.logs_in("temp", &passwords[0]).await);
    assert_eq!(directory.count("jit.created").await, 1);
}

#[actix_web::test]
async fn an_account_goes_when_custody_has_expired_and_not_before() {
    let Some(mut directory) = Directory::start(|settings| settings.custody.seconds = 300).await else { return };
    let first = directory.take().await;
    for _ in 0..4 {
        directory.advance(61).await;
        assert_eq!(directory.run().await, 1, "it looks whether it is still in custody");
        assert!(directory.logs_in("temp", &first).await);
    }
    directory.advance(61).await;
    directory.run().await;
    assert!(!directory.exists("temp").await);
    assert_eq!(directory.run().await, 0);

    // Taken anew before anybody has looked: the account of the time that is over is not given out again.
    let second = directory.take().await;
    directory.advance(301).await;
    let third = directory.take().await;
    assert!(third != second && directory.logs_in("temp", &third).await && !directory.logs_in("temp", &second).await);
}

#[actix_web::test]
async fn deactivating_a_credential_or_its_device_removes_the_account() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    directory.take().await;
    directory.client.delete(ACCOUNT).await.expect(200);
    directory.run().await;
    assert!(!directory.exists("temp").await);
    directory.client.get(ACCOUNT).await.expect_number(1008);
    assert!(!directory.exists("temp").await);

    directory.client.put(ACCOUNT).await.expect(200);
    directory.take().await;
    directory.client.delete("/iso/pam/device/directory").await.expect(200);
    directory.advance(61).await;
    directory.run().await;
    assert!(!directory.exists("temp").await);
}

#[actix_web::test]
async fn an_account_is_enabled_and_disabled() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.save("temp", "theirs", "enable_disable").await;
    let password = directory.take().await;
    assert!(directory.logs_in("theirs", &password).await && !directory.logs_in("theirs", FIRST).await);
    assert_eq!(directory.account().await["mode"], "enable");
    directory.release().await.expect(200);
    directory.run().await;
    assert!(directory.exists("theirs").await && !directory.logs_in("theirs", &password).await);
    let again = directory.take().await;
    assert!(again != password && directory.logs_in("theirs", &again).await);
}

#[actix_web::test]
async fn a_repeated_request_does_not_give_the_password_of_an_account_that_is_gone() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let sent = async || {
        let request = directory.client.request(Method::POST, "/iso/pam/use").header("Idempotency-Key", "one");
        directory.client.send(request.json(&json!({ "identifier": "temp" }))).await
    };
    let first = sent().await.expect(200)["credential"]["password"].clone();
    assert!(directory.logs_in("temp", first.as_str().unwrap()).await);
    assert_eq!(sent().await.expect(200)["credential"]["password"], first);
    directory.client.delete(CUSTODY).await.expect(200);
    sent().await.expect_number(1018);
    directory.run().await;
    sent().await.expect_number(1018);
    assert!(!directory.exists("temp").await);
    directory.take().await;
    sent().await.expect_number(1018);
}

#[actix_web::test]
async fn former_passwords_and_batches_create_no_account() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.take().await;
    directory.release().await.expect(200);
    directory.run().await;
    let versions = directory.client.get("/iso/pam/credential/temp/versions").await.expect(200);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
    let path = "/iso/pam/credential/temp/versions/1";
    directory.client.get(path).await.expect_refusal(409, "exists only while");
    let batch = json!({ "items": [{ "read": "temp" }] });
    let answer = directory.client.post("/iso/pam/credential/batch", &batch).await;
    assert!(answer.text.contains("exists only while"), "{}", answer.text);
    assert!(!directory.exists("temp").await);
}

#[actix_web::test]
async fn an_account_that_somebody_has_made_in_its_place_stays() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.take().await;
    let described = Mod::Replace("description", ["an account of a person"].into());
    assert_eq!(directory.server.administrator().await.modify(&dn("temp"), vec![described]).await.unwrap().rc, 0);
    directory.release().await.expect(200);
    assert_eq!((directory.run().await, directory.run().await), (1, 0));
    assert!(directory.exists("temp").await);
    let account = directory.account().await;
    assert_eq!((&account["state"], &account["problem"]), (&json!("absent"), &json!("not-ours")));
    directory.client.get(ACCOUNT).await.expect_refusal(409, "has an account of this name already");
}

#[actix_web::test]
async fn the_account_of_a_disabled_client_or_application_is_removed() {
    for of_application in [false, true] {
        let Some(directory) = Directory::start(|_| {}).await else { return };
        let password = directory.take().await;
        assert_eq!(directory.run().await, 0);
        let vault = &directory.app.vault;
        if of_application {
            let permit = directory.app.operator(Action::APPLICATION_DISABLE).await;
            vault.disable_application(permit, APPLICATION).await.unwrap();
        } else {
            let permit = directory.app.operator(Action::AUTHORIZATION_DISABLE).await;
            vault.disable_authorization(permit, &directory.client.client_id).await.unwrap();
        }
        // The job of the account looks each minute.
        directory.app.clock.advance(Duration::from_secs(61));
        assert_eq!(directory.run().await, 1);
        assert!(!directory.logs_in("temp", &password).await && !directory.exists("temp").await);
    }
}
