//! SSH keys (contract, section 8).

use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

const PRIVATE: &str = include_str!("../fixtures/ssh/ed25519");
const PUBLIC: &str = include_str!("../fixtures/ssh/ed25519.pub");
const OTHER_PUBLIC: &str = include_str!("../fixtures/ssh/rsa.pub");
const OTHER_PRIVATE: &str = include_str!("../fixtures/ssh/rsa");
const PKCS1_PRIVATE: &str = include_str!("../fixtures/ssh/pkcs1");
const PKCS1_PUBLIC: &str = include_str!("../fixtures/ssh/pkcs1.pub");

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.20.30.50").await;
    client.create_device("erp-02", "10.20.30.51").await;
    (app, client)
}

fn key(more: Value) -> Value {
    let mut key = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "deploy", "identifier": "deploy-key",
                          "private_key": PRIVATE, "public_key": PUBLIC });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

#[actix_web::test]
async fn a_key_is_created_read_and_listed_as_documented() {
    let (_app, client) = vault().await;
    let more = json!({ "key_name": "deploy-2024", "enabled": true, "tags": "ci,erp", "password": null,
                       "devices": [{ "hostname": "erp-02" }, { "hostname": "nowhere" }, { "hostname": "ERP-02" }] });
    insta::assert_json_snapshot!("key_created", client.post("/iso/pam/key", &key(more)).await.expect(201));
    let body = client.get("/iso/pam/key/1").await.expect(200);
    assert_eq!(body["key"]["private_key"], PRIVATE);
    assert_eq!(body["key"]["public_key"], PUBLIC);
    let mut shown = client.get("/api/pam/key/deploy-key").await.expect(200);
    shown["key"]["private_key"] = json!("[checked above]");
    insta::assert_json_snapshot!("key", shown);
    insta::assert_json_snapshot!("keys", client.get("/iso/pam/key").await.expect(200));
    let listed = client.get("/iso/pam/credential").await.expect(200)["credentials"][0].clone();
    assert_eq!((&listed["type"], &listed["identifier"]), (&json!("SSH Key"), &json!("deploy-key")));
}

#[actix_web::test]
async fn required_parameters_are_named_in_the_order_of_their_numbers() {
    let (_app, client) = vault().await;
    let mut sent = json!({});
    client.post("/iso/pam/key", &sent).await.expect_number(1004);
    sent["hostname"] = json!("erp-01");
    client.post("/iso/pam/key", &sent).await.expect_number(1005);
    sent["ip"] = json!("10.20.30.50");
    client.post("/iso/pam/key", &sent).await.expect_number(1013);
    sent["public_key"] = json!(PUBLIC);
    client.post("/api/pam/key", &sent).await.expect_number(1014);
    sent["private_key"] = json!(PRIVATE);
    sent["hostname"] = json!("nowhere");
    client.post("/iso/pam/key", &sent).await.expect_number(1011);
    client.post("/api/pam/key", &key(json!({ "identifier": "a b" }))).await.expect_number(1053);
    assert_eq!(client.get("/iso/pam/key").await.expect(200)["keys"], json!([]));
}

#[actix_web::test]
async fn a_public_key_that_is_missing_is_derived() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/key", &key(json!({ "public_key": null }))).await.expect(201);
    let shown = client.get("/iso/pam/key/1").await.expect(200)["key"]["public_key"].clone();
    assert_eq!(shown.as_str().unwrap().split(' ').nth(1), PUBLIC.split(' ').nth(1));
}

#[actix_web::test]
async fn a_public_key_is_derived_from_pem_too() {
    let (_app, client) = vault().await;
    let sent = key(json!({ "private_key": PKCS1_PRIVATE, "public_key": null }));
    client.post("/iso/pam/key", &sent).await.expect(201);
    let shown = client.get("/iso/pam/key/1").await.expect(200)["key"].clone();
    assert_eq!(shown["public_key"].as_str().unwrap().split(' ').nth(1), PKCS1_PUBLIC.split(' ').nth(1));
    assert_eq!(shown["algorithm"], "ssh-rsa");
}

