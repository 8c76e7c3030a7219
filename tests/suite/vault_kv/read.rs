//! Reading an item: what it has, by which name, and what a read leaves behind.

use std::sync::Arc;

use chaveiro::crypto::{ResponseEncryption, ResponseKey};
use chaveiro::vault::access::link::LinkTarget;
use reqwest::Method;
use serde_json::{Value, json};

use super::{credential, expect_errors, fields, read, vault};
use crate::support::decrypt::{By, Pair};
use crate::support::{TestApp, TestClient};

#[actix_web::test]
async fn a_credential_has_its_fields_and_its_version() {
    let (_app, client) = vault().await;
    let said = read(&client, "erp").await.expect(200);
    let expected = json!({
        "request_id": said["request_id"], "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": {
            "data": { "username": "batch", "password": "second", "hostname": "srv", "address": "10.0.0.1",
                      "port": said["data"]["data"]["port"] },
            "metadata": { "created_time": "2026-03-04T05:06:07Z", "custom_metadata": null, "deletion_time": "",
                          "destroyed": false, "version": 2 },
        },
        "wrap_info": null, "warnings": null, "auth": null,
    });
    assert_eq!(said, expected);
    assert!(said["data"]["data"].as_object().unwrap().values().all(Value::is_string));
}

#[actix_web::test]
async fn a_key_and_a_text_are_items_too() {
    let (_app, client) = vault().await;
    let key = fields(&client, "key").await;
    assert!(key["private_key"].as_str().unwrap().contains("PRIVATE KEY"), "{key}");
    assert!(key["public_key"].as_str().unwrap().starts_with("ssh-ed25519 "), "{key}");
    assert_eq!((&key["username"], key.get("password"), key.get("passphrase")), (&json!("deploy"), None, None));
    assert_eq!(fields(&client, "note").await["text"], "a text");
}

#[actix_web::test]
async fn a_password_without_an_identifier_has_the_name_of_its_device_and_username() {
    let (_app, client) = vault().await;
    for name in ["srv/corp/ana", "srv/corp%2Fana", "srv%2fcorp%2fana", "SRV/corp/ana"] {
        assert_eq!(fields(&client, name).await["password"], "ana's", "{name}");
    }
    // An identifier takes the place of that name; an empty part is a part of the name.
    for name in [
        "srv//corp/ana",
        "srv/corp/ana/",
        "srv/corp/ana%2F",
        "srv/corp//ana",
        "srv/batch",
        "srv/ana",
        "corp/ana",
        "srv/deploy",
        "srv",
        "1",
    ] {
        expect_errors(&read(&client, name).await, 404, &[]);
    }
}

#[actix_web::test]
async fn names_are_decoded_once_and_compared_exactly() {
    let (_app, client) = vault().await;
    for name in ["100%25", "a b", "ação", "a+b", "a%2Bb", "x?y"] {
        let body = json!({ "identifier": name, "content": name });
        client.post("/iso/pam/info", &body).await.expect(201);
    }
    for (path, name) in [
        ("100%2525", "100%25"),
        ("a%20b", "a b"),
        ("a%C3%A7%C3%A3o", "ação"),
        ("a+b", "a+b"),
        ("a%252Bb", "a%2Bb"),
        ("x%3Fy", "x?y"),
    ] {
        assert_eq!(fields(&client, path).await["text"], name, "{path}");
    }
    for path in ["ERP", "erp%00", "%FF", "erp%20", "100%25"] {
        expect_errors(&read(&client, path).await, 404, &[]);
    }
}

#[actix_web::test]
async fn an_earlier_version_is_read_by_its_number() {
    let (_app, client) = vault().await;
    for (query, password, number) in [
        ("?version=1", "first", 1),
        ("?version=2", "second", 2),
        ("?version=0", "second", 2),
        ("?version=", "second", 2),
        ("?", "second", 2),
    ] {
        let said = read(&client, &format!("erp{query}")).await.expect(200);
        assert_eq!(
            (&said["data"]["data"]["password"], &said["data"]["metadata"]["version"]),
            (&json!(password), &json!(number))
        );
    }
    expect_errors(&read(&client, "erp?version=3").await, 404, &[]);
    for query in ["canary", "-1", "1.5", "99999999999"] {
        let answer = read(&client, &format!("erp?version={query}")).await;
        expect_errors(&answer, 400, &["version must be a whole number of 0 or more"]);
    }
}

