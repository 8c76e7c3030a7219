//! A data directory that was copied, and two servers that go on with one copy each.

use std::collections::HashSet;
use std::fs;

use serde_json::json;

use crate::support::{Program, TestDatabase};

/// The nonces of all sealed values of secrets: after a byte for the format and four for the key.
fn nonces(program: &Program) -> Vec<String> {
    program.database.texts("SELECT substr(hex(sealed), 11, 48) FROM secret")
}

#[actix_web::test]
async fn two_servers_on_copies_of_a_data_directory_repeat_no_nonce_and_the_fork_is_noticed() {
    let programs = [(); 2].map(|()| Program::on(TestDatabase::sqlite()));
    let [first, second] = &programs;
    let credentials = first.create_client("erp");
    assert_eq!(first.serve().stop().code, 0);
    let common = nonces(first).len();
    for file in fs::read_dir(first.database.dir.path()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), second.database.dir.path().join(file.file_name())).unwrap();
    }
    // The same values in the same rows under the same key.
    for program in &programs {
        let server = program.serve();
        let client = server.client(&credentials).await;
        client.create_device("a", "10.0.0.1").await;
        for number in 0..50 {
            client
                .save_credential(
                    &json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("u{number}"), "content": "p" }),
                )
                .await;
        }
        assert_eq!(server.stop().code, 0, "a stop writes the heads");
        program.done(&["audit", "verify"]);
    }
    let all: Vec<_> = programs.iter().flat_map(nonces).collect();
    assert!(all.len() >= 100 && all.iter().all(|nonce| nonce.len() == 48), "{all:?}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len() - common, "each nonce once");
    // The heads of one do not fit the other: each has records that the other one has not.
    let heads = second.database.dir.path().join("audit-heads.jsonl");
    let verified = first.run(&["audit", "verify", "--heads", heads.to_str().unwrap()]);
    assert_eq!(verified.code, 5, "{verified:?}");
}
