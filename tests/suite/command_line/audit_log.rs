//! `chaveiro audit`: what was done, and whether anybody has touched the record of it.

use serde_json::{Value, json};

use super::{expect_complaint, serving};

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
    assert_eq!(actions, ["application.create", "authorization.create", "token.issue", "device.list"]);
    assert!(program.done(&["audit", "tail"]).starts_with("AT"));
}

#[actix_web::test]
async fn a_record_changed_behind_the_vaults_back_ends_verify_with_5_and_is_named() {
    let (program, server, ..) = serving().await;
    assert!(program.done(&["audit", "verify"]).contains("chain node-1-command-line/0: 2 records verify"));
    let record = "chain = 'node-1-command-line/0' AND seq = 2";
    program.database.run(&format!("UPDATE audit_record SET actor = 'somebody else' WHERE {record}"));
    let complaint = "chain node-1-command-line/0: record 2 was changed";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    let as_json = program.run(&["audit", "verify", "--json"]);
    assert_eq!(as_json.code, 5);
    let found: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(found["verified"], false);
    assert!(found["broken"].as_str().unwrap().starts_with(complaint), "{found}");
    drop(server);
}

#[actix_web::test]
async fn a_tail_that_was_cut_off_ends_verify_with_5_by_the_signed_heads() {
    let (program, server, ..) = serving().await;
    assert_eq!(server.stop().code, 0, "a stop writes the heads");
    let heads = program.database.dir.path().join("audit-heads.jsonl");
    let elsewhere = program.database.dir.path().join("a-copy");
    std::fs::copy(&heads, &elsewhere).unwrap();
    program.done(&["audit", "verify"]);
    // Whoever did this knows the tables, and turned the chain's own head back as well.
    let chain = "chain = 'node-1-command-line/0'";
    program.database.run(&format!("DELETE FROM audit_record WHERE {chain} AND seq = 2"));
    program.database.run(&format!(
        "UPDATE audit_chain SET last_seq = 1, last_mac = (SELECT mac FROM audit_record WHERE {chain} AND seq = 1)
         WHERE name = 'node-1-command-line/0'"
    ));
    let complaint = "chain node-1-command-line/0: it ends at record 1, and record 2 is known to have been there";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    // Without the heads nothing shows; a copy kept elsewhere does.
    std::fs::remove_file(&heads).unwrap();
    program.done(&["audit", "verify"]);
    expect_complaint(&program.run(&["audit", "verify", "--heads", elsewhere.to_str().unwrap()]), 5, complaint);
}
