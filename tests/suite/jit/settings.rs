//! Settings that cannot be followed, and changes of settings.

use serde_json::{Value, json};

use super::{ACCOUNT, Directory, FIRST, credential, dn, jit_settings};
use crate::support::BIND_DN;

#[actix_web::test]
async fn settings_that_cannot_be_followed_are_refused_by_name() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let save = async |settings: Value| {
        let mut account = credential("temp", &dn("temp"));
        account["jit_settings"] = settings;
        directory.client.save_credential(&account).await;
    };
    let whole = jit_settings("creation_and_deletion", "openldap", BIND_DN, "directory");
    for (name, value, refused) in [
        ("credential_creation_plugin", json!("Windows RM"), "jit_settings"),
        ("credential_creation_plugin", json!("mysql"), "jit_settings"),
        ("credential_creation_plugin", json!(""), "jit_settings"),
        ("credential_deletion_plugin", json!("postgresql"), "jit_settings"),
        ("credential_creation_template", json!("Some template"), "jit_settings"),
        ("use_own_credential_to_connect", json!(true), "authentication_credential"),
    ] {
        save(whole.clone()).await;
        save(json!({ name: value })).await;
        directory.client.get(ACCOUNT).await.expect_refusal(400, refused);
        save(json!({ name: "" })).await;
    }
    save(whole.clone()).await;
    save(json!({ "credential_creation_template": "default", "credential_deletion_template": "Default",
                 "credential_deletion_plugin": "OpenLDAP" }))
    .await;
    assert!(directory.logs_in("temp", &directory.take().await).await);
    let rotated = directory.client.post("/iso/pam/credential/temp/rotate", &json!({})).await;
    rotated.expect_refusal(400, "jit_settings");

    // An administrator that clients may not use any more creates no account, and removes those that it has created.
    directory.client.delete("/iso/pam/credential/operator").await.expect(200);
    directory.release().await.expect(200);
    directory.run().await;
    assert!(!directory.exists("temp").await);
    directory.client.get(ACCOUNT).await.expect_refusal(400, "authentication_credential");
}

#[actix_web::test]
async fn a_password_that_credentials_share_belongs_to_no_such_account() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let mut child = credential("child", &dn("child"));
    child["parent_password"] = json!(2);
    directory.client.save_credential(&child).await;
    for identifier in ["temp", "child"] {
        let path = format!("/iso/pam/credential/{identifier}");
        directory.client.get(&path).await.expect_refusal(400, "parent_password");
    }
    assert!(!directory.exists("temp").await && !directory.exists("child").await);
}

#[actix_web::test]
async fn settings_hold_for_the_next_custody_and_the_account_goes_as_it_came() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let mut account = credential("plain", &dn("plain"));
    account["content"] = json!(FIRST);
    directory.client.save_credential(&account).await;
    assert_eq!(directory.client.password("plain").await, FIRST);
    directory.save("plain", "plain", "creation_and_deletion").await;
    let fresh = directory.client.password("plain").await;
    assert!(fresh != FIRST && directory.logs_in("plain", fresh.as_str().unwrap()).await);

    // The account goes although the settings no longer say so.
    account["jit_settings"] = json!({ "jit": false });
    account.as_object_mut().unwrap().remove("content");
    directory.client.save_credential(&account).await;
    assert!(directory.exists("plain").await);
    directory.client.delete("/iso/pam/credential/custody/plain").await.expect(200);
    directory.run().await;
    assert!(!directory.exists("plain").await && directory.client.password("plain").await.is_null());
}

#[actix_web::test]
async fn while_the_account_exists_its_password_and_its_name_are_not_saved() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let password = directory.take().await;
    let mut other = credential("temp", &dn("temp"));
    // An inventory that sends what it has read changes nothing.
    other["content"] = json!(password);
    directory.client.save_credential(&other).await;
    other["content"] = json!(FIRST);
    directory.client.post("/iso/pam/credential", &other).await.expect_refusal(400, "content");
    let renamed = credential("temp", &dn("renamed"));
    directory.client.post("/iso/pam/credential", &renamed).await.expect_refusal(400, "username");
    assert_eq!(directory.take().await, password);
    directory.release().await.expect(200);
    // Not before it is removed.
    directory.client.post("/iso/pam/credential", &renamed).await.expect_refusal(400, "username");
    directory.run().await;
    directory.client.save_credential(&renamed).await;
    let password = directory.take().await;
    assert!(directory.logs_in("renamed", &password).await && !directory.exists("temp").await);
    // A former password is no more that of this account than one that is sent.
    let restore = directory.client.post("/iso/pam/credential/temp/versions/1/restore", &json!({})).await;
    restore.expect_refusal(400, "content");
    assert_eq!(directory.take().await, password);
}

#[actix_web::test]
async fn settings_that_are_only_stored_create_nothing() {
    let Some(directory) = Directory::start(|settings| settings.rotation.just_in_time = false).await else { return };
    let mut account = credential("temp", &dn("temp"));
    account["content"] = json!(FIRST);
    directory.client.save_credential(&account).await;
    assert_eq!(directory.take().await, FIRST);
    directory.release().await.expect(200);
    assert_eq!((directory.run().await, directory.exists("temp").await), (0, false));
}

#[actix_web::test]
async fn an_account_that_exists_just_in_time_creates_no_other_one() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let mut operator = credential("operator", BIND_DN);
    operator["jit_settings"] = jit_settings("enable_disable", "openldap", &dn("temp"), "directory");
    directory.client.save_credential(&operator).await;
    directory.client.get(ACCOUNT).await.expect_refusal(400, "authentication_credential");
    assert!(!directory.exists("temp").await);
}
