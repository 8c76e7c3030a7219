//! The public key, the private key and the passphrase of one SSH key belong together: after an update and a restored
//! version, too.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

const ED25519: &str = include_str!("../fixtures/ssh/ed25519");
const ED25519_PUBLIC: &str = include_str!("../fixtures/ssh/ed25519.pub");
const ECDSA: &str = include_str!("../fixtures/ssh/ecdsa");
/// Encrypted, in OpenSSH's format: the public key is in the clear.
const ENCRYPTED: &str = include_str!("../fixtures/ssh/encrypted");
const ENCRYPTED_PUBLIC: &str = include_str!("../fixtures/ssh/encrypted.pub");
/// Encrypted, in PEM: nothing is in the clear.
const ENCRYPTED_PEM: &str = include_str!("../fixtures/ssh/encrypted_pem");
const ENCRYPTED_PEM_PUBLIC: &str = include_str!("../fixtures/ssh/encrypted_pem.pub");

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    (app, client)
}

/// Saves the key `k` with the sent fields, a second later than the one before.
async fn save(app: &TestApp, client: &TestClient, fields: Value) -> Answer {
    app.clock.advance(Duration::from_secs(1));
    let mut key = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k" });
    key.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client.post("/iso/pam/key", &key).await
}

async fn restore(app: &TestApp, client: &TestClient, version: i32) -> Answer {
    app.clock.advance(Duration::from_secs(1));
    client.post(&format!("/iso/pam/key/k/versions/{version}/restore"), &json!({})).await
}

async fn read(client: &TestClient) -> Value {
    client.get("/iso/pam/key/k").await.expect(200)["key"].clone()
}

fn base64(public: &str) -> &str {
    public.split_whitespace().find(|field| field.starts_with("AAAA")).unwrap()
}

#[actix_web::test]
async fn a_version_that_does_not_tell_its_public_key_is_not_restored_beside_another() {
    let (app, client) = vault().await;
    let pem = json!({ "private_key": ENCRYPTED_PEM, "public_key": ENCRYPTED_PEM_PUBLIC, "password": "one" });
    save(&app, &client, pem.clone()).await.expect(201);
    // The version in force: nothing changes. The same key alone: its public key is known.
    restore(&app, &client, 1).await.expect(201);
    save(&app, &client, json!({ "private_key": ENCRYPTED_PEM })).await.expect(201);
    assert_eq!(
        (&read(&client).await["public_key"], &read(&client).await["password"]),
        (&json!(ENCRYPTED_PEM_PUBLIC), &json!("one"))
    );
    save(&app, &client, json!({ "private_key": ED25519, "password": "two" })).await.expect(201);
    let before = read(&client).await;
    restore(&app, &client, 1).await.expect_number(1013);
    save(&app, &client, json!({ "private_key": ENCRYPTED_PEM })).await.expect_number(1013);
    assert_eq!(read(&client).await, before);
    assert_eq!(app.database.numbers("SELECT version FROM secret WHERE kind = 'ssh_key.private_key'").len(), 2);
    // The way to it: the version is read, and saved with its public key.
    save(&app, &client, pem).await.expect(201);
}

#[actix_web::test]
async fn a_version_without_a_public_key_is_restored_where_nothing_is_checked() {
    let app = TestApp::start_with(|settings| settings.ssh_keys.check = false).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    save(&app, &client, json!({ "private_key": ENCRYPTED_PEM, "public_key": "any", "password": "one" }))
        .await
        .expect(201);
    save(&app, &client, json!({ "private_key": "two", "public_key": "two", "password": "two" })).await.expect(201);
    restore(&app, &client, 1).await.expect(201);
    let key = read(&client).await;
    assert_eq!((&key["private_key"], &key["public_key"]), (&json!(ENCRYPTED_PEM), &json!("two")));
    assert_eq!(key["password"], "one");
}

#[actix_web::test]
async fn a_version_comes_back_with_its_own_passphrase() {
    let (app, client) = vault().await;
    save(&app, &client, json!({ "private_key": ENCRYPTED, "password": "wrong" })).await.expect(201);
    save(&app, &client, json!({ "password": "one" })).await.expect(201);
    save(&app, &client, json!({ "private_key": ECDSA, "password": "two" })).await.expect(201);
    save(&app, &client, json!({ "private_key": ED25519, "password": "" })).await.expect(201);
    for (version, private, password) in [
        (1, ENCRYPTED, json!("one")),
        (2, ECDSA, json!("two")),
        (3, ED25519, json!(null)),
        (4, ENCRYPTED, json!("one")),
    ] {
        restore(&app, &client, version).await.expect(201);
        let key = read(&client).await;
        assert_eq!((&key["private_key"], &key["password"]), (&json!(private), &password), "{version}");
    }
    assert_eq!(base64(read(&client).await["public_key"].as_str().unwrap()), base64(ENCRYPTED_PUBLIC));
}