#[actix_web::test]
async fn a_child_has_the_password_and_the_version_of_its_parent() {
    let (_app, client) = vault().await;
    let child = credential("child", json!({ "identifier": "child", "parent_password": "1" }));
    client.save_credential(&child).await;
    let said = read(&client, "child").await.expect(200);
    assert_eq!(
        (&said["data"]["data"]["password"], &said["data"]["data"]["username"]),
        (&json!("second"), &json!("child"))
    );
    assert_eq!(read(&client, "child?version=1").await.expect(200)["data"]["data"]["password"], "first");
    client.save_credential(&credential("batch", json!({ "identifier": "erp", "content": "third" }))).await;
    let said = read(&client, "child").await.expect(200);
    assert_eq!((&said["data"]["data"]["password"], &said["data"]["metadata"]["version"]), (&json!("third"), &json!(3)));
}

#[actix_web::test]
async fn an_inactive_item_is_404_with_its_metadata_and_no_secret() {
    let (app, client) = vault().await;
    for (path, name, version) in [("credential/erp", "erp", 2), ("key/key", "key", 1), ("info/note", "note", 1)] {
        client.delete(&format!("/iso/pam/{path}")).await.expect(200);
        let said = read(&client, name).await.expect(404);
        let metadata = json!({ "created_time": "2026-03-04T05:06:07Z", "custom_metadata": null,
                               "deletion_time": "2026-03-04T05:06:07Z", "destroyed": false, "version": version });
        assert_eq!(said["data"], json!({ "data": null, "metadata": metadata }));
        assert!(said.get("errors").is_none() && said["auth"].is_null());
    }
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], json!(["srv/"]));
    // Nothing was shown, and the audit log does not say that it was.
    let outcomes = app.database.texts("SELECT outcome FROM audit_record WHERE action = 'item.read'");
    assert_eq!(outcomes, ["inactive"; 3]);
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(viewed_at) AS INTEGER) FROM credential"), [0]);
}

#[actix_web::test]
async fn a_name_of_two_items_is_an_error_and_never_one_of_them() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/info", &json!({ "identifier": "erp", "content": "canary" })).await.expect(201);
    expect_errors(&read(&client, "erp").await, 400, &["several items have this name"]);
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], json!(["erp", "key", "note", "srv/"]));
}

#[actix_web::test]
async fn a_read_takes_no_custody_and_is_recorded_with_its_family() {
    let (app, client) = vault().await;
    let held = || app.database.numbers("SELECT credential_id FROM custody");
    for _ in 0..2 {
        read(&client, "erp").await.expect(200);
    }
    read(&client, "erp?version=1").await.expect(200);
    assert_eq!(held(), [0; 0]);
    client.delete("/iso/pam/credential/custody/erp").await.expect_number(1018);
    let records = app.records().await;
    let reads: Vec<_> = records.iter().filter(|record| record.action == "item.read").collect();
    assert_eq!(reads.len(), 3);
    for record in reads {
        assert_eq!(
            (record.family.as_str(), record.object.as_str(), record.outcome.as_str()),
            ("vault-kv", "credential:1", "ok")
        );
    }
}

#[actix_web::test]
async fn names_that_differ_in_slashes_alone_are_different_items() {
    let (_app, client) = vault().await;
    for username in ["ana", "ana/", "/ana", "corp//ana"] {
        client.save_credential(&credential(username, json!({ "content": format!("of {username}") }))).await;
    }
    for (name, username) in [
        ("srv/ana", "ana"),
        ("srv/ana/", "ana/"),
        ("srv/ana%2F", "ana/"),
        ("srv//ana", "/ana"),
        ("srv/corp//ana", "corp//ana"),
    ] {
        assert_eq!(fields(&client, name).await["password"], format!("of {username}"), "{name}");
    }
    assert_eq!(fields(&client, "srv/corp/ana").await["password"], "ana's");
}

#[actix_web::test]
async fn a_password_that_is_shared_with_one_in_exclusive_custody_is_no_item_either() {
    let (_app, client) = vault().await;
    let mut parent = client.save_credential(&credential("batch", json!({ "identifier": "erp" }))).await;
    for username in ["child", "grandchild"] {
        let body = json!({ "identifier": username, "parent_password": parent });
        parent = client.save_credential(&credential(username, body)).await;
    }
    assert_eq!(fields(&client, "grandchild").await["password"], "second");
    client.save_credential(&credential("batch", json!({ "identifier": "erp", "exclusive_custody": true }))).await;
    for name in ["erp", "child", "grandchild"] {
        expect_errors(&read(&client, name).await, 404, &[]);
    }
    let listed = super::list(&client, "").await.expect(200)["data"]["keys"].clone();
    assert_eq!(listed, json!(["key", "note", "srv/"]));
    // The child alone is enough: its password is that of the others.
    for (username, identifier, exclusive) in [("batch", "erp", false), ("child", "child", true)] {
        let body = json!({ "identifier": identifier, "exclusive_custody": exclusive });
        client.save_credential(&credential(username, body)).await;
    }
    for name in ["erp", "child", "grandchild"] {
        expect_errors(&read(&client, name).await, 404, &[]);
    }
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], listed);
}

