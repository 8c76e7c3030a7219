//! Writing a secret: what it becomes, and what a request has to have.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::crypto::random_bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::{SECRETS, app, expect_error, read, vault};
use crate::support::{Answer, TestClient, device};

/// The body of a write, encrypted as the client does.
pub(crate) fn encrypted(public_key: &str, name: &str, value: &str) -> Value {
    let key = PublicEncryptingKey::from_der(&STANDARD.decode(public_key).unwrap()).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let (content_key, iv) = (random_bytes::<32>(), random_bytes::<16>());
    let mut wrapped = vec![0; key.ciphertext_size()];
    key.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut wrapped, None).unwrap();
    let cipher = AesGcm::<Aes256, U16>::new_from_slice(&content_key).unwrap();
    let mut content = value.as_bytes().to_vec();
    let nonce = Nonce::<U16>::from(iv);
    let tag = cipher.encrypt_inout_detached(&nonce, b"", content.as_mut_slice().into()).unwrap();
    let encryption = json!({ "encryptionScheme": "robocloud-vault-transit-v2", "iv": STANDARD.encode(iv),
                             "encryptedAES": STANDARD.encode(&wrapped), "authTag": STANDARD.encode(tag) });
    json!({ "name": name, "description": "", "value": STANDARD.encode(&content), "encryption": encryption })
}

/// The key of the vault, in base64.
pub(crate) async fn public_key(client: &TestClient) -> String {
    let answer = client.get(&format!("{SECRETS}/publicKey")).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    answer.text
}

/// Sends a body to the path of a secret.
pub(crate) async fn put(client: &TestClient, name: &str, body: &Value) -> Answer {
    client.send(client.request(Method::PUT, &format!("{SECRETS}/{name}")).json(body)).await
}

/// Writes a secret.
pub(crate) async fn write(client: &TestClient, name: &str, value: &Value) -> Answer {
    let body = encrypted(&public_key(client).await, name, &value.to_string());
    put(client, name, &body).await
}

#[actix_web::test]
async fn a_written_password_is_that_of_the_credential_and_what_is_not_sent_stays() {
    let (app, client) = vault().await;
    let written = write(&client, "erp", &json!({ "password": "third" })).await;
    assert_eq!(written.expect(200), json!({ "name": "erp", "description": "" }));
    assert_eq!(client.password("erp").await, "third");
    // A secret as it was read, with another password, and again.
    let whole = json!({ "username": "batch", "password": " fourth\u{e9} ", "hostname": "srv", "address": "10.0.0.1",
                        "port": "" });
    for _ in 0..2 {
        write(&client, "erp", &whole).await.expect(200);
        assert_eq!(client.password("erp").await, " fourth\u{e9} ");
    }
    write(&client, "erp", &json!({ "username": "other", "password": "fifth" })).await.expect(200);
    let shown = client.get("/iso/pam/credential/erp").await.expect(200)["credential"].clone();
    assert_eq!(
        (&shown["username"], &shown["password"], &shown["hostname"]),
        (&json!("other"), &json!("fifth"), &json!("srv"))
    );
    let name = "srv/corp/ana";
    write(&client, name, &json!({ "username": "corp/ana", "password": "new" })).await.expect(200);
    assert_eq!(client.password("corp%2Fana@srv").await, "new");
    let versions = app.database.numbers("SELECT CAST(MAX(version) AS INTEGER) FROM secret WHERE owner_id = 1");
    assert_eq!(versions, [5], "the same password again is no version");
    let records = app.database.texts("SELECT object FROM audit_record WHERE action = 'item.save' AND outcome = 'ok'");
    assert_eq!(records, ["credential:1", "credential:1", "credential:1", "credential:1", "credential:2"]);
    app.verify_audit().await;
}

#[actix_web::test]
async fn a_new_name_is_a_credential_of_a_known_device_or_a_text() {
    let (app, client) = vault().await;
    let mut device = device("linux", "10.0.0.3");
    device["connectivities"] = json!("SSH:22");
    client.post("/iso/pam/device", &device).await.expect(201);
    let new = json!({ "username": "robot", "password": "p", "hostname": "linux", "address": "10.0.0.3", "port": "22" });
    write(&client, "new-robot", &new).await.expect(200);
    assert_eq!(client.password("new-robot").await, "p");
    read(&client, "new-robot").await.expect(200);
    for _ in 0..2 {
        write(&client, "new-note", &json!({ "name": "a title", "text": "one\ntwo" })).await.expect(200);
    }
    let note = client.get("/iso/pam/info/new-note").await.expect(200)["info"].clone();
    assert_eq!(note["content"], "one\ntwo");
    assert_eq!(app.database.texts("SELECT name FROM information WHERE identifier = 'new-note'"), ["a title"]);
    write(&client, "note", &json!({ "text": "changed" })).await.expect(200);
    assert_eq!(client.get("/iso/pam/info/note").await.expect(200)["info"]["content"], "changed");
}

