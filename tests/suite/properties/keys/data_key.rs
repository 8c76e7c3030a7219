//! A new data key: every value is moved to it, and the former key then opens nothing.

use chaveiro::crypto::{Keyring, SecretBinding, SecretKind};
use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use super::{WAIT, credential, data_keys, hexadecimal, holds_value_under, rotate, run_jobs, unwrap, vault};
use crate::support::{Answer, TestApp, TestClient, keep_log, logged};

const PRIVATE: &str = include_str!("../../fixtures/ssh/ed25519");
/// Reads of every kind of secret that `save_all` saves.
const READS: [&str; 6] = [
    "/iso/pam/credential/i",
    "/iso/pam/credential/i/totp",
    "/iso/pam/credential/i/versions/1",
    "/iso/pam/key/k",
    "/iso/pam/info/n",
    "/iso/pam/item/i",
];

async fn save_all(client: &TestClient) {
    client.create_device("a", "10.0.0.1").await;
    let mut sent = credential("i", "one");
    sent["additional_settings"] = json!({
        "secret_key": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "notes": "a note",
        "additional_authentication_fields": [{ "name": "pin", "short_name": "p", "value": "1234" }],
    });
    client.save_credential(&sent).await;
    sent["content"] = json!("two");
    client.save_credential(&sent).await;
    let key =
        json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": PRIVATE, "password": "phrase" });
    client.post("/iso/pam/key", &key).await.expect(201);
    client.post("/iso/pam/info", &json!({ "identifier": "n", "content": "text" })).await.expect(201);
}

/// Sends a request whose stored result has a sealed value.
async fn read_under_key(client: &TestClient) -> Answer {
    let request = client.request(Method::POST, "/iso/pam/use").header("Idempotency-Key", "key-1");
    client.send(request.json(&json!({ "identifier": "i" }))).await
}

/// The answers to all reads, each with its ETag.
async fn read_all(client: &TestClient) -> Vec<(Option<String>, Value)> {
    let mut answers = Vec::new();
    for path in READS {
        let answer = client.get(path).await;
        let mut body = answer.expect(200);
        if body.get("totp").is_some() {
            body["totp"]["seconds_left"] = json!(null);
        }
        answers.push((answer.header("etag").map(String::from), body));
    }
    answers
}

#[actix_web::test]
async fn every_value_is_moved_to_the_new_key_and_the_former_one_opens_nothing() {
    let app = TestApp::start().await;
    let client = app.client().await;
    save_all(&client).await;
    let used = read_under_key(&client).await.expect(200);
    let signing = app.operator(Action::AUTHORIZATION_CREATE_SIGNING_KEY).await;
    app.vault.create_signing_key(signing, &client.client_id, "batch", None).await.unwrap();
    let before = read_all(&client).await;
    assert!(before.iter().filter(|(etag, _)| etag.is_some()).count() >= 2, "{before:?}");
    let kinds = app.database.texts("SELECT DISTINCT kind FROM secret ORDER BY kind");
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency WHERE data_key_id = 1"), [1]);

    let former_key = unwrap(&app.database, 1);
    let (former, current) = rotate(&app).await;
    assert_eq!((former, data_keys(&app.database)), (1, vec!["1 retiring".into(), format!("{current} current")]));
    client.post("/iso/pam/info", &json!({ "identifier": "later", "content": "text" })).await.expect(201);
    let newest = hexadecimal(&app.database, "sealed", "secret WHERE kind = 'information.content' AND owner_id = 2");
    assert!(newest[0].starts_with(&format!("01{}", hex::encode(current.to_be_bytes()))), "{newest:?}");
    assert!(holds_value_under(&app.database, former));

    run_jobs(&app).await;
    assert!(!holds_value_under(&app.database, former));
    assert_eq!(data_keys(&app.database), [format!("{current} current")]);
    let old = Keyring::new([(former, former_key.clone()), (current, former_key)], former).unwrap();
    for row in app.database.texts("SELECT kind || '/' || owner_id || '/' || version FROM secret ORDER BY 1") {
        let parts: Vec<&str> = row.split('/').collect();
        let (owner, version) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
        let from = format!("secret WHERE kind = '{}' AND owner_id = {owner} AND version = {version}", parts[0]);
        let sealed = hex::decode(&hexadecimal(&app.database, "sealed", &from)[0]).unwrap();
        let binding = SecretBinding { kind: SecretKind::from_name(parts[0]).unwrap(), owner, version };
        assert!(old.open(binding, &sealed).is_err(), "{row}");
    }
    assert_eq!(read_all(&client).await, before, "answers and ETags stay");
    assert_eq!(read_under_key(&client).await.expect(200), used, "so does a stored result");
    let app = app.restart().await;
    let client = client.at(app.address);
    assert_eq!(read_all(&client).await, before);
    assert!(app.vault.is_ready().await);
    assert_eq!(app.verify_audit().await.broken, None);
}

