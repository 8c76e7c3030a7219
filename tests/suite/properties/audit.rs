//! The audit log: one record for each request, in a chain that shows every change.

use std::time::Duration;

use chaveiro::audit::Break;
use chaveiro::vault::audit_prune::PruneError;
use chaveiro::vault::operation::Action;
use serde_json::json;

use crate::support::{TestApp, device};

/// A vault with one chain of records, in the order in which things happened.
async fn vault() -> TestApp {
    TestApp::start_with(|settings| settings.store.writers = 1).await
}

async fn verify(app: &TestApp) -> Option<String> {
    let found = app.verify_audit().await;
    found.broken.map(|broken| broken.to_string())
}

#[actix_web::test]
async fn every_authenticated_request_leaves_exactly_one_record() {
    let app = vault().await;
    let client = app.client().await;
    let read_only = app.read_only_client().await;
    let before = app.records().await.len();
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    let answers = [
        client.post("/iso/pam/device", &device("a", "10.0.0.1")).await,
        client.get("/iso/pam/device").await,
        client.get("/iso/pam/device/a").await,
        client.get("/iso/pam/device/nowhere").await,
        client.post("/iso/pam/credential", &sent).await,
        client.get("/iso/pam/credential/i").await,
        client.get("/iso/pam/credential").await,
        read_only.get("/iso/pam/credential/i").await,
        read_only.post("/iso/pam/credential", &sent).await,
        client.post("/iso/pam/credential", &json!({ "hostname": [] })).await,
        client.delete("/iso/pam/credential/custody/i").await,
        client.delete("/iso/pam/credential/i").await,
        client.put("/iso/pam/credential/i").await,
        client.get("/iso/nothing").await,
        client.send(client.request(reqwest::Method::PATCH, "/iso/pam/device")).await,
    ];
    let written = app.records().await.split_off(before);
    let expected = [
        ("device.save", "device:1", "ok"),
        ("device.list", "", "ok"),
        ("device.read", "device:1", "ok"),
        ("device.read", "", "device-not-found"),
        ("credential.save", "credential:1", "ok"),
        ("credential.read", "credential:1", "ok"),
        ("credential.list", "", "ok"),
        ("credential.read", "credential:1", "no-access"),
        ("credential.save", "", "read-only"),
        ("credential.save", "", "invalid-input"),
        ("custody.release", "credential:1", "ok"),
        ("credential.deactivate", "credential:1", "ok"),
        ("credential.activate", "credential:1", "ok"),
        ("route.unknown", "", "no-such-route"),
        ("route.unknown", "", "no-such-method"),
    ];
    assert_eq!(written.len(), expected.len());
    for ((record, answer), (action, object, outcome)) in written.iter().zip(&answers).zip(expected) {
        assert_eq!(
            (record.action.as_str(), record.object.as_str(), record.outcome.as_str()),
            (action, object, outcome)
        );
        assert_eq!(Some(record.request_id.as_str()), answer.header("x-request-id"));
        assert_eq!((record.source.as_str(), record.times), ("127.0.0.1", 1));
    }
    assert_eq!(written[0].actor, client.client_id);
    assert_eq!(written[7].actor, read_only.client_id);
    assert_eq!(verify(&app).await, None);
}

#[actix_web::test]
async fn failed_authentications_are_merged_per_source_and_reason() {
    let app = vault().await;
    let client = app.client().await;
    let before = app.records().await.len();
    for _ in 0..3 {
        app.anonymous().get("/iso/pam/device").await.expect(401);
    }
    let form = [("grant_type", "client_credentials"), ("client_id", &client.client_id), ("client_secret", "wrong")];
    app.anonymous().post_form("/iso/oauth2/token", &form).await.expect(401);
    app.vault.record_failures().await.unwrap();
    let mut written = app.records().await.split_off(before);
    written.sort_by(|a, b| a.outcome.cmp(&b.outcome));
    let seen: Vec<_> = written.iter().map(|record| (record.outcome.as_str(), record.times)).collect();
    assert_eq!(seen, [("token-missing", 3), ("wrong-secret", 1)]);
    assert!(written.iter().all(|record| record.action == "authentication" && record.source == "127.0.0.1"));
    app.vault.record_failures().await.unwrap();
    assert_eq!(app.records().await.len(), before + 2);
}

#[actix_web::test]
async fn a_record_changed_behind_the_vaults_back_is_named() {
    let app = vault().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    assert_eq!(verify(&app).await, None);
    app.database.run("UPDATE audit_record SET actor = 'somebody else' WHERE seq = 3");
    let broken = verify(&app).await.unwrap();
    assert!(broken.contains("node-1/") && broken.contains("record 3"), "{broken}");
}

#[actix_web::test]
async fn a_removed_record_is_named() {
    let app = vault().await;
    app.client().await;
    app.client().await;
    app.database.run("DELETE FROM audit_record WHERE seq = 3");
    let broken = verify(&app).await.unwrap();
    assert!(broken.contains("record 3 is missing"), "{broken}");
}

