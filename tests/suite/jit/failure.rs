//! What keeps an account from being created or removed, and what is left of an interruption.

use chaveiro::config::Settings;
use serde_json::{Value, json};

use super::{ACCOUNT, Directory, FIRST, credential, dn, jit_settings};
use crate::support::BIND_DN;

/// Lets the target be reached, or not: for accounts to come, and for the one that there is.
async fn reach(directory: &Directory, is_reached: bool) {
    let port = if is_reached { directory.server.tls_port() } else { 9 };
    directory.app.database.run(&format!("UPDATE device SET connectivities = 'LDAPS:{port}'"));
    directory.app.database.run(&format!("UPDATE jit_account SET port = {port}"));
    // Another port is another service, whose identity is pinned on its first use.
    directory.app.database.run("DELETE FROM target_identity");
    // The administrator is named again, for the other port.
    let mut account = credential("temp", &dn("temp"));
    account["connectivities"] = json!(format!("LDAPS:{port}"));
    account["jit_settings"] = jit_settings("creation_and_deletion", "openldap", BIND_DN, "directory");
    directory.client.save_credential(&account).await;
}

/// The metrics: how many accounts there are, and how many are to be removed.
async fn figures(directory: &Directory) -> (f64, f64) {
    let figure = async |series: &str| directory.app.figure(&directory.client, series).await;
    (figure("just_in_time_accounts").await, figure("just_in_time_accounts_removing").await)
}

fn shown(account: &Value) -> (&str, &str, u64) {
    (
        account["state"].as_str().unwrap(),
        account["problem"].as_str().unwrap_or(""),
        account["attempts"].as_u64().unwrap(),
    )
}

#[actix_web::test]
async fn an_account_that_existed_before_is_neither_given_out_nor_removed() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    directory.save("temp", "theirs", "creation_and_deletion").await;
    directory.client.get(ACCOUNT).await.expect_refusal(409, "has an account of this name already");
    directory.release().await.expect_number(1018);
    assert_eq!(shown(&directory.account().await), ("absent", "existed-before", 0));
    assert_eq!(directory.run().await, 0);
    assert!(directory.logs_in("theirs", FIRST).await);
}

#[actix_web::test]
async fn a_target_that_cannot_be_reached_is_told_and_custody_is_not_taken() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    reach(&directory, false).await;
    let refused = directory.client.get(ACCOUNT).await;
    refused.expect_refusal(503, "was not created on its target: the target cannot be reached");
    assert!(refused.header("retry-after").is_some());
    directory.release().await.expect_number(1018);
    assert_eq!(shown(&directory.account().await), ("absent", "unreachable", 0));
    reach(&directory, true).await;
    assert!(directory.logs_in("temp", &directory.take().await).await);
}

#[actix_web::test]
async fn a_removal_is_tried_again_after_pauses_and_a_client_does_not_get_the_account_meanwhile() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    let first = directory.take().await;
    assert_eq!(figures(&directory).await, (1.0, 0.0));
    reach(&directory, false).await;
    directory.release().await.expect(200);
    assert_eq!((directory.run().await, directory.run().await), (1, 0));
    let account = directory.account().await;
    assert_eq!(shown(&account), ("removing", "unreachable", 1));
    assert_eq!(figures(&directory).await, (0.0, 1.0));
    assert_ne!(account["due"], account["since"]);
    directory.client.get(ACCOUNT).await.expect_refusal(503, "the target cannot be reached");
    directory.release().await.expect_number(1018);
    assert_eq!(shown(&directory.account().await), ("removing", "unreachable", 2));

    directory.advance(30).await;
    assert_eq!(directory.run().await, 0, "the pause has doubled");
    reach(&directory, true).await;
    assert!(directory.logs_in("temp", &first).await);
    directory.advance(31).await;
    assert_eq!(directory.run().await, 1);
    assert!(!directory.exists("temp").await);
    assert_eq!(shown(&directory.account().await), ("absent", "", 0));
    assert_eq!(directory.count("jit.removal-failed").await, 2);
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn a_target_with_another_identity_is_sent_nothing_until_somebody_trusts_it() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let first = directory.take().await;
    let identity = directory.app.database.texts("SELECT identity FROM target_identity").remove(0);
    let trust = async || directory.decide(&json!({ "decision": "trust-identity", "identity": identity })).await;
    directory.app.database.run(&format!("UPDATE target_identity SET identity = 'SHA256:{}'", "A".repeat(43)));
    directory.release().await.expect(200);
    assert_eq!(directory.run().await, 1);
    assert_eq!(shown(&directory.account().await), ("removing", "identity-changed", 1));
    assert!(directory.logs_in("temp", &first).await);
    trust().await.expect(201);
    assert_eq!((directory.run().await, directory.exists("temp").await), (1, false));

    directory.app.database.run(&format!("UPDATE target_identity SET identity = 'SHA256:{}'", "A".repeat(43)));
    directory.client.get(ACCOUNT).await.expect_refusal(409, "another identity");
    assert_eq!(shown(&directory.account().await), ("absent", "identity-changed", 0));
    trust().await.expect(201);
    assert!(directory.logs_in("temp", &directory.take().await).await);
    assert_eq!(trust().await.status, 400, "there is nothing to decide");
}