#[actix_web::test]
async fn a_node_that_has_not_noticed_the_new_key_opens_what_is_under_it() {
    let (app, client) = vault(3).await;
    let second = app.serve_second_node();
    let client_of_second = client.at(second.address);
    let (former, current) = rotate(&app).await;
    client.save_credential(&credential("new", "secret of new")).await;
    // Neither node has looked at the change mark since.
    assert_eq!(client_of_second.password("new").await, "secret of new");
    client_of_second.save_credential(&credential("of-second", "x")).await;
    let rows = "SELECT data_key_id FROM secret WHERE kind = 'credential.password' ORDER BY owner_id DESC LIMIT 2";
    assert_eq!(app.database.numbers(rows), [current, current]);
    run_jobs(&app).await;
    assert_eq!(data_keys(&app.database), [format!("{current} current")]);
    for identifier in ["i0", "i1", "i2", "new"] {
        assert_eq!(client_of_second.password(identifier).await, format!("secret of {identifier}"));
    }
    assert!(!holds_value_under(&app.database, former));
    assert!(second.vault.is_ready().await);
}

#[actix_web::test]
async fn a_value_that_another_node_still_seals_under_the_former_key_is_moved_too() {
    let (app, _) = vault(1).await;
    let second = app.serve_second_node();
    let client_of_second = app.client().await.at(second.address);
    second.vault.refresh().await.unwrap();
    let (former, current) = rotate(&app).await;
    app.vault.schedule_jobs().await.unwrap();
    app.vault.run_due_jobs().await.unwrap();
    client_of_second.create_device("b", "10.0.0.2").await;
    let sent =
        json!({ "hostname": "b", "ip": "10.0.0.2", "username": "late", "identifier": "late", "content": "late" });
    client_of_second.save_credential(&sent).await;
    assert!(holds_value_under(&app.database, former));
    app.clock.advance(WAIT);
    app.vault.run_due_jobs().await.unwrap();
    assert!(!holds_value_under(&app.database, former));
    assert_eq!(data_keys(&app.database), [format!("{current} current")]);
    assert_eq!(client_of_second.password("late").await, "late");
}

#[actix_web::test]
async fn a_value_that_does_not_open_keeps_its_key_and_stops_no_other_value() {
    let (app, client) = vault(40).await;
    let first = "kind = 'credential.password' AND owner_id = 1";
    let sealed = hexadecimal(&app.database, "sealed", &format!("secret WHERE {first}")).pop().unwrap();
    let set = |sealed: &str| {
        let bytes = if app.database.is_postgresql() { format!("'\\x{sealed}'") } else { format!("x'{sealed}'") };
        app.database.run(&format!("UPDATE secret SET sealed = {bytes} WHERE {first}"));
    };
    let mut flipped = hex::decode(&sealed).unwrap();
    *flipped.last_mut().unwrap() ^= 1;
    set(&hex::encode(flipped));
    let (former, current) = rotate(&app).await;
    run_jobs(&app).await;
    assert_eq!(data_keys(&app.database), [format!("{former} retiring"), format!("{current} current")]);
    let status = app.vault.key_status(app.operator(Action::KEY_STATUS).await).await.unwrap();
    let key = status.data_keys.iter().find(|key| key.id == former).unwrap();
    assert_eq!((key.values, status.last_error.as_deref()), (1, Some("seal-failed")), "{status:?}");
    assert_eq!(client.password("i1").await, "secret of i1");
    client.get("/iso/pam/credential/i0").await.expect(500);
    set(&sealed);
    app.clock.advance(std::time::Duration::from_secs(60));
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(data_keys(&app.database), [format!("{current} current")]);
    assert_eq!(client.password("i0").await, "secret of i0");
}

#[actix_web::test]
async fn a_second_rotation_takes_over_from_the_first() {
    let (app, client) = vault(40).await;
    let (first, second) = rotate(&app).await;
    let (again, third) = rotate(&app).await;
    assert_eq!(again, second);
    run_jobs(&app).await;
    assert_eq!(data_keys(&app.database), [format!("{third} current")]);
    assert!(!holds_value_under(&app.database, first) && !holds_value_under(&app.database, second));
    assert_eq!(client.password("i7").await, "secret of i7");
}