#[actix_web::test]
async fn a_cut_off_tail_shows_in_the_chain_and_against_the_authenticated_heads() {
    let app = vault().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    app.vault.write_heads().await.unwrap();
    let length = app.database.numbers("SELECT CAST(MAX(seq) AS INTEGER) FROM audit_record")[0];
    app.database.run(&format!("DELETE FROM audit_record WHERE seq = {length}"));
    assert!(verify(&app).await.unwrap().contains("is known to have been there"));
    // An attacker who also turns the chain's own head back is caught by the heads outside. The verification has left a
    // record of its own, which goes too.
    app.database.run(&format!("DELETE FROM audit_record WHERE seq >= {length}"));
    app.database.run(&format!(
        "UPDATE audit_chain SET last_seq = {0}, last_mac = (SELECT mac FROM audit_record WHERE seq = {0})",
        length - 1
    ));
    assert!(verify(&app).await.unwrap().contains("is known to have been there"));
    // Or emptied the whole log.
    app.database.run("DELETE FROM audit_record");
    app.database.run("DELETE FROM audit_chain");
    assert!(verify(&app).await.unwrap().contains("is known to have been there"));
}

#[actix_web::test]
async fn the_file_of_heads_grows_only_when_a_chain_does_and_shows_a_forgery() {
    let app = vault().await;
    app.vault.write_heads().await.unwrap();
    app.vault.write_heads().await.unwrap();
    let path = app.vault.heads_file();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    app.client().await;
    app.vault.write_heads().await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(verify(&app).await, None);
    // A write that a crash cut short is passed over, and mended by the next one.
    std::fs::write(&path, format!("{text}{{\"at\":1")).unwrap();
    assert_eq!(verify(&app).await, None);
    app.client().await;
    app.vault.write_heads().await.unwrap();
    assert_eq!(verify(&app).await, None);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    std::fs::write(&path, text.replacen("\"seq\":", "\"seq\":1", 1)).unwrap();
    assert!(verify(&app).await.unwrap().contains("line 1"));
}

#[actix_web::test]
async fn administration_is_recorded_too() {
    let app = vault().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", None).await.unwrap();
    let last = app.records().await.pop().unwrap();
    assert_eq!((last.actor.as_str(), last.action.as_str()), ("command-line", "domain.add"));
    assert_eq!((last.object.as_str(), last.outcome.as_str()), ("domain:1", "ok"));
}

#[actix_web::test]
async fn old_records_move_to_an_archive_and_the_log_verifies_from_its_checkpoints() {
    let app = vault().await;
    let client = app.client().await;
    for _ in 0..600 {
        client.get("/iso/pam/device").await.expect(200);
    }
    app.vault.write_heads().await.unwrap();
    let kept = || app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record")[0];
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.vault.refresh().await.unwrap();
    let archive = |name: &str| app.database.dir.path().join(name);
    let prune = async |name: &str| {
        let before = app.vault.now() - chrono::TimeDelta::hours(1);
        app.vault.prune_audit(app.operator(Action::AUDIT_PRUNE).await, before, &archive(name)).await
    };
    let moved = prune("first.jsonl").await.unwrap();
    assert!(moved > 600 && kept() < 10, "{moved} moved, {} kept", kept());
    let lines = std::fs::read_to_string(archive("first.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, moved);
    let follows =
        |pair: &[serde_json::Value]| pair[0]["chain"] != pair[1]["chain"] || pair[0]["mac"] == pair[1]["previous"];
    assert!(lines.windows(2).all(follows));
    assert!(prune("first.jsonl").await.is_err(), "an archive is never overwritten");
    assert_eq!(prune("second.jsonl").await.unwrap(), 0);
    let found = app.verify_audit().await;
    assert!(found.broken.is_none() && found.heads > 0, "{found:?}");
    // The log goes on after it, and what is missing shows.
    client.with_token(&client.fetch_token().await).get("/iso/pam/device").await.expect(200);
    assert!(app.verify_audit().await.broken.is_none());
    app.database.run("UPDATE audit_checkpoint SET seq = seq + 1");
    assert!(matches!(app.verify_audit().await.broken, Some(Break::ForgedCheckpoint { .. })));
    app.database.run("DELETE FROM audit_checkpoint");
    assert!(matches!(app.verify_audit().await.broken, Some(Break::Gap { expected: 1, .. })));
}

#[actix_web::test]
async fn records_that_do_not_verify_are_not_pruned() {
    let app = vault().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    app.database.run("UPDATE audit_record SET actor = 'x' WHERE action = 'device.save'");
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.vault.refresh().await.unwrap();
    let permit = app.operator(Action::AUDIT_PRUNE).await;
    let refused = app.vault.prune_audit(permit, app.vault.now(), &app.database.dir.path().join("archive")).await;
    assert!(matches!(refused, Err(PruneError::Broken(Break::Changed { .. }))), "{refused:?}");
    assert_eq!(app.database.texts("SELECT actor FROM audit_record WHERE action = 'device.save'"), ["x"]);
    let outcomes = app.database.texts("SELECT outcome FROM audit_record WHERE action = 'audit.prune' ORDER BY outcome");
    assert_eq!(outcomes, ["audit-log-broken", "ok"]);
}