#[actix_web::test]
async fn a_public_key_is_kept_as_it_is_written() {
    let (_app, client) = vault().await;
    let base64 = PUBLIC.split(' ').nth(1).unwrap();
    for (public, comment) in [
        (format!("ssh-ed25519\t{base64}\t two  words \r\n"), "two  words"),
        (format!("\n\nssh-ed25519   {base64}"), ""),
        (format!("# the build server\nssh-ed25519 {base64} c\n"), "c"),
        (format!(r#"from="10.0.0.1",command="echo \"a b\"",no-pty ssh-ed25519 {base64} c"#), "c"),
    ] {
        client.post("/iso/pam/key", &key(json!({ "public_key": public }))).await.expect(201);
        let shown = client.get("/iso/pam/key/1").await.expect(200)["key"].clone();
        assert_eq!((&shown["public_key"], &shown["comment"]), (&json!(public), &json!(comment)));
        assert_eq!(shown["algorithm"], "ssh-ed25519");
    }
}

#[actix_web::test]
async fn what_is_no_key_or_no_pair_is_refused_unless_the_check_is_off() {
    let (_app, client) = vault().await;
    for (more, part) in [
        (json!({ "private_key": "hunter2hunter2" }), "private_key: is not a private key"),
        (json!({ "private_key": format!("{PRIVATE}{OTHER_PRIVATE}") }), "private_key: holds more than one key"),
        (json!({ "private_key": PRIVATE[..200] }), "private_key: is cut off"),
        (json!({ "private_key": PUBLIC }), "private_key: is a public key"),
        (json!({ "private_key": PKCS1_PRIVATE }), "public_key: does not belong"),
        (json!({ "public_key": PRIVATE }), "public_key: is a private key"),
        (json!({ "public_key": format!("{PUBLIC}{OTHER_PUBLIC}") }), "public_key: holds more than one line"),
        (json!({ "public_key": PUBLIC.replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1) }), "public_key"),
        (json!({ "public_key": "hunter2hunter2" }), "public_key: is not a public key"),
        (json!({ "public_key": OTHER_PUBLIC }), "does not belong"),
    ] {
        let answer = client.post("/iso/pam/key", &key(more)).await;
        answer.expect_refusal(400, part);
        assert!(!answer.text.contains("hunter2") && !answer.text.contains("b3BlbnNzaC"), "{}", answer.text);
    }
    let app = TestApp::start_with(|settings| settings.ssh_keys.check = false).await;
    let client = app.client().await;
    client.create_device("erp-01", "10.20.30.50").await;
    client.post("/iso/pam/key", &key(json!({ "private_key": "anything" }))).await.expect(201);
    assert_eq!(client.get("/iso/pam/key/1").await.expect(200)["key"]["private_key"], "anything");
    client.post("/iso/pam/key", &key(json!({ "identifier": "b", "public_key": "" }))).await.expect_number(1013);
}

#[actix_web::test]
async fn an_update_by_identifier_changes_what_is_sent_and_nothing_else() {
    let (app, client) = vault().await;
    let more = json!({ "key_name": "first", "tags": "a", "password": "pass", "devices": [{ "hostname": "erp-02" }] });
    client.post("/iso/pam/key", &key(more)).await.expect(201);
    let sent = json!({ "identifier": "deploy-key", "key_name": "second" });
    let body = client.post("/api/pam/key", &sent).await.expect(201);
    assert_eq!(body["response"]["message"], "Key updated successfully!");
    assert_eq!(body["key"]["devices"][0]["hostname"], "erp-02");
    let shown = client.get("/iso/pam/key/1").await.expect(200)["key"].clone();
    assert_eq!(
        (&shown["key_name"], &shown["password"], &shown["tags"]),
        (&json!("second"), &json!("pass"), &json!(["a"]))
    );

    // A new pair; half of one has to fit the half that is there.
    let half = json!({ "identifier": "deploy-key", "public_key": OTHER_PUBLIC });
    client.post("/iso/pam/key", &half).await.expect_refusal(400, "does not belong");
    let pair = json!({ "identifier": "deploy-key", "public_key": OTHER_PUBLIC, "private_key": OTHER_PRIVATE,
                       "password": "", "devices": [], "hostname": "erp-02", "ip": "10.20.30.51", "username": "other" });
    client.post("/iso/pam/key", &pair).await.expect(201);
    let shown = client.get("/iso/pam/key/1").await.expect(200)["key"].clone();
    assert_eq!((&shown["private_key"], &shown["hostname"]), (&json!(OTHER_PRIVATE), &json!("erp-02")));
    assert_eq!((&shown["password"], &shown["devices"], &shown["bits"]), (&json!(null), &json!([]), &json!(2048)));
    let versions = app.database.numbers("SELECT version FROM secret WHERE kind = 'ssh_key.private_key' ORDER BY 1");
    assert_eq!(versions, [1, 2]);
}

#[actix_web::test]
async fn without_an_identifier_each_is_new_and_the_modern_dialect_gives_one() {
    let (_app, client) = vault().await;
    for id in ["1", "2"] {
        let body = client.post("/iso/pam/key", &key(json!({ "identifier": "" }))).await.expect(201);
        assert_eq!((&body["key"]["id"], &body["key"]["identifier"]), (&json!(id), &json!(null)));
    }
    let body = client.post("/api/pam/key", &key(json!({ "identifier": null }))).await.expect(201);
    assert_eq!(body["key"]["identifier"].as_str().unwrap().len(), 36);
}

#[actix_web::test]
async fn switching_off_and_on_answers_in_the_words_of_the_dialect() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/key", &key(json!({}))).await.expect(201);
    client.put("/iso/pam/key/1").await.expect_number(1045);
    let body = client.delete("/iso/pam/key/deploy-key").await.expect(200);
    assert_eq!(body["response"]["message"], "Key successfully deactivated");
    client.get("/iso/pam/key/1").await.expect_number(1017);
    client.delete("/iso/pam/key/1").await.expect_number(1017);
    let body = client.put("/iso/pam/key/1").await.expect(200);
    assert_eq!(body["response"]["message"], "Key successfully activated");
    client.delete("/iso/pam/key/1").await.expect(200);
    let body = client.put("/api/pam/key/1").await.expect(200);
    assert_eq!(body["response"]["message"], "Credential successfully activated");
    // Created switched off, and on by an update.
    client.post("/iso/pam/key", &key(json!({ "identifier": "off", "enabled": false }))).await.expect(201);
    client.get("/iso/pam/key/off").await.expect_number(1017);
    client.post("/iso/pam/key", &json!({ "identifier": "off", "enabled": "true" })).await.expect(201);
    client.get("/iso/pam/key/off").await.expect(200);
    // With its device, and not before it.
    client.delete("/iso/pam/device/erp-01").await.expect(200);
    client.get("/iso/pam/key/off").await.expect_number(1017);
    client.put("/iso/pam/key/off").await.expect_number(1011);
    client.post("/iso/pam/key", &json!({ "identifier": "off", "enabled": true })).await.expect_number(1012);
}

