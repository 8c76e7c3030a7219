//! Requests for a change: by a client, by age, by the release of custody.

use std::time::Duration;

use chaveiro::config::Settings;
use chaveiro::vault::access::ClientAccess;
use chaveiro::vault::operation::Action;
use serde_json::json;

use super::{Directory, FIRST, ROTATE, ROTATION, credential, time_of_change};
use crate::support::TestApp;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[actix_web::test]
async fn a_password_is_changed_on_the_target_and_then_in_the_vault() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let before = time_of_change(&directory.client, "erp").await;
    directory.app.clock.advance(Duration::from_secs(1));
    let requested = directory.client.post(ROTATE, &json!({})).await.expect(201);
    assert_eq!((&requested["rotation"]["phase"], &requested["rotation"]["waiting"]), (&json!("idle"), &json!(1)));
    assert_eq!(directory.password().await, FIRST);
    assert!(directory.logs_in("erp", FIRST).await && directory.logs_in("neighbour", FIRST).await);

    assert_eq!(directory.run().await, 1);
    let password = directory.password().await;
    assert_eq!(password.len(), 24);
    assert!(directory.logs_in("erp", &password).await && !directory.logs_in("erp", FIRST).await);
    assert!(directory.logs_in("neighbour", FIRST).await);

    let rotation = directory.rotation().await;
    assert_eq!((&rotation["phase"], &rotation["needs_decision"]), (&json!("idle"), &json!(false)));
    assert_eq!(rotation["changed"], directory.app.clock.now().format("%Y-%m-%d %H:%M:%S").to_string());
    assert!(time_of_change(&directory.client, "erp").await > before);
    assert_eq!(directory.run().await, 0);
    let versions = directory.client.get("/iso/pam/credential/erp/versions").await.expect(200);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn each_step_is_recorded_before_it_is_made_and_names_who_makes_it() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.rotate().await;
    let events = [
        "rotation.opened",
        "rotation.identity-pinned",
        "rotation.change-started",
        "rotation.change-confirmed",
        "rotation.verified",
        "rotation.finished",
    ];
    assert_eq!(directory.events().await, events);
    let records = directory.app.records().await;
    let steps: Vec<_> = records.iter().filter(|record| record.actor == "system").collect();
    for event in events {
        let record = steps.iter().find(|record| record.action == event).unwrap_or_else(|| panic!("{event}"));
        assert_eq!(record.outcome, "ok");
        let by = if event == "rotation.change-started" { " by credential:1" } else { "" };
        assert_eq!(record.object, format!("credential:2{by}"), "{event}");
    }
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn a_release_of_custody_changes_the_password_once_for_each_time() {
    let Some(directory) = Directory::start(|settings| settings.rotation.after_release = true).await else { return };
    let release = async || {
        directory.client.get("/iso/pam/credential/erp").await.expect(200);
        directory.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
    };
    // The first change is one that somebody asks for.
    release().await;
    assert_eq!((directory.run().await, directory.password().await.as_str()), (0, FIRST));
    directory.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
    directory.rotate().await;

    let before = directory.password().await;
    directory.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
    assert_eq!(directory.run().await, 1);
    let after = directory.password().await;
    assert!(after != before && directory.logs_in("erp", &after).await && !directory.logs_in("erp", &before).await);
    directory.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
    release().await;
    let opened = || async { directory.events().await.iter().filter(|event| *event == "rotation.opened").count() };
    let count = opened().await;
    directory.run().await;
    assert_eq!((opened().await, directory.run().await), (count + 2, 0), "two releases");
}

/// Custody ends by itself, and a change follows.
fn with_custody_of_a_minute(settings: &mut Settings) {
    settings.rotation.after_release = true;
    settings.custody.seconds = 60;
}