#[actix_web::test]
async fn an_older_version_of_the_present_key_comes_back_with_its_own_passphrase() {
    let (app, client) = vault().await;
    save(&app, &client, json!({ "private_key": ENCRYPTED, "password": "one" })).await.expect(201);
    save(&app, &client, json!({ "private_key": ED25519, "password": "two" })).await.expect(201);
    save(&app, &client, json!({ "private_key": ENCRYPTED, "public_key": ENCRYPTED_PUBLIC, "password": "wrong" }))
        .await
        .expect(201);
    restore(&app, &client, 1).await.expect(201);
    let key = read(&client).await;
    assert_eq!((&key["private_key"], &key["password"]), (&json!(ENCRYPTED), &json!("one")));
    // The version in force keeps what it has.
    restore(&app, &client, 3).await.expect(201);
    assert_eq!(read(&client).await["password"], "one");
}

#[actix_web::test]
async fn a_version_whose_passphrase_is_not_kept_comes_back_without_one() {
    let app = TestApp::start_with(|settings| settings.history.versions = 3).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    save(&app, &client, json!({ "private_key": ENCRYPTED, "password": "one" })).await.expect(201);
    save(&app, &client, json!({ "private_key": ED25519, "password": "two" })).await.expect(201);
    for password in ["three", "four", "five"] {
        save(&app, &client, json!({ "password": password })).await.expect(201);
    }
    restore(&app, &client, 1).await.expect(201);
    assert_eq!(read(&client).await["password"], json!(null));
    // A key that never had a passphrase has no version of one.
    let plain = json!({ "identifier": "plain", "private_key": ED25519 });
    for private in [ED25519, ECDSA] {
        let mut key = plain.clone();
        key["private_key"] = json!(private);
        save(&app, &client, key).await.expect(201);
    }
    let passphrases = "SELECT version FROM secret WHERE kind = 'ssh_key.passphrase' ORDER BY 1";
    let before = app.database.numbers(passphrases);
    client.post("/iso/pam/key/plain/versions/1/restore", &json!({})).await.expect(201);
    assert_eq!(app.database.numbers(passphrases), before);
}

/// The options restrict what the key may do, so a line without them would grant more.
#[actix_web::test]
async fn a_public_key_with_options_stays_while_its_private_key_does() {
    let (app, client) = vault().await;
    let line = format!(r#"from="10.0.0.1",no-pty {ED25519_PUBLIC}"#);
    let windows = ED25519.replace('\n', "\r\n");
    save(&app, &client, json!({ "private_key": ED25519, "public_key": line })).await.expect(201);
    save(&app, &client, json!({ "private_key": windows })).await.expect(201);
    assert_eq!(
        (&read(&client).await["private_key"], &read(&client).await["public_key"]),
        (&json!(windows), &json!(line))
    );
    restore(&app, &client, 1).await.expect(201);
    assert_eq!(
        (&read(&client).await["private_key"], &read(&client).await["public_key"]),
        (&json!(ED25519), &json!(line))
    );
    save(&app, &client, json!({ "private_key": ECDSA })).await.expect(201);
    assert!(read(&client).await["public_key"].as_str().unwrap().starts_with("ecdsa-sha2-nistp256 "));
    // A line that is sent is what is written.
    save(&app, &client, json!({ "private_key": ED25519, "public_key": ED25519_PUBLIC })).await.expect(201);
    assert_eq!(read(&client).await["public_key"], ED25519_PUBLIC);
}

#[actix_web::test]
async fn a_sent_public_key_has_no_control_characters() {
    let (app, client) = vault().await;
    let key = ED25519_PUBLIC.trim();
    for public in [
        format!("{key}\u{1b}[31m"),
        format!("{key} a\rssh-ed25519 AAAA"),
        format!("{key} a\u{85}b"),
        format!("{key} a\u{2028}b"),
        format!("{key} a\u{7f}"),
        format!("command=\"a\u{7}b\" {key}"),
        format!("# a\u{1b}[0m comment\n{key}"),
        format!("---- BEGIN SSH2 PUBLIC KEY ----\nComment: a\u{8}\n{}\n---- END SSH2 PUBLIC KEY ----", base64(key)),
    ] {
        let sent = json!({ "private_key": ED25519, "public_key": public });
        save(&app, &client, sent).await.expect_refusal(400, "public_key: must not contain control characters");
    }
    let nul = json!({ "private_key": ED25519, "public_key": format!("{key} a\0b") });
    save(&app, &client, nul).await.expect_refusal(400, "public_key");
    for public in [format!("{key}\r\n"), format!("{key}\ttab\r"), format!("{key} می\u{200c}خواهم")] {
        save(&app, &client, json!({ "private_key": ED25519, "public_key": public })).await.expect(201);
        assert_eq!(read(&client).await["public_key"], json!(public));
    }
}