#[actix_web::test]
async fn what_cannot_be_set_is_refused_by_its_name() {
    let (app, client) = vault().await;
    client.create_device("other", "10.0.0.2").await;
    let whole = json!({ "username": "u", "password": "hidden", "hostname": "srv", "address": "10.0.0.1" });
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body
    };
    for (name, value, status, part) in [
        ("new", json!({ "password": "hidden" }), 400, "value.username: required"),
        ("new", json!({ "password": "hidden", "username": "u" }), 400, "value.hostname: required"),
        ("new", json!({ "password": "hidden", "username": "u", "hostname": "srv" }), 400, "value.address: required"),
        ("new", with("address", json!("10.0.0.2")), 400, "value.hostname"),
        ("new", with("hostname", json!("nowhere")), 400, "value.hostname"),
        ("new", with("port", json!("2222")), 400, "value.port"),
        ("new", with("url", json!("hidden")), 400, "value: expected username, password"),
        ("new", with("private_key", json!("hidden")), 400, "value.private_key"),
        ("new/er", whole.clone(), 400, "Invalid parameter name"),
        ("erp", json!({ "username": "u" }), 400, "value.password: required"),
        ("erp", with("username", json!("corp/ana")), 400, "value.username"),
        ("erp", json!({ "text": "hidden" }), 409, "another kind"),
        ("note", whole.clone(), 409, "another kind"),
        ("key", whole.clone(), 409, "another kind"),
        ("srv/corp/ana", json!({ "username": "ana", "password": "hidden" }), 400, "value.username"),
        (
            "srv/corp/ana",
            json!({ "hostname": "other", "address": "10.0.0.2", "password": "hidden" }),
            400,
            "value.hostname",
        ),
    ] {
        let answer = write(&client, name, &value).await;
        let code = if status == 400 { "invalid_request" } else { "wrong_kind" };
        expect_error(&answer, status, code);
        assert!(answer.text.contains(part) && !answer.text.contains("hidden"), "{name} {value}: {}", answer.text);
    }
    assert_eq!(client.password("erp").await, "second");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM credential"), [3], "nothing is created");
}

