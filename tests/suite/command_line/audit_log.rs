//! `chaveiro audit`: reading the audit log and verifying it.

use serde_json::{Value, json};

use super::{expect_complaint, last_record, serving};

#[actix_web::test]
async fn the_tail_of_the_audit_log_shows_who_did_what() {
    let (program, server, credentials, client) = serving().await;
    let answer = client.get("/iso/pam/device").await;
    let tail = program.json(&["audit", "tail", "-n", "1"]);
    assert_eq!(tail.as_array().unwrap().len(), 1);
    let last = &tail[0];
    assert_eq!((&last["actor"], &last["action"]), (&json!(credentials.id), &json!("device.list")));
    assert_eq!((&last["outcome"], &last["source"]), (&json!("ok"), &json!("127.0.0.1")));
    assert_eq!(last["request_id"].as_str(), answer.header("x-request-id"));
    drop(server);
    let all = program.json(&["audit", "tail"]);
    let actions: Vec<_> = all.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["application.create", "authorization.create", "token.issue", "device.list", "audit.read"]);
    assert!(program.done(&["audit", "tail"]).starts_with("AT"));
}

#[actix_web::test]
async fn a_record_changed_behind_the_vaults_back_ends_verify_with_5_and_is_named() {
    let (program, server, ..) = serving().await;
    // Whether the server has written its heads by now is a matter of time.
    let verified = program.done(&["audit", "verify", "--without-heads"]);
    assert!(verified.contains("chain node-1-command-line/0: 2 records verify"), "{verified}");
    let record = "chain = 'node-1-command-line/0' AND seq = 2";
    program.database.run(&format!("UPDATE audit_record SET actor = 'somebody else' WHERE {record}"));
    let complaint = "chain node-1-command-line/0: record 2 was changed";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    assert_eq!(last_record(&program)["outcome"], "audit-log-broken");
    let as_json = program.run(&["audit", "verify", "--json"]);
    assert_eq!(as_json.code, 5);
    let found: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(found["verified"], false);
    assert!(found["broken"].as_str().unwrap().starts_with(complaint), "{found}");
    drop(server);
}

#[actix_web::test]
async fn a_tail_that_was_cut_off_ends_verify_with_5_by_the_authenticated_heads() {
    let (program, server, ..) = serving().await;
    assert_eq!(server.stop().code, 0, "a stop writes the heads");
    let heads = program.database.dir.path().join("audit-heads.jsonl");
    let elsewhere = program.database.dir.path().join("a-copy");
    std::fs::copy(&heads, &elsewhere).unwrap();
    program.done(&["audit", "verify"]);
    // An attacker who knows the tables also resets the stored head of the chain. Each verification appends a record.
    let chain = "chain = 'node-1-command-line/0'";
    let cut_off = || {
        program.database.run(&format!("DELETE FROM audit_record WHERE {chain} AND seq >= 2"));
        program.database.run(&format!(
            "UPDATE audit_chain SET last_seq = 1, last_mac = (SELECT mac FROM audit_record WHERE {chain} AND seq = 1)
             WHERE name = 'node-1-command-line/0'"
        ));
    };
    cut_off();
    let complaint = "chain node-1-command-line/0: it ends at record 1, and record 2 is known to have been there";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    // Without the heads nothing shows but their absence; a copy kept elsewhere shows it.
    std::fs::remove_file(&heads).unwrap();
    cut_off();
    let finished = program.run(&["audit", "verify"]);
    assert_eq!(finished.code, 6, "{finished:?}");
    assert!(finished.stderr.contains("there are no heads in") && finished.stderr.contains("--without-heads"));
    let finished = program.run(&["audit", "verify", "--json", "--heads", heads.to_str().unwrap()]);
    assert_eq!(finished.code, 6, "{finished:?}");
    assert_eq!(serde_json::from_str::<Value>(&finished.stdout).unwrap()["heads"], 0);
    program.done(&["audit", "verify", "--without-heads"]);
    cut_off();
    expect_complaint(&program.run(&["audit", "verify", "--heads", elsewhere.to_str().unwrap()]), 5, complaint);
}