#[actix_web::test]
async fn a_password_in_exclusive_custody_is_no_item_and_the_record_says_why() {
    let (app, client) = vault().await;
    client.save_credential(&credential("batch", json!({ "identifier": "erp", "exclusive_custody": "yes" }))).await;
    let (exclusive, missing) = (read(&client, "erp").await, read(&client, "nothing").await);
    expect_errors(&exclusive, 404, &[]);
    assert_eq!((exclusive.status, &exclusive.text), (missing.status, &missing.text));
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], json!(["key", "note", "srv/"]));
    let mut outcomes: Vec<String> = app
        .records()
        .await
        .into_iter()
        .filter(|record| record.action == "item.read")
        .map(|record| record.outcome)
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["exclusive-custody", "item-not-found"]);
}

#[actix_web::test]
async fn where_custody_is_exclusive_by_the_settings_keys_and_texts_are_items_still() {
    let app = TestApp::start_with(|settings| {
        settings.vault_kv.enabled = true;
        settings.custody.exclusive = true;
    })
    .await;
    let client = app.client().await;
    super::create_items(&client).await;
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], json!(["key", "note"]));
    expect_errors(&read(&client, "erp").await, 404, &[]);
    fields(&client, "key").await;
    client.save_credential(&credential("batch", json!({ "identifier": "erp", "exclusive_custody": false }))).await;
    fields(&client, "erp").await;
    assert_eq!(super::list(&client, "").await.expect(200)["data"]["keys"], json!(["erp", "key", "note"]));
}

#[actix_web::test]
async fn a_client_with_a_response_key_gets_its_secrets_encrypted() {
    let (app, maker) = vault().await;
    let pair = Pair::named("rsa");
    let key = ResponseKey::parse(pair.public, None).unwrap();
    let client = app.client_with(|request| request.response_key = Some(Arc::new(key))).await;
    for (path, name, plain) in [("credential", "erp", "second"), ("info", "note", "a text")] {
        let target = match path {
            "credential" => LinkTarget::Credential(name.into()),
            _ => LinkTarget::Information(name.into()),
        };
        app.link(&client, target).await;
        let answer = read(&client, name).await;
        assert!(!answer.text.contains(plain), "{}", answer.text);
        let field = if path == "info" { "text" } else { "password" };
        let value = answer.expect(200)["data"]["data"][field].as_str().unwrap().to_string();
        assert_eq!(pair.key(By::AwsLc).open(&value), plain);
    }
    let ask = async |client: &TestClient, form: &str| {
        let request = client.request(Method::GET, "/v1/secret/data/erp").header("Accept-Encryption", form);
        client.send(request).await
    };
    let jwe = ask(&client, ResponseEncryption::Jwe.as_str()).await.expect(200);
    assert_eq!(pair.key(By::AwsLc).open(jwe["data"]["data"]["password"].as_str().unwrap()), "second");
    expect_errors(&ask(&client, "canary").await, 400, &["the header Accept-Encryption must be vendor or jwe"]);
    expect_errors(&ask(&maker, "jwe").await, 400, &["Accept-Encryption needs a response key"]);
}

#[actix_web::test]
async fn the_audit_log_tells_an_item_of_another_client_from_none() {
    let (app, client) = vault().await;
    let (other, mut answers) = (app.client().await, Vec::new());
    for name in ["erp", "note", "nothing"] {
        let answer = read(&other, name).await;
        expect_errors(&answer, 404, &[]);
        answers.push((answer.status, answer.text));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let reads = app.records().await.into_iter().filter(|record| record.action == "item.read");
    let mut seen: Vec<_> = reads.map(|record| (record.object, record.outcome)).collect();
    seen.sort();
    let row = |object: &str, outcome: &str| (object.to_string(), outcome.to_string());
    assert_eq!(seen, [row("", "item-not-found"), row("credential:1", "no-access"), row("information:1", "no-access")]);
    assert_eq!(read(&client, "erp").await.status, 200);
}
