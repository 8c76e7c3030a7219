//! Addresses in several spellings: a device is found by any of them, and answers with the one that was sent.

use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

/// One address each, first as the device has it.
const SPELLINGS: [&[&str]; 2] = [
    &["2001:db8::a", "2001:DB8::A", "2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8:0::a"],
    &["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:A00:1"],
];

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let client = app.client_with(|request| request.resources = vec![Resource::PamCore, Resource::WebProxySession]);
    let client = client.await;
    for (index, spellings) in SPELLINGS.iter().enumerate() {
        client.create_device(&format!("host-{index}"), spellings[0]).await;
    }
    (app, client)
}

fn ids(body: &Value, payload: &str) -> Vec<String> {
    body[payload].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().into()).collect()
}

#[actix_web::test]
async fn a_credential_is_saved_on_its_device_under_every_spelling() {
    let (_app, client) = vault().await;
    for (index, spellings) in SPELLINGS.iter().enumerate() {
        let mut saved = Vec::new();
        for ip in *spellings {
            let sent = json!({ "hostname": format!("host-{index}"), "ip": ip, "username": "u", "content": "p" });
            saved.push(client.save_credential(&sent).await);
        }
        assert!(saved.iter().all(|id| *id == saved[0]), "{saved:?}");
    }
    let other = json!({ "hostname": "host-0", "ip": "2001:db8::b", "username": "u", "content": "p" });
    client.post("/iso/pam/credential", &other).await.expect_number(1011);
    // A reference in the settings of another credential.
    let child = json!({ "hostname": "host-1", "ip": "::ffff:10.0.0.1", "username": "child",
        "execution_settings": { "parent_credential": "u", "parent_hostname": "host-0", "parent_ip": "2001:DB8::A" } });
    let child = client.save_credential(&child).await;
    assert_eq!(client.password(&child).await, "p");
}

#[actix_web::test]
async fn a_device_is_updated_and_keeps_the_spelling_that_was_sent_last() {
    let (_app, client) = vault().await;
    for ip in SPELLINGS[0] {
        let saved = client.post("/iso/pam/device", &device("HOST-0", ip)).await.expect(201);
        assert_eq!((&saved["device"]["id"], &saved["device"]["ip"]), (&json!("1"), &json!(ip)));
        assert_eq!(client.get("/iso/pam/device/host-0").await.expect(200)["device"]["ip"], *ip);
    }
}

#[actix_web::test]
async fn an_ssh_key_is_saved_on_its_device_under_every_spelling() {
    let (_app, client) = vault().await;
    let key = include_str!("../fixtures/ssh/ed25519");
    for ip in SPELLINGS[0] {
        let sent = json!({ "hostname": "host-0", "ip": ip, "username": "u", "identifier": "k", "private_key": key });
        let saved = client.post("/iso/pam/key", &sent).await.expect(201);
        assert_eq!(saved["key"]["id"], "1", "{saved}");
    }
    let elsewhere = json!({ "hostname": "host-1", "ip": "2001:db8::a", "identifier": "k" });
    client.post("/iso/pam/key", &elsewhere).await.expect_number(1011);
    let moved = json!({ "hostname": "host-1", "ip": "::ffff:10.0.0.1", "identifier": "k" });
    client.post("/iso/pam/key", &moved).await.expect(201);
}

#[actix_web::test]
async fn lists_searches_and_sessions_find_an_address_in_every_spelling() {
    let (app, client) = vault().await;
    for (index, spellings) in SPELLINGS.iter().enumerate() {
        let sent = json!({ "hostname": format!("host-{index}"), "ip": spellings[0], "username": "u", "content": "p",
            "identifier": format!("i{index}") });
        client.save_credential(&sent).await;
    }
    for sees in ["little", "much"] {
        if sees == "much" {
            app.swell();
        }
        for (index, spellings) in SPELLINGS.iter().enumerate() {
            let expected = [(index + 1).to_string()];
            for ip in *spellings {
                for (path, payload) in [("/iso/pam/device", "devices"), ("/iso/pam/credential", "credentials")] {
                    let listed = client.get(&format!("{path}?ip={ip}")).await.expect(200);
                    assert_eq!(ids(&listed, payload), expected, "{path} {ip} of one who sees {sees}");
                }
                for sent in
                    [json!({ "ip": ip, "username": "u" }), json!({ "ip": ip, "identifier": format!("i{index}") })]
                {
                    let used = client.post("/iso/pam/use", &sent).await.expect(200);
                    assert_eq!(used["credential"]["id"], expected[0], "{sent}");
                }
                let sent = json!({ "user": "ana", "credential": "u", "device": ip, "protocol": "ssh" });
                client.post("/iso/remote/session", &sent).await.expect(200);
            }
        }
    }
    // Two devices with one address, in two spellings: which one is meant is for the client to say.
    client.create_device("host-2", "2001:DB8::A").await;
    client
        .save_credential(&json!({ "hostname": "host-2", "ip": "2001:db8::a", "username": "u", "content": "p" }))
        .await;
    let sent = json!({ "user": "ana", "credential": "u", "device": "2001:db8:0::a", "protocol": "ssh" });
    client.post("/iso/remote/session", &sent).await.expect_refusal(400, "device");
}

#[actix_web::test]
async fn an_ip_that_is_no_address_is_compared_to_the_letter() {
    let (_app, client) = vault().await;
    client.create_device("named", "DB.example").await;
    let list = async |ip: &str| ids(&client.get(&format!("/iso/pam/device?ip={ip}")).await.expect(200), "devices");
    assert_eq!((list("DB.example").await, list("db.example").await), (vec!["3".to_string()], vec![]));
}
