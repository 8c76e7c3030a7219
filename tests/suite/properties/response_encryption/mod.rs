//! Encrypted secrets in answers (contract, section 3.5): which fields, under which key, in which form; and that nothing
//! is plain that should not be.

mod requests;
mod round_trip;

use std::collections::BTreeSet;
use std::sync::Arc;

use chaveiro::crypto::{ResponseEncryption, ResponseKey};
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::decrypt::{By, Pair, PrivateKey};
use crate::support::{TestApp, TestClient, endpoints, post_body};

const PASSWORD: &str = "hunter2-password";
const OLD_PASSWORD: &str = "hunter2-before";
const PASSPHRASE: &str = "hunter2-passphrase";
const TEXT: &str = "hunter2-text: ação";
const PRIVATE_KEY: &str = include_str!("../../fixtures/ssh/ed25519");

/// A vault with one of everything that holds a secret, and the client that made it.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let maker = app.client().await;
    maker.create_device("a", "10.0.0.1").await;
    let mut sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i",
                           "content": OLD_PASSWORD,
                           "additional_settings": { "secret_key": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" } });
    maker.save_credential(&sent).await;
    sent["content"] = json!(PASSWORD);
    maker.save_credential(&sent).await;
    sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "none", "identifier": "none" });
    maker.save_credential(&sent).await;
    sent = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": PRIVATE_KEY,
                   "password": PASSPHRASE });
    maker.post("/iso/pam/key", &sent).await.expect(201);
    maker.post("/iso/pam/info", &json!({ "content": TEXT, "identifier": "n" })).await.expect(201);
    (app, maker)
}

fn key(pair: &Pair, form: Option<ResponseEncryption>) -> Arc<ResponseKey> {
    Arc::new(ResponseKey::parse(pair.public, form).unwrap())
}

/// A client that sees all of it and has the key of that pair.
async fn encrypting(app: &TestApp, pair: &str, form: Option<ResponseEncryption>) -> (TestClient, PrivateKey) {
    let pair = Pair::named(pair);
    let client = app.client_with(|request| request.response_key = Some(key(pair, form))).await;
    for target in [LinkTarget::Device("a".into()), LinkTarget::Information("n".into())] {
        app.link(&client, target).await;
    }
    (client, pair.key(By::AwsLc))
}

/// Every read that gives a secret away, with the fields that hold one and what it is; none for a code of the moment.
const READS: [(&str, &[&str], Option<&str>); 13] = [
    ("pam/credential/i", &["/credential/password", "/credential/content"], Some(PASSWORD)),
    ("pam/credential?credential=i", &["/credential/password", "/credential/content"], Some(PASSWORD)),
    ("pam/credential/i/totp", &["/totp/code"], None),
    ("pam/credential/i/versions/1", &["/version/content"], Some(OLD_PASSWORD)),
    ("pam/key/k", &["/key/private_key"], Some(PRIVATE_KEY)),
    ("pam/key/k", &["/key/password"], Some(PASSPHRASE)),
    ("pam/key/k/versions/1", &["/version/content"], Some(PRIVATE_KEY)),
    ("pam/info/n", &["/info/content"], Some(TEXT)),
    ("pam/info/n/versions/1", &["/version/content"], Some(TEXT)),
    ("pam/item/i", &["/item/fields/password"], Some(PASSWORD)),
    ("pam/item/k", &["/item/fields/private_key"], Some(PRIVATE_KEY)),
    ("pam/item/k", &["/item/fields/passphrase"], Some(PASSPHRASE)),
    ("pam/item/n", &["/item/fields/text"], Some(TEXT)),
];

/// The answer holds none of the secrets of the vault.
#[track_caller]
fn assert_nothing_plain(text: &str) {
    assert!(!holds_a_secret(text), "{text}");
}

/// Whether one of the secrets of the vault stands in it; all of them begin alike.
fn holds_a_secret(text: &str) -> bool {
    text.contains("hunter2") || text.contains(PRIVATE_KEY.lines().nth(2).unwrap())
}