#[actix_web::test]
async fn custody_that_expires_changes_the_password_once() {
    let Some(directory) = Directory::start(with_custody_of_a_minute).await else { return };
    let other = directory.app.second_node();
    let expire = async || {
        directory.app.clock.advance(Duration::from_secs(61));
        for vault in [&directory.app.vault, &other] {
            vault.refresh().await.unwrap();
        }
    };
    let look = async || {
        for vault in [&directory.app.vault, &other] {
            vault.schedule_jobs().await.unwrap();
            vault.run_due_jobs().await.unwrap();
        }
    };
    let opened = async || directory.events().await.iter().filter(|event| *event == "rotation.opened").count();
    directory.password().await;
    expire().await;
    look().await;
    assert_eq!(directory.run().await, 0, "the first change is one that somebody asks for");

    directory.rotate().await;
    let before = directory.password().await;
    look().await;
    assert_eq!((directory.run().await, opened().await), (0, 1), "it has not expired");
    expire().await;
    look().await;
    expire().await;
    look().await;
    directory.run().await;
    assert_eq!((opened().await, directory.run().await), (2, 0));
    let after = directory.password().await;
    assert!(after != before && directory.logs_in("erp", &after).await);

    // Taken again before anybody has looked: the one that expired counts, and is not found twice.
    expire().await;
    directory.password().await;
    look().await;
    directory.run().await;
    assert_eq!((opened().await, directory.run().await), (3, 0));
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn the_password_that_a_disabled_client_holds_is_changed() {
    let Some(directory) = Directory::start(|settings| settings.rotation.after_release = true).await else { return };
    directory.rotate().await;
    let before = directory.password().await;
    let permit = directory.app.operator(Action::AUTHORIZATION_DISABLE).await;
    directory.app.vault.disable_authorization(permit, &directory.client.client_id).await.unwrap();
    directory.app.clock.advance(Duration::from_secs(61));
    directory.app.vault.refresh().await.unwrap();
    directory.app.vault.schedule_jobs().await.unwrap();
    directory.app.vault.run_due_jobs().await.unwrap();
    directory.run().await;
    assert!(!directory.logs_in("erp", &before).await, "who was disabled knows it no more");
}

#[actix_web::test]
async fn custody_that_is_renewed_while_expired_ones_are_ended_is_not_recorded_as_ended() {
    let Some(directory) = Directory::start(with_custody_of_a_minute).await else { return };
    directory.client.save_credential(&credential("second", "second", FIRST)).await;
    directory.rotate().await;
    for key in ["erp", "second"] {
        directory.client.get(&format!("/iso/pam/credential/{key}")).await.expect(200);
    }
    // Both have expired when they are found; when the first one ends, the client of the second has it once more.
    let renewed = "UPDATE custody SET until = until + 1000000000 WHERE credential_id <> OLD.credential_id;";
    directory.app.database.run(&if directory.app.database.is_postgresql() {
        format!(
            "CREATE FUNCTION renew() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {renewed} RETURN OLD; END $$;
             CREATE TRIGGER renew AFTER DELETE ON custody FOR EACH ROW EXECUTE FUNCTION renew();"
        )
    } else {
        format!("CREATE TRIGGER renew AFTER DELETE ON custody BEGIN {renewed} END;")
    });
    directory.app.clock.advance(Duration::from_secs(61));
    directory.app.vault.refresh().await.unwrap();
    directory.app.vault.schedule_jobs().await.unwrap();
    directory.app.vault.run_due_jobs().await.unwrap();
    let records = directory.app.records().await;
    let ended: Vec<_> = records.iter().filter(|record| record.action == "custody.expire").collect();
    let outcomes: Vec<_> = ended.iter().map(|record| (record.object.as_str(), record.outcome.as_str())).collect();
    // In the order of the ids, as both ended at one time.
    assert!(
        outcomes.contains(&("credential:2", "ok")) && outcomes.contains(&("credential:3", "unchanged")),
        "{outcomes:?}"
    );
    assert_eq!(directory.run().await, 1);
}

#[actix_web::test]
async fn a_password_is_changed_when_it_reaches_its_age() {
    let Some(directory) = Directory::start(|settings| settings.rotation.after_days = 30).await else { return };
    let due = async || {
        directory.app.vault.schedule_jobs().await.unwrap();
        directory.app.vault.run_due_jobs().await.unwrap();
        directory.run().await
    };
    directory.app.clock.advance(DAY * 31);
    directory.app.vault.refresh().await.unwrap();
    assert_eq!(due().await, 0, "the first change is one that somebody asks for");
    let client = directory.client.with_token(&directory.client.fetch_token().await);
    client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    directory.app.clock.advance(DAY * 29);
    directory.app.vault.refresh().await.unwrap();
    assert_eq!(due().await, 0);
    directory.app.clock.advance(DAY * 2);
    directory.app.vault.refresh().await.unwrap();
    assert_eq!(due().await, 1);
    let client = directory.client.with_token(&directory.client.fetch_token().await);
    let rotation = client.get(ROTATION).await.expect(200);
    assert_eq!(rotation["rotation"]["changed"], directory.app.clock.now().format("%Y-%m-%d %H:%M:%S").to_string());
}

#[actix_web::test]
async fn of_two_nodes_one_makes_the_change() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let other = directory.app.second_node();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    let both = futures_util::future::join(directory.app.vault.run_due_rotations(), other.run_due_rotations()).await;
    assert_eq!((both.0.unwrap() + both.1.unwrap(), directory.events().await.len()), (1, 6));
    assert!(directory.logs_in("erp", &directory.password().await).await);
}

#[actix_web::test]
async fn what_cannot_be_changed_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("directory", "127.0.0.1").await;
    client.save_credential(&credential("erp", "erp", FIRST)).await;
    client.post(ROTATE, &json!({})).await.expect_refusal(400, "change_plugin");
    let mut with_plugin = credential("erp", "erp", FIRST);
    with_plugin["execution_settings"] = json!({ "change_plugin": "no such plugin" });
    client.save_credential(&with_plugin).await;
    client.post(ROTATE, &json!({})).await.expect_refusal(400, "change_plugin");
    with_plugin["execution_settings"] = json!({ "change_plugin": "OpenLDAP" });
    client.save_credential(&with_plugin).await;
    client.post(ROTATE, &json!({})).await.expect(201);
    let mut child = credential("child", "child", FIRST);
    child.as_object_mut().unwrap().remove("content");
    child["parent_password"] = json!(1);
    client.save_credential(&child).await;
    client.post(ROTATE, &json!({})).await.expect(201);
    client.post("/iso/pam/credential/child/rotate", &json!({})).await.expect_refusal(400, "parent_password");
    child["execution_settings"] = json!({ "change_plugin": "no such plugin" });
    client.save_credential(&child).await;
    client.post(ROTATE, &json!({})).await.expect_refusal(400, "change_plugin");
    client.post("/iso/pam/credential/nothing/rotate", &json!({})).await.expect_number(1007);
    let reader = app.client_with(|request| request.access = ClientAccess::ReadOnly).await;
    reader.post(ROTATE, &json!({})).await.expect_number(1039);
}