#[actix_web::test]
async fn a_rotation_and_its_end_are_recorded_with_counts() {
    let (app, _) = vault(3).await;
    let (former, current) = rotate(&app).await;
    run_jobs(&app).await;
    let records = app.records().await;
    let of = |action: Action| records.iter().find(|record| record.action == action.name()).unwrap();
    let begun = of(Action::KEY_ROTATE);
    assert_eq!((begun.actor.as_str(), begun.outcome.as_str()), ("command-line", "ok"));
    let count = app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM secret")[0];
    assert_eq!(begun.object, format!("data-key:{current} replaces data-key:{former}, values: {count}"));
    let ended = of(Action::KEY_FINISH_ROTATION);
    assert_eq!((ended.actor.as_str(), ended.outcome.as_str()), ("system", "ok"));
    assert_eq!(ended.object, format!("data-key:{former}, re-sealed values: {count}"));
}

#[actix_web::test]
async fn an_old_data_key_is_rotated_by_itself() {
    let app = TestApp::start_with(|settings| settings.keys.rotate_after_days = 2).await;
    app.vault.schedule_jobs().await.unwrap();
    app.vault.run_due_jobs().await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(2 * 86_400));
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(data_keys(&app.database), ["1 current"]);
    app.clock.advance(std::time::Duration::from_secs(61));
    app.vault.run_due_jobs().await.unwrap();
    app.clock.advance(WAIT);
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(data_keys(&app.database), ["3 current"]);
    assert_eq!(app.vault.data_key_age(), chrono::TimeDelta::from_std(WAIT).unwrap());
    let records = app.records().await;
    assert!(records.iter().any(|record| record.action == Action::KEY_ROTATE.name() && record.actor == "system"));
}

#[actix_web::test]
async fn no_client_can_rotate_a_key() {
    let app = TestApp::start().await;
    let client = app.client_with(|request| request.resources = vec![Resource::PamCore, Resource::Administration]).await;
    for action in [Action::KEY_STATUS, Action::KEY_ROTATE, Action::KEY_ROTATE_ROOT, Action::KEY_ROTATE_SIGNING] {
        let request = app.vault.authenticate(client.presented(), crate::support::origin()).unwrap();
        assert!(app.vault.authorize(request, action).await.is_err(), "{}", action.name());
    }
}

#[actix_web::test]
async fn a_key_that_was_lost_with_its_id_is_not_taken_for_the_one_that_has_the_id_now() {
    let (app, client) = vault(1).await;
    let second = app.serve_second_node();
    let (former, lost) = rotate(&app).await;
    app.vault.refresh().await.unwrap();
    // The database is reset to the time before the rotation, as by a failover, and another node rotates.
    let ids = if app.database.is_postgresql() {
        format!("SELECT setval(pg_get_serial_sequence('data_key', 'id'), {})", lost - 1)
    } else {
        format!("UPDATE sqlite_sequence SET seq = {} WHERE name = 'data_key'", lost - 1)
    };
    let reset = format!("UPDATE data_key SET state = 'current', retired_at = NULL WHERE id = {former}");
    app.database.run(&format!("DELETE FROM data_key WHERE id = {lost}; {reset}; {ids}"));
    app.clock.advance(WAIT);
    let rotated = second.vault.rotate_data_key(app.operator(Action::KEY_ROTATE).await).await.unwrap();
    assert_eq!(rotated.current, lost, "the id is given again");
    app.vault.refresh().await.unwrap();
    client.save_credential(&credential("new", "secret of new")).await;
    run_jobs(&app).await;
    let app = app.restart().await;
    for identifier in ["i0", "new"] {
        assert_eq!(client.at(app.address).password(identifier).await, format!("secret of {identifier}"));
    }
}

#[actix_web::test]
async fn rows_that_do_not_open_keep_no_other_row_under_the_former_key() {
    let (app, client) = vault(1).await;
    // More than one run of the job reads, and before all others.
    let bytes = if app.database.is_postgresql() { "BYTEA" } else { "BLOB" };
    app.database.run(&format!(
        "INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at) \
         SELECT 'a-kind', n, 1, 'current', CAST('nonsense' AS {bytes}), 1, 0 \
         FROM (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 16100) \
         SELECT n FROM numbers) AS many"
    ));
    let used = client.request(Method::POST, "/iso/pam/use").header("Idempotency-Key", "key-1");
    client.send(used.json(&json!({ "identifier": "i0" }))).await.expect(200);
    app.database.run("UPDATE idempotency SET result = replace(result, '{\"binding\":{\"kind', '{\"binding\":{\"sort')");
    keep_log();
    rotate(&app).await;
    run_jobs(&app).await;
    let left = app.database.texts("SELECT DISTINCT kind FROM secret WHERE data_key_id = 1");
    assert_eq!(left, ["a-kind"]);
    assert_eq!(data_keys(&app.database)[0], "1 retiring");
    assert!(!logged("16101 sealed values do not open").is_empty());
    assert!(!logged("a stored result of authorization").is_empty());
    // The job has failed once, and was tried again.
    assert_eq!(logged("a-kind of").len(), 200, "the first hundred of each pass");
    assert_eq!(client.password("i0").await, "secret of i0");
}
