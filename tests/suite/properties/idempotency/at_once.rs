//! Requests of one key at the same time, on one node and on two.

use chaveiro::vault::history::Versioned;
use chaveiro::vault::operation::{Action, RequestOptions};
use chaveiro::vault::{Precondition, VaultError};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::{KEY, VERSIONS, post_again, vault};
use crate::support::{TestApp, is_to_be_repeated, permit};

#[actix_web::test]
async fn of_64_at_once_under_one_key_one_has_an_effect_and_all_have_its_answer() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let count = |table: &str| app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"))[0];
    // Without an identifier, each of them would be a new one.
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "content": "c", "private_key": VERSIONS[0].1 });
    for (path, table) in [("/iso/pam/info", "information"), ("/api/pam/key", "ssh_key")] {
        let answers = join_all((0..64).map(|_| post_again(&client, path, path, &sent))).await;
        answers[0].expect(201);
        answers.iter().for_each(|answer| assert_eq!(answer.text, answers[0].text));
        assert_eq!(count(table), 1);
    }
    assert_eq!(count("audit_record WHERE outcome = 'repeated'"), 2 * 63);
    assert!(app.verify_audit().await.broken.is_none());
}

#[actix_web::test]
async fn of_64_on_two_nodes_under_one_key_one_has_an_effect() {
    let (app, client) = vault().await;
    let second = app.second_node();
    let path = "/iso/pam/credential/i/versions/1/restore";
    let nothing = json!({});
    let here = join_all((0..32).map(|_| post_again(&client, path, KEY, &nothing)));
    let restore = async |number: usize, parameters: &Value| loop {
        let permit = permit(&second, &client, Action::HISTORY_RESTORE, format!("second-{number}")).await;
        let idempotency_key = Some(second.idempotency_key(KEY, "POST", path, parameters));
        let options = RequestOptions { idempotency_key, representation: "legacy", ..RequestOptions::default() };
        let permit = second.accept(permit, options).await.unwrap();
        let restored = second.restore_version(permit, Versioned::Credential, "i".into(), 1).await;
        if !is_to_be_repeated(&restored) {
            break restored;
        }
    };
    let there = join_all((0..32).map(async |number| restore(number, &nothing).await));
    let (here, there) = join(here, there).await;
    here.iter().for_each(|answer| drop(answer.expect(201)));
    assert!(there.iter().all(|restored| restored.as_ref().is_ok_and(|owner| owner.to_string() == "1")), "{there:?}");
    let versions =
        app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password' ORDER BY version");
    assert_eq!(versions, [1, 2, 3]);
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency"), [1]);

    // And a key that this node has seen is used up on the other one.
    let reused = VaultError::Precondition(Precondition::KeyReused);
    assert_eq!(restore(0, &json!({ "x": 1 })).await, Err(reused));
    second.close();
}