#[actix_web::test]
async fn a_body_that_does_not_decrypt_has_one_answer_and_a_malformed_one_names_its_member() {
    let (app, client) = vault().await;
    let key = public_key(&client).await;
    let body = encrypted(&key, "erp", r#"{"password":"hidden"}"#);
    let other = public_key(&super::app().await.client().await).await;
    let flipped = |text: &Value| {
        let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
        bytes[0] ^= 1;
        json!(STANDARD.encode(bytes))
    };
    let mut undecryptable = vec![encrypted(&other, "erp", r#"{"password":"hidden"}"#)];
    for pointer in ["/value", "/encryption/iv", "/encryption/authTag", "/encryption/encryptedAES"] {
        let mut changed = body.clone();
        let member = changed.pointer_mut(pointer).unwrap();
        *member = flipped(member);
        undecryptable.push(changed);
    }
    for (pointer, value) in [("/encryption/encryptedAES", ""), ("/encryption/encryptedAES", "AAAA"), ("/value", "")] {
        let mut changed = body.clone();
        *changed.pointer_mut(pointer).unwrap() = json!(value);
        undecryptable.push(changed);
    }
    let mut texts = Vec::new();
    for body in &undecryptable {
        let answer = put(&client, "erp", body).await;
        expect_error(&answer, 400, "invalid_request");
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    for (pointer, value, name) in [
        ("/name", json!("other"), "name"),
        ("/name", Value::Null, "name"),
        ("/description", json!(5), "description"),
        ("/value", json!("hidden!"), "value"),
        ("/value", json!(5), "value"),
        ("/encryption", json!("hidden"), "encryption"),
        ("/encryption/encryptionScheme", json!("hidden"), "encryption.encryptionScheme"),
        ("/encryption/iv", json!("AAAA"), "encryption.iv"),
        ("/encryption/authTag", json!(STANDARD.encode([0; 15])), "encryption.authTag"),
        ("/encryption/encryptedAES", json!({}), "encryption.encryptedAES"),
    ] {
        let mut changed = body.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let answer = put(&client, "erp", &changed).await;
        expect_error(&answer, 400, "invalid_request");
        assert!(
            answer.text.contains(&format!("parameter {name}:")) && !answer.text.contains("hidden"),
            "{}",
            answer.text
        );
    }
    for text in ["", "hidden", "[]", "null", "{\"name\":\"erp\",\"name\":\"erp\"}", "{}"] {
        let request = client.request(Method::PUT, &format!("{SECRETS}/erp")).header("Content-Type", "application/json");
        let answer = client.send(request.body(text)).await;
        expect_error(&answer, 400, "invalid_request");
        assert!(!answer.text.contains("hidden"));
    }
    assert_eq!(client.password("erp").await, "second");
    let refused = app.database.texts("SELECT DISTINCT outcome FROM audit_record WHERE action = 'item.save'");
    assert_eq!(refused, ["invalid-input"]);
}

#[actix_web::test]
async fn a_write_needs_the_permission_to_write_and_reaches_what_the_client_sees() {
    let (app, client) = vault().await;
    let body = encrypted(&public_key(&client).await, "erp", r#"{"password":"stolen"}"#);
    let reader = app.read_only_client().await;
    for answer in [
        put(&reader, "erp", &body).await,
        reader.get(&format!("{SECRETS}/publicKey")).await,
        put(&app.anonymous(), "erp", &body).await,
        app.anonymous().get(&format!("{SECRETS}/publicKey")).await,
    ] {
        expect_error(&answer, 403, "not_authorized");
    }
    let stranger = app.client().await;
    stranger.create_device("own", "10.0.0.9").await;
    for (name, value) in [
        ("erp", json!({ "username": "u", "password": "stolen", "hostname": "own", "address": "10.0.0.9" })),
        ("note", json!({ "text": "stolen" })),
    ] {
        let answer = write(&stranger, name, &value).await;
        expect_error(&answer, 404, "not_found");
    }
    // Nor onto a device that it does not see, which is the same as no device.
    for hostname in ["srv", "nowhere"] {
        let value = json!({ "username": "u", "password": "x", "hostname": hostname, "address": "10.0.0.1" });
        let answer = write(&stranger, "new", &value).await;
        expect_error(&answer, 400, "invalid_request");
        assert!(answer.text.contains("an active device with this address that the client sees"), "{}", answer.text);
    }
    assert_eq!(client.password("erp").await, "second");
}

#[actix_web::test]
async fn exclusive_custody_and_inactive_items_are_not_written() {
    let (app, client) = vault().await;
    let exclusive = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": "batch", "identifier": "erp",
                            "exclusive_custody": "yes" });
    client.save_credential(&exclusive).await;
    expect_error(&write(&client, "erp", &json!({ "password": "x" })).await, 404, "not_found");
    client.delete("/iso/pam/info/note").await.expect(200);
    expect_error(&write(&client, "note", &json!({ "text": "x" })).await, 404, "not_found");
    client.delete("/iso/pam/credential/corp%2Fana@srv").await.expect(200);
    expect_error(&write(&client, "srv/corp/ana", &json!({ "password": "x" })).await, 404, "not_found");
    let reasons = app.database.texts("SELECT outcome FROM audit_record WHERE action = 'item.save' ORDER BY outcome");
    assert_eq!(reasons, ["credential-inactive", "exclusive-custody", "information-inactive"]);
}

#[actix_web::test]
async fn all_nodes_have_one_key_which_is_made_once_and_kept_sealed() {
    let app = app().await;
    let client = app.client().await;
    let count = || app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM secret WHERE kind = 'transit.key'");
    assert_eq!(count(), [0], "not before it is asked for");
    let second = app.serve_second_node();
    let elsewhere = client.at(second.address);
    let keys = futures_util::future::join_all([&client, &elsewhere, &client, &elsewhere].map(public_key)).await;
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(count(), [1]);
    client.create_device("srv", "10.0.0.1").await;
    let value = json!({ "username": "u", "password": "p", "hostname": "srv", "address": "10.0.0.1" });
    write(&elsewhere, "one", &value).await.expect(200);
    assert_eq!(client.password("one").await, "p");
    let later = app.serve_second_node();
    assert_eq!(public_key(&client.at(later.address)).await, keys[0]);
    // Its name is taken: a secret of this name could not be read.
    let body = encrypted(&keys[0], "publicKey", &value.to_string());
    expect_error(&put(&client, "publicKey", &body).await, 405, "method_not_allowed");
}