#[actix_web::test]
async fn an_account_is_removed_from_where_it_was_created_whatever_its_device_says_since() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let first = directory.take().await;
    let port = directory.server.tls_port();
    directory.app.database.run("UPDATE device SET ip = '127.0.0.2', connectivities = 'LDAPS:9'");
    directory.app.database.run("DELETE FROM target_identity");
    let account = directory.account().await;
    assert_eq!((&account["host"], &account["port"]), (&json!("127.0.0.1"), &json!(port)));
    directory.release().await.expect(200);
    assert_eq!(directory.run().await, 1);
    assert_eq!(shown(&directory.account().await), ("absent", "", 0));
    assert!(!directory.logs_in("temp", &first).await && !directory.exists("temp").await);
    // Nothing was pinned for where the device points now.
    assert!(directory.app.database.texts("SELECT identity FROM target_identity").is_empty());
}

#[actix_web::test]
async fn a_person_lets_an_account_be_looked_for_at_once_or_where_its_device_points_now() {
    let Some(directory) = Directory::start(|_| {}).await else { return };
    let (retry, follow) = (json!({ "decision": "retry" }), json!({ "decision": "follow-device" }));
    directory.take().await;
    assert_eq!(directory.decide(&follow).await.status, 400, "it is in custody");
    let port = directory.server.tls_port();
    directory.app.database.run("UPDATE jit_account SET port = 9");
    // It ends custody, too.
    directory.client.delete(ACCOUNT).await.expect(200);
    assert_eq!(directory.run().await, 1);
    assert_eq!(shown(&directory.account().await), ("removing", "unreachable", 1));

    assert_eq!(directory.decide(&retry).await.expect(201)["rotation"]["account"]["port"], json!(9));
    assert_eq!(directory.run().await, 1);
    assert_eq!(shown(&directory.account().await), ("removing", "unreachable", 2));

    assert_eq!(directory.decide(&follow).await.expect(201)["rotation"]["account"]["port"], json!(port));
    assert_eq!((directory.run().await, directory.exists("temp").await), (1, false));
    assert_eq!(shown(&directory.account().await), ("absent", "", 0));
    assert_eq!(directory.decide(&follow).await.status, 400, "it is removed");
    directory.app.database.run("UPDATE jit_account SET state = 'removing', problem = 'unknown', attempts = 1");
    for decision in [&retry, &follow] {
        assert_eq!(directory.decide(decision).await.status, 400, "the creation may still be carried out");
    }
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn the_name_in_the_directory_is_that_of_the_creation() {
    let named = |name: &str| {
        let options = [("user-dn".to_string(), name.to_string())].into();
        move |settings: &mut Settings| settings.rotation.options = [("openldap".to_string(), options)].into()
    };
    let Some(directory) = Directory::start(named(&dn("{username}"))).await else { return };
    let mut account = credential("temp", "temp");
    account["jit_settings"] = jit_settings("creation_and_deletion", "openldap", BIND_DN, "directory");
    directory.client.save_credential(&account).await;
    assert!(directory.logs_in("temp", &directory.take().await).await);
    directory.release().await.expect(200);

    let node = directory.app.second_node_with(named("cn={username},ou=elsewhere"));
    assert_eq!(node.run_due_rotations().await.unwrap(), 1);
    assert!(!directory.exists("temp").await);
}

#[actix_web::test]
async fn what_an_interrupted_creation_has_left_is_removed() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    let interrupted = "DELETE FROM custody; UPDATE jit_account SET state = 'creating'; \
                       UPDATE job SET state = 'running', lease_until = due_at WHERE kind = 'jit.account' AND state = 'queued'";
    for is_taken_anew in [false, true] {
        let first = directory.take().await;
        directory.app.database.run(interrupted);
        directory.advance(61).await;
        if is_taken_anew {
            let second = directory.take().await;
            assert!(directory.logs_in("temp", &second).await);
        } else {
            assert_eq!(directory.run().await, 1);
            assert!(!directory.exists("temp").await);
        }
        assert!(!directory.logs_in("temp", &first).await);
    }
}

#[actix_web::test]
async fn an_account_whose_client_has_gone_before_custody_is_removed() {
    let Some(mut directory) = Directory::start(|_| {}).await else { return };
    directory.take().await;
    directory.app.database.run("DELETE FROM custody");
    assert_eq!(directory.run().await, 0, "its client may be about to take it");
    directory.advance(61).await;
    assert_eq!(directory.run().await, 1);
    assert!(!directory.exists("temp").await);
    assert_eq!(directory.count("jit.removal-started").await, 1);
    assert_eq!(directory.account().await["state"], json!("absent"));
}