#[actix_web::test]
async fn keys_and_credentials_are_told_apart() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/key", &key(json!({}))).await.expect(201);
    let password = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "deploy", "identifier": "pw" });
    client.save_credential(&password).await;
    client.get("/iso/pam/credential/deploy-key").await.expect_number(1010);
    client.delete("/iso/pam/credential/1").await.expect_number(1010);
    for method in ["get", "put", "delete"] {
        let answer = match method {
            "get" => client.get("/iso/pam/key/pw").await,
            "put" => client.put("/iso/pam/key/pw").await,
            _ => client.delete("/iso/pam/key/pw").await,
        };
        answer.expect_number(1016);
    }
    client.post("/iso/pam/key", &key(json!({ "identifier": "pw" }))).await.expect_number(1016);
    for path in ["/iso/pam/key/99", "/iso/pam/key/nothing", "/iso/pam/key/%00"] {
        client.get(path).await.expect_number(1015);
    }
    // The account's password is found by its name, not its key.
    assert_eq!(client.get("/iso/pam/credential/deploy@erp-01").await.expect(200)["credential"]["id"], "2");
}

#[actix_web::test]
async fn a_stranger_sees_and_changes_nothing() {
    let (app, client) = vault().await;
    client.post("/iso/pam/key", &key(json!({}))).await.expect(201);
    let stranger = app.client().await;
    stranger.get("/iso/pam/key/1").await.expect_number(1009);
    stranger.put("/iso/pam/key/1").await.expect_number(1009);
    stranger.delete("/iso/pam/key/deploy-key").await.expect_number(1009);
    stranger.post("/iso/pam/key", &json!({ "identifier": "deploy-key", "key_name": "x" })).await.expect_number(1009);
    stranger.post("/iso/pam/key", &key(json!({ "identifier": "new" }))).await.expect_number(1011);
    assert_eq!(stranger.get("/iso/pam/key").await.expect(200)["keys"], json!([]));
    // A further device that is not seen is not told from one that is not there.
    stranger.create_device("mine", "10.0.0.9").await;
    let sent = key(
        json!({ "identifier": "mine", "hostname": "mine", "ip": "10.0.0.9", "devices": [{ "hostname": "erp-02" }] }),
    );
    let body = stranger.post("/iso/pam/key", &sent).await.expect(201);
    assert_eq!(
        (&body["key"]["devices"], &body["key"]["devices_error"]),
        (&json!([]), &json!([{ "hostname": "erp-02" }]))
    );
    let reader = app.read_only_client().await;
    reader.post("/iso/pam/key", &json!({})).await.expect_number(1039);
    reader.put("/iso/pam/key/1").await.expect_number(1039);
    reader.delete("/iso/pam/key/1").await.expect_number(1039);
}

