//! Passwords that several accounts share: the parent changes first, and all get one value.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Directory, FIRST, ROTATE, credential, dn};
use crate::support::{BIND_DN, BIND_PASSWORD};

const CHILD: &str = "/iso/pam/credential/neighbour";

/// A child with a target of its own, by the id of its parent.
fn child(identifier: &str, parent: u32) -> Value {
    let mut child = credential(identifier, &dn(identifier), "");
    child.as_object_mut().unwrap().remove("content");
    child["parent_password"] = json!(parent);
    child["execution_settings"] = json!({
        "change_plugin": "openldap", "use_own_credential_to_connect": false, "authentication_credential": BIND_DN,
        "authentication_hostname": "directory", "authentication_ip": "127.0.0.1",
    });
    child
}

/// `neighbour` as the child of `erp`, on another device.
fn child_on_standby() -> Value {
    let mut neighbour = child("neighbour", 2);
    (neighbour["hostname"], neighbour["ip"]) = (json!("standby"), json!("127.0.0.2"));
    neighbour
}

/// `neighbour` as the child of `erp`, on a target that cannot be reached.
async fn unreachable_child(directory: &Directory) {
    let standby = json!({ "hostname": "standby", "ip": "127.0.0.2", "type": "Server", "vendor": "OpenLDAP",
                          "model": "2.6", "site": "Default",
                          "connectivities": format!("LDAPS:{}", directory.server.tls_port()) });
    directory.client.post("/iso/pam/device", &standby).await.expect(201);
    directory.client.save_credential(&child_on_standby()).await;
}

/// Lets the target of the child be reached from now on.
async fn reach(directory: &Directory) {
    directory.app.database.run("UPDATE device SET ip = '127.0.0.1' WHERE hostname = 'standby'");
    // The administrator is named again, for the other address.
    let mut neighbour = child_on_standby();
    neighbour["ip"] = json!("127.0.0.1");
    directory.client.save_credential(&neighbour).await;
    directory.app.clock.advance(Duration::from_secs(300));
    directory.app.vault.refresh().await.unwrap();
}

async fn password(directory: &Directory, identifier: &str) -> String {
    directory.client.password(identifier).await.as_str().unwrap().to_string()
}

async fn rotation(directory: &Directory, identifier: &str) -> Value {
    let path = format!("/iso/pam/credential/{identifier}/rotation");
    directory.client.get(&path).await.expect(200)["rotation"].take()
}

#[actix_web::test]
async fn parents_change_before_their_children_and_all_get_one_value() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.client.save_credential(&child("neighbour", 2)).await;
    directory.client.save_credential(&child("third", 3)).await;
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let value = directory.password().await;
    assert_ne!(value, FIRST);
    for name in ["erp", "neighbour", "third"] {
        assert_eq!(password(&directory, name).await, value, "{name}");
        assert!(directory.logs_in(name, &value).await && !directory.logs_in(name, FIRST).await, "{name}");
        let rotation = rotation(&directory, name).await;
        assert_eq!((&rotation["phase"], &rotation["waiting"]), (&json!("idle"), &json!(0)), "{name}");
    }
    let records = directory.app.records().await;
    let steps = records.iter().filter(|record| record.action.starts_with("rotation.")).map(|record| {
        let id = record.object.split(' ').next().unwrap().to_string();
        (record.action.clone(), id)
    });
    let mut steps: Vec<_> =
        steps.filter(|(event, _)| event.ends_with("change-started") || event.ends_with("verified")).collect();
    let mut expected: Vec<_> = [2, 3, 4]
        .iter()
        .flat_map(|id| {
            ["rotation.change-started", "rotation.verified"]
                .map(|event| (event.to_string(), format!("credential:{id}")))
        })
        .collect();
    if directory.app.database.is_postgresql() {
        // Each writer has a chain of its own: records of several have no order among them.
        steps.sort_unstable();
        expected.sort_unstable();
    }
    assert_eq!(steps, expected);
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn a_chain_that_is_half_done_goes_on_after_a_restart() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    unreachable_child(&directory).await;
    directory.rotate().await;
    let value = directory.password().await;
    assert!(directory.logs_in("erp", &value).await && directory.logs_in("neighbour", FIRST).await);
    assert_eq!(password(&directory, "neighbour").await, FIRST, "the value that is in force there");
    let half_done = rotation(&directory, "neighbour").await;
    assert_eq!((&half_done["phase"], &half_done["cause"]), (&json!("unreachable"), &json!("parent")));

    reach(&directory).await;
    let other = directory.app.second_node();
    other.refresh().await.unwrap();
    assert_eq!(other.run_due_rotations().await.unwrap(), 1);
    assert_eq!((directory.password().await, password(&directory, "neighbour").await), (value.clone(), value.clone()));
    assert!(directory.logs_in("neighbour", &value).await && !directory.logs_in("neighbour", FIRST).await);
    assert_eq!(other.run_due_rotations().await.unwrap(), 0);
}

