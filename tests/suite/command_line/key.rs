//! `chaveiro key`: what it prints, and what it records.

use serde_json::json;

use super::{expect_complaint, last_record, serving};
use crate::support::{Program, noticed};

#[actix_web::test]
async fn the_status_shows_every_key_and_the_progress_and_no_key_material() {
    let (program, _server, _, client) = serving().await;
    client.create_device("a", "10.0.0.1").await;
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "hunter2" });
    client.save_credential(&sent).await;
    let status = program.json(&["key", "status"]);
    let keys = status["data_keys"].as_array().unwrap();
    let described: Vec<_> =
        keys.iter().map(|key| (&key["id"], &key["purpose"], &key["state"], &key["progress"])).collect();
    let (values, audit) = (json!("values"), json!("audit"));
    let (current, null) = (json!("current"), json!(null));
    assert_eq!(described, [(&json!(1), &values, &current, &null), (&json!(2), &audit, &current, &null)]);
    assert_eq!(
        (keys[0]["values"].as_i64(), keys[1]["values"].as_i64()),
        (Some(2), Some(0)),
        "a password, a signing key"
    );
    assert_eq!(status["signing_keys"][0]["state"], "current");
    assert!(status["root_key"]["location"].as_str().unwrap().ends_with("root.key"));
    assert_eq!(status["root_key"]["id"].as_str().unwrap().len(), 16);
    assert_eq!(last_record(&program)["action"], "key.status");

    let text = program.done(&["key", "status"]);
    assert!(text.starts_with("root key  ") && text.contains("\nID  PURPOSE  STATE"), "{text}");
    let root_key = std::fs::read_to_string(program.database.dir.path().join("root.key")).unwrap();
    assert!(!text.contains(&root_key) && !status.to_string().contains(&root_key));
}

#[actix_web::test]
async fn each_rotation_says_what_it_did_and_is_recorded() {
    let (program, _server, _, client) = serving().await;
    let text = program.done(&["key", "rotate"]);
    assert!(text.starts_with("data key 3 is current, 1 is retiring\n"), "{text}");
    assert_eq!(last_record(&program)["object"], "data-key:3 replaces data-key:1, values: 1");
    noticed("the end of the rotation", async || {
        let status = program.json(&["key", "status"]);
        status["data_keys"].as_array().unwrap().iter().all(|key| key["state"] == "current")
    })
    .await;
    let metrics = client.get("/metrics").await.text;
    for line in ["chaveiro_values_resealed 1", "chaveiro_values_to_reseal 0"] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }

    let text = program.done(&["key", "rotate-root"]);
    assert!(text.starts_with("the data keys are under the root key ") && text.contains("back it up"), "{text}");
    let record = last_record(&program);
    assert_eq!((&record["action"], &record["object"]), (&json!("key.rotate-root"), &json!("data-key:2, data-key:3")));

    let text = program.done(&["key", "rotate-signing"]);
    assert!(text.starts_with("tokens are signed by ") && text.contains("are accepted until "), "{text}");
    assert_eq!(last_record(&program)["action"], "key.rotate-signing");
    noticed("the new key", async || {
        client.get("/.well-known/jwks.json").await.expect(200)["keys"].as_array().unwrap().len() == 2
    })
    .await;
    client.get("/iso/pam/credential").await.expect(200);
    program.done(&["audit", "verify"]);
}

#[test]
fn a_root_key_that_cannot_be_used_is_refused_with_a_record() {
    let program = Program::initialised();
    let file = program.database.dir.path().join("nothing-here");
    let arguments = ["key", "rotate-root", "--new-key-file", file.to_str().unwrap()];
    expect_complaint(&program.run(&arguments), 3, "the new root key is missing");
    let record = last_record(&program);
    assert_eq!((&record["action"], &record["outcome"]), (&json!("key.rotate-root"), &json!("failed")));
    let same = program.database.dir.path().join("root.key");
    expect_complaint(
        &program.run(&["key", "rotate-root", "--new-key-file", same.to_str().unwrap()]),
        3,
        "the one in use",
    );
    let record = last_record(&program);
    assert_eq!((&record["action"], &record["outcome"]), (&json!("key.rotate-root"), &json!("root-key-unusable")));
}