#[actix_web::test]
async fn key_text_and_tags_come_back_to_the_byte() {
    let (_app, client) = vault().await;
    let windows = PRIVATE.replace('\n', "\r\n");
    let public = format!("{}\r\n", PUBLIC.trim());
    let tags = "!@#$%^&*(), ção,\"quoted\", a b";
    let sent = key(json!({ "private_key": windows, "public_key": public, "tags": tags }));
    client.post("/iso/pam/key", &sent).await.expect(201);
    let shown = client.get("/iso/pam/key/1").await.expect(200)["key"].clone();
    assert_eq!((&shown["private_key"], &shown["public_key"]), (&json!(windows), &json!(public)));
    assert_eq!(shown["tags"], json!(["!@#$%^&*()", "ção", "\"quoted\"", "a b"]));
}

#[actix_web::test]
async fn a_key_is_read_alike_with_and_without_further_devices() {
    let (_app, client) = vault().await;
    let save = async |more: Value| {
        client.post("/iso/pam/key", &key(more)).await.expect(201);
        let mut shown = client.get("/iso/pam/key/deploy-key").await.expect(200);
        let devices = shown["key"].as_object_mut().unwrap().remove("devices");
        (shown, devices.unwrap().as_array().unwrap().len())
    };
    let (alone, none) = save(json!({ "password": "phrase", "tags": "ci" })).await;
    let (shared, one) =
        save(json!({ "password": "phrase", "tags": "ci", "devices": [{ "hostname": "erp-02" }] })).await;
    assert_eq!((none, one), (0, 1));
    assert_eq!(alone, shared);
}

#[actix_web::test]
async fn a_key_with_a_secret_that_was_changed_outside_the_vault_is_not_shown() {
    for kind in ["ssh_key.passphrase", "ssh_key.private_key"] {
        let (app, client) = vault().await;
        client.post("/iso/pam/key", &key(json!({ "password": "phrase" }))).await.expect(201);
        client.get("/iso/pam/key/deploy-key").await.expect(200);
        app.database.run(&format!("DELETE FROM secret_head WHERE kind = '{kind}'"));
        client.get("/iso/pam/key/deploy-key").await.expect(500);
    }
}