#[actix_web::test]
async fn every_secret_of_every_read_is_encrypted_for_whom_has_a_key_and_plain_for_the_other() {
    let (app, maker) = vault().await;
    for (pair, form, parts) in [("rsa", None, 1), ("rsa", Some(ResponseEncryption::Jwe), 5), ("p256", None, 5)] {
        let (client, private) = encrypting(&app, pair, form).await;
        for (path, fields, secret) in READS {
            for path in ["iso", "api"].map(|prefix| format!("/{prefix}/{path}")) {
                let plain = maker.get(&path).await.expect(200);
                let answer = client.get(&path).await;
                let body = answer.expect(200);
                assert_nothing_plain(&answer.text);
                let named = if parts == 1 { "vendor" } else { "jwe" };
                assert_eq!(answer.header("secret-encryption"), Some(named), "{path}");
                for field in fields {
                    let (plain, found) =
                        (plain.pointer(field).unwrap(), body.pointer(field).unwrap().as_str().unwrap());
                    assert!(secret.is_none_or(|secret| plain == secret), "{path} {field}: {plain}");
                    assert_eq!(found.split('.').count(), parts, "{path} {field}: {found}");
                    assert_eq!(private.open(found), plain.as_str().unwrap(), "{path} {field}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn nothing_but_the_secrets_changes() {
    let (app, maker) = vault().await;
    let (client, private) = encrypting(&app, "rsa", None).await;
    let fields: BTreeSet<_> = READS.iter().flat_map(|(_, fields, _)| fields.iter()).collect();
    for (path, ..) in READS {
        let path = format!("/api/{path}");
        let mut encrypted = client.get(&path).await.expect(200);
        for field in &fields {
            if let Some(value) = encrypted.pointer_mut(field) {
                *value = private.open(value.as_str().unwrap()).into();
            }
        }
        assert_eq!(encrypted, maker.get(&path).await.expect(200), "{path}");
    }
}

/// Every method on every path.
#[actix_web::test]
async fn no_call_but_these_reveals_anything_and_none_to_whom_has_a_key() {
    let (app, maker) = vault().await;
    let (client, _) = encrypting(&app, "rsa", None).await;
    let mut revealing = BTreeSet::new();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.bearer) {
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        // What an earlier call switched off is there to be revealed again.
        for path in ["device/a", "credential/i", "key/k", "info/n"] {
            maker.put(&format!("/iso/pam/{path}")).await;
        }
        for key in ["1", "2", "3", "i", "n", "k", "a"] {
            let path = endpoint.path.replace("{key}", key).replace("{version}", "1");
            for caller in [&maker, &client] {
                let mut request = caller.request(method.clone(), &path);
                if method == Method::POST && !endpoint.basic {
                    request = request.json(&post_body(&endpoint.path, "hunter2-new"));
                }
                let answer = caller.send(request).await;
                let shown = format!("{:?}\n{}", answer.headers, answer.text);
                if caller.client_id == client.client_id {
                    assert_nothing_plain(&shown);
                    let is_said = answer.header("secret-encryption").is_some();
                    let is_pam = path.starts_with("/iso/") || path.starts_with("/api/");
                    assert_eq!(is_said, is_pam && answer.status.is_success(), "{method} {path}");
                } else if holds_a_secret(&shown) {
                    revealing.insert(format!("{} {}", endpoint.method, endpoint.path));
                }
            }
        }
    }
    let read = ["credential", "key", "info"]
        .iter()
        .flat_map(|item| [format!("GET pam/{item}/{{key}}"), format!("GET pam/{item}/{{key}}/versions/{{version}}")]);
    // Information is echoed when it is saved; a batch reads and `use` logs in.
    let others = ["GET pam/item/{key}", "POST pam/info", "POST pam/use", "POST pam/credential/batch"].map(String::from);
    let expected = read.chain(others).flat_map(|call| {
        let (method, path) = call.split_once(' ').unwrap();
        ["iso", "api"].map(|prefix| format!("{method} /{prefix}/{path}"))
    });
    assert_eq!(revealing, expected.collect());
}

#[actix_web::test]
async fn what_a_save_echoes_is_encrypted_too() {
    let (app, maker) = vault().await;
    let (client, private) = encrypting(&app, "rsa", None).await;
    for prefix in ["iso", "api"] {
        let sent = json!({ "content": "hunter2-new", "identifier": format!("new-{prefix}") });
        let answer = client.post(&format!("/{prefix}/pam/info"), &sent).await;
        let body = answer.expect(201);
        assert_nothing_plain(&answer.text);
        assert_eq!(private.open(body["info"]["content"].as_str().unwrap()), "hunter2-new");
    }
    let sent = json!({ "content": "c", "identifier": "plain" });
    assert_eq!(maker.post("/iso/pam/info", &sent).await.expect(201)["info"]["content"], "c");
    // A repetition is answered from what was done, and encrypted like any answer.
    let sent = json!({ "content": "hunter2-once", "identifier": "once" });
    for _ in 0..2 {
        let request = client.request(reqwest::Method::POST, "/iso/pam/info").header("Idempotency-Key", "k").json(&sent);
        let answer = client.send(request).await;
        assert_nothing_plain(&answer.text);
        assert_eq!(private.open(answer.expect(201)["info"]["content"].as_str().unwrap()), "hunter2-once");
    }
    assert_eq!(app.database.texts("SELECT outcome FROM audit_record WHERE outcome = 'repeated'").len(), 1);
    for prefix in ["iso", "api"] {
        let used = client.post(&format!("/{prefix}/pam/use"), &json!({ "identifier": "i" })).await;
        let batch = json!({ "items": [{ "read": "i" }] });
        let read = client.post(&format!("/{prefix}/pam/credential/batch"), &batch).await;
        assert_nothing_plain(&used.text);
        assert_nothing_plain(&read.text);
        for credential in [&used.expect(200)["credential"], &read.expect(200)["items"][0]["credential"]] {
            assert_eq!(private.open(credential["password"].as_str().unwrap()), PASSWORD);
            assert_eq!(private.open(credential["content"].as_str().unwrap()), PASSWORD);
        }
    }
    // What it sends is kept as it was sent, and not encrypted twice.
    let mut sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i" });
    sent["content"] = json!("hunter2-sent");
    client.save_credential(&sent).await;
    assert_eq!(maker.password("i").await, "hunter2-sent");
}

#[actix_web::test]
async fn a_secret_that_is_not_there_stays_null() {
    let (app, _) = vault().await;
    let (client, _) = encrypting(&app, "rsa", None).await;
    let body = client.get("/iso/pam/credential/none").await.expect(200);
    assert_eq!((&body["credential"]["password"], &body["credential"]["content"]), (&Value::Null, &Value::Null));
}

#[actix_web::test]
async fn a_key_is_changed_and_taken_away_while_the_server_runs() {
    let (app, _) = vault().await;
    let (client, rsa) = encrypting(&app, "rsa", None).await;
    let id = client.client_id.clone();
    let password = async || {
        app.vault.refresh().await.unwrap();
        client.password("i").await.as_str().unwrap().to_string()
    };
    assert_eq!(rsa.open_vendor(&password().await), PASSWORD);
    app.vault
        .set_response_encryption(app.operator(Action::RESPONSE_KEY_SET).await, &id, ResponseEncryption::Jwe)
        .await
        .unwrap();
    assert_eq!(rsa.open_jwe(&password().await).0, PASSWORD);
    let curve = Pair::named("x25519");
    app.vault.set_response_key(app.operator(Action::RESPONSE_KEY_SET).await, &id, key(curve, None)).await.unwrap();
    assert_eq!(curve.key(By::AwsLc).open_jwe(&password().await).0, PASSWORD);
    app.vault
        .set_response_encryption(app.operator(Action::RESPONSE_KEY_SET).await, &id, ResponseEncryption::Vendor)
        .await
        .unwrap_err();
    app.vault.remove_response_key(app.operator(Action::RESPONSE_KEY_REMOVE).await, &id).await.unwrap();
    assert_eq!(password().await, PASSWORD);
    app.vault.remove_response_key(app.operator(Action::RESPONSE_KEY_REMOVE).await, &id).await.unwrap_err();
    app.vault
        .set_response_encryption(app.operator(Action::RESPONSE_KEY_SET).await, &id, ResponseEncryption::Jwe)
        .await
        .unwrap_err();
    let query = "SELECT action || ' ' || outcome FROM audit_record WHERE action LIKE '%response-key' ORDER BY 1";
    let expected = [
        "authorization.remove-response-key ok",
        "authorization.remove-response-key response-key-not-found",
        "authorization.set-response-key invalid-input",
        "authorization.set-response-key ok",
        "authorization.set-response-key ok",
        "authorization.set-response-key response-key-not-found",
    ];
    assert_eq!(app.database.texts(query), expected);
}

#[actix_web::test]
async fn a_key_that_cannot_be_read_closes_the_client_and_no_other() {
    let (app, maker) = vault().await;
    let spoiled = [
        "public_key = 'x'",
        "public_key = ''",
        "public_key = REPLACE(public_key, 'PUBLIC', 'PRIVATE')",
        "form = 'plain'",
        "form = ''",
    ];
    for change in spoiled {
        let (client, _) = encrypting(&app, "rsa", None).await;
        assert_eq!(client.get("/iso/pam/credential/i").await.status.as_u16(), 200);
        let owner = format!("(SELECT id FROM \"authorization\" WHERE client_id = '{}')", client.client_id);
        app.database.run(&format!("UPDATE response_key SET {change} WHERE authorization_id = {owner}"));
        app.database.run("UPDATE change_mark SET revision = revision + 1");
        app.vault.refresh().await.unwrap();
        let answer = client.get("/iso/pam/credential/i").await;
        assert_eq!(answer.status.as_u16(), 401, "{change}");
        assert_nothing_plain(&answer.text);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.client_id.as_str()),
            ("client_secret", client.client_secret.as_str()),
        ];
        assert_eq!(app.anonymous().post_form("/iso/oauth2/token", &form).await.status.as_u16(), 401, "{change}");
        app.vault.response_key(app.operator(Action::RESPONSE_KEY_READ).await, &client.client_id).await.unwrap_err();
    }
    // A form that the key cannot have is no better.
    let (client, _) = encrypting(&app, "p256", None).await;
    app.database.run("UPDATE response_key SET form = 'vendor'");
    app.database.run("UPDATE change_mark SET revision = revision + 1");
    app.vault.refresh().await.unwrap();
    assert_eq!(client.get("/iso/pam/credential/i").await.status.as_u16(), 401);
    assert_eq!(maker.password("i").await, PASSWORD);
}
