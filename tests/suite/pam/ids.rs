//! An id has one spelling: decimal digits without leading zeros. Everything else is a name.

use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

async fn client(app: &TestApp) -> TestClient {
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let resources = vec![Resource::PamCore, Resource::WebProxySession];
    let client = app.client_with(|request| request.resources = resources).await;
    client.create_device("a", "10.0.0.1").await;
    client
}

async fn save(client: &TestClient, username: &str, identifier: &str) -> String {
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": identifier,
                       "content": format!("password of {username}") });
    client.save_credential(&sent).await
}

#[actix_web::test]
async fn an_identifier_with_leading_zeros_is_a_name_beside_the_id_of_the_same_digits() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    for number in 1..=12 {
        assert_eq!(save(&client, &format!("u{number}"), &format!("i{number}")).await, number.to_string());
        let info = json!({ "identifier": format!("n{number}"), "content": format!("text {number}") });
        client.post("/iso/pam/info", &info).await.expect(201);
    }
    client.get("/iso/pam/credential/0012").await.expect_number(1007);
    save(&client, "zeros", "0012").await;
    client.post("/iso/pam/info", &json!({ "identifier": "0012", "content": "text of zeros" })).await.expect(201);
    for prefix in ["/iso", "/api"] {
        let read = async |path: &str| client.get(&format!("{prefix}/pam/{path}")).await.expect(200);
        assert_eq!(read("credential/0012").await["credential"]["password"], "password of zeros");
        assert_eq!(read("credential/12").await["credential"]["password"], "password of u12");
        assert_eq!(read("credential/0012/versions/1").await["version"]["content"], "password of zeros");
        assert_eq!(read("info/0012").await["info"]["content"], "text of zeros");
        assert_eq!(read("info/12").await["info"]["content"], "text 12");
        assert_eq!(read("info/0012/versions/1").await["version"]["content"], "text of zeros");
    }
    // What is done by the name is done to the one with that name.
    client.delete("/iso/pam/credential/0012").await.expect(200);
    client.get("/iso/pam/credential/zeros@a").await.expect_number(1008);
    assert_eq!(client.password("u12@a").await, "password of u12");
}

#[actix_web::test]
async fn an_id_with_leading_zeros_or_a_sign_names_nothing() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    assert_eq!(save(&client, "u", "i").await, "1");
    client.post("/iso/pam/info", &json!({ "identifier": "n", "content": "p" })).await.expect(201);
    let key = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "k", "identifier": "k",
                      "private_key": include_str!("../fixtures/ssh/ed25519") });
    assert_eq!(client.post("/iso/pam/key", &key).await.expect(201)["key"]["id"], "2");
    let wanted = json!({ "user": "ana", "credential": "u", "device": "a", "protocol": "ssh" });
    client.post("/iso/pam/remote/session", &wanted).await.expect(200);

    let is_there = |body: &Value| body["remote_session"].as_array().is_none_or(|sessions| !sessions.is_empty());
    for path in [
        "device/{1}",
        "credential/{1}",
        "credential/{1}/versions",
        "credential/{1}/versions/1",
        "credential/i/versions/{1}",
        "info/{1}",
        "info/{1}/versions/1",
        "info/n/versions/{1}",
        "key/{2}",
        "key/{2}/versions/1",
        "key/k/versions/{1}",
        "session/remotesessions/{1}",
    ] {
        let spelt = |prefix: &str| path.replace('{', prefix).replace('}', "");
        let found = client.get(&format!("/iso/pam/{}", spelt(""))).await.expect(200);
        assert!(is_there(&found), "{path}: {found}");
        for prefix in ["0", "00", "%2B", "%30", "%20"] {
            let answer = client.get(&format!("/iso/pam/{}", spelt(prefix))).await;
            let found = answer.status == 200 && is_there(&answer.json());
            assert!(!found && !answer.text.contains("password of"), "{path} after {prefix}: {}", answer.text);
        }
    }
}