#[actix_web::test]
async fn a_child_gets_the_newest_of_several_values_whatever_the_parent_keeps() {
    let Some(directory) = Directory::start(|settings| settings.history.versions = 1).await else { return };
    unreachable_child(&directory).await;
    for _ in 0..3 {
        directory.rotate().await;
    }
    assert_eq!(password(&directory, "neighbour").await, FIRST);
    let saved = credential("erp", &dn("erp"), "set by hand");
    directory.client.save_credential(&saved).await;
    assert_eq!(password(&directory, "neighbour").await, FIRST);
    reach(&directory).await;
    directory.run().await;
    assert_eq!(password(&directory, "neighbour").await, "set by hand");
    assert!(directory.logs_in("neighbour", "set by hand").await);
    assert_eq!(rotation(&directory, "neighbour").await["waiting"], json!(0));
}

#[actix_web::test]
async fn another_parent_waits_for_the_end_of_a_change_and_what_is_in_force_stays() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    unreachable_child(&directory).await;
    directory.rotate().await;
    let mut orphan = json!({ "hostname": "standby", "ip": "127.0.0.2", "username": dn("neighbour"),
                             "identifier": "neighbour", "parent_password": 0 });
    directory.client.post("/iso/pam/credential", &orphan).await.expect_refusal(400, "parent_password");
    // The value of its parent is no content of its own, and the one of its target is.
    orphan.as_object_mut().unwrap().remove("parent_password");
    orphan["content"] = json!(FIRST);
    directory.client.post("/iso/pam/credential", &orphan).await.expect(201);
    orphan["content"] = json!("another");
    directory.client.post("/iso/pam/credential", &orphan).await.expect_refusal(400, "content");

    let decision = json!({ "decision": "keep-current" });
    directory.client.post(&format!("{CHILD}/rotation/decision"), &decision).await.expect(201);
    assert_eq!(password(&directory, "neighbour").await, FIRST);
    orphan.as_object_mut().unwrap().remove("content");
    orphan["parent_password"] = json!(0);
    directory.client.post("/iso/pam/credential", &orphan).await.expect(201);
    assert_eq!(password(&directory, "neighbour").await, FIRST);
    assert_ne!(directory.password().await, FIRST);
}

#[actix_web::test]
async fn a_child_without_a_target_has_the_new_value_at_once() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let mut alias = child("alias", 2);
    alias.as_object_mut().unwrap().remove("execution_settings");
    directory.client.save_credential(&alias).await;
    directory.client.save_credential(&child("neighbour", 3)).await;
    directory.client.post("/iso/pam/credential/alias/rotate", &json!({})).await.expect_refusal(400, "parent_password");
    directory.rotate().await;
    let value = directory.password().await;
    assert_eq!((password(&directory, "alias").await, password(&directory, "neighbour").await), (value.clone(), value));
    assert!(directory.logs_in("neighbour", &directory.password().await).await);
}

#[actix_web::test]
async fn a_release_of_a_child_changes_the_value_that_was_given_out() {
    let Some(directory) = Directory::start(|settings| settings.rotation.after_release = true).await else { return };
    directory.client.save_credential(&child("neighbour", 2)).await;
    directory.rotate().await;
    let before = password(&directory, "neighbour").await;
    directory.client.delete("/iso/pam/credential/custody/neighbour").await.expect(200);
    directory.run().await;
    let after = directory.password().await;
    assert_ne!(after, before);
    assert_eq!(password(&directory, "neighbour").await, after);
    assert!(directory.logs_in("erp", &after).await && directory.logs_in("neighbour", &after).await);
}

#[actix_web::test]
async fn an_operator_that_shares_a_password_logs_in_with_it() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.client.save_credential(&credential("administrator", "cn=administrator", BIND_PASSWORD)).await;
    let mut operator = credential("operator", BIND_DN, "");
    operator.as_object_mut().unwrap().remove("content");
    operator["parent_password"] = json!(3);
    directory.client.save_credential(&operator).await;
    directory.app.database.run("DELETE FROM secret WHERE owner_id = 1; DELETE FROM secret_head WHERE owner_id = 1");
    directory.rotate().await;
    assert!(directory.logs_in("erp", &directory.password().await).await);
}
