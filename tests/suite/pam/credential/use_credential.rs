//! Calls made for robots: `use`, which brings all that a login needs, and batches.

use chaveiro::vault::access::link::LinkTarget;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Two hosts at one address, with accounts on them.
pub(super) async fn vault() -> (TestApp, TestClient) {
    vault_in(TestApp::start().await).await
}

pub(super) async fn vault_in(app: TestApp) -> (TestApp, TestClient) {
    let client = app.client().await;
    for hostname in ["erp-01", "erp-02"] {
        let mut sent = device(hostname, "10.0.0.1");
        sent["connectivities"] = json!("SSH:22,HTTPS:443");
        client.post("/iso/pam/device", &sent).await.expect(201);
    }
    for (hostname, username, more) in [
        (
            "erp-01",
            "batch",
            json!({ "identifier": "erp-batch", "tags": "Robot,night", "credential_type": "Service",
                                    "additional_settings": { "secret_key": SEED } }),
        ),
        ("erp-01", "admin", json!({ "tags": "human" })),
        ("erp-02", "batch", json!({ "tags": "robot" })),
    ] {
        let mut sent = json!({ "hostname": hostname, "ip": "10.0.0.1", "username": username, "content": format!("{username}@{hostname}") });
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.save_credential(&sent).await;
    }
    (app, client)
}

async fn used(client: &TestClient, body: Value) -> Value {
    client.post("/iso/pam/use", &body).await.expect(200)
}

#[actix_web::test]
async fn one_call_brings_all_that_a_login_needs() {
    let (app, client) = vault().await;
    let answer = client.post("/iso/pam/use", &json!({ "identifier": "erp-batch" })).await;
    let mut shown = answer.expect(200);
    shown["etag"] = json!("[of the state]");
    insta::assert_json_snapshot!("used", shown);
    // The tag is that of a read, and the code that of the route for codes.
    let read = client.get("/iso/pam/credential/erp-batch").await;
    assert_eq!(answer.header("ETag"), read.header("ETag"));
    assert_eq!(answer.json()["etag"], read.header("ETag").unwrap());
    let totp = client.get("/iso/pam/credential/erp-batch/totp").await.expect(200);
    assert_eq!(answer.json()["totp"], totp["totp"]);
    assert_eq!(
        app.database.texts("SELECT action || ' ' || object FROM audit_record WHERE action = 'credential.use'"),
        ["credential.use credential:1"]
    );
}

#[actix_web::test]
async fn it_is_found_by_what_a_robot_knows() {
    let (_app, client) = vault().await;
    for (body, password) in [
        (json!({ "hostname": "ERP-01", "username": "batch" }), "batch@erp-01"),
        (json!({ "hostname": "erp-02", "ip": "10.0.0.1", "username": "batch" }), "batch@erp-02"),
        (json!({ "ip": "10.0.0.1", "username": "admin" }), "admin@erp-01"),
        (json!({ "hostname": "erp-01", "tag": "ROBOT" }), "batch@erp-01"),
        (json!({ "hostname": "erp-01", "type": "service" }), "batch@erp-01"),
        (json!({ "ip": "10.0.0.1", "tag": "human", "identifier": "" }), "admin@erp-01"),
        (json!({ "identifier": "erp-batch", "hostname": "erp-01", "tag": "night", "type": "SERVICE" }), "batch@erp-01"),
    ] {
        let used = used(&client, body.clone()).await;
        assert_eq!(
            (&used["credential"]["password"], &used["credential"]["content"]),
            (&json!(password), &json!(password)),
            "{body}"
        );
        assert_eq!(used["totp"].is_null(), used["credential"]["id"] != "1", "{body}");
    }
}

#[actix_web::test]
async fn several_matches_are_told_of_without_a_secret_and_without_custody() {
    let (app, client) = vault().await;
    let answer = client.post("/iso/pam/use", &json!({ "ip": "10.0.0.1", "username": "batch" })).await;
    insta::assert_json_snapshot!("ambiguous", answer.expect(409));
    assert!(!answer.text.contains("batch@"), "{}", answer.text);
    assert_eq!(app.database.numbers("SELECT credential_id FROM custody"), Vec::<i32>::new());
    assert_eq!(app.database.texts("SELECT outcome FROM audit_record WHERE action = 'credential.use'"), ["ambiguous"]);
}

#[actix_web::test]
async fn what_does_not_fit_or_is_not_enough_is_refused() {
    let (app, client) = vault().await;
    for body in [
        json!({ "identifier": "nobody" }),
        json!({ "identifier": "erp-batch", "hostname": "erp-02" }),
        json!({ "identifier": "erp-batch", "username": "admin" }),
        json!({ "identifier": "erp-batch", "tag": "human" }),
        json!({ "identifier": "erp-batch", "type": "Local User" }),
        json!({ "identifier": "erp-batch", "ip": "10.0.0.2" }),
        json!({ "hostname": "nowhere", "username": "batch" }),
        json!({ "hostname": "erp-01", "username": "BATCH" }),
        json!({ "hostname": "erp-01", "tag": "unheard-of" }),
    ] {
        client.post("/iso/pam/use", &body).await.expect_number(1007);
    }
    for body in [json!({}), json!({ "hostname": "erp-01" }), json!({ "username": "batch" }), json!({ "tag": "robot" })]
    {
        client.post("/iso/pam/use", &body).await.expect_refusal(400, "Invalid parameter identifier");
    }
    client.delete("/iso/pam/credential/erp-batch").await.expect(200);
    client.post("/iso/pam/use", &json!({ "identifier": "erp-batch" })).await.expect_number(1008);
    client.post("/iso/pam/use", &json!({ "hostname": "erp-01", "username": "batch" })).await.expect_number(1007);
    let stranger = app.client().await;
    stranger.post("/iso/pam/use", &json!({ "identifier": "erp-batch" })).await.expect_number(1009);
    stranger.post("/iso/pam/use", &json!({ "ip": "10.0.0.1", "username": "batch" })).await.expect_number(1007);
}

#[actix_web::test]
async fn it_takes_custody_as_a_read_does() {
    let (app, owner) = vault().await;
    let rival = app.client().await;
    app.link(&rival, LinkTarget::Credential("erp-batch".into())).await;
    let exclusive = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "batch", "exclusive_custody": true });
    owner.save_credential(&exclusive).await;
    used(&owner, json!({ "identifier": "erp-batch" })).await;
    used(&owner, json!({ "identifier": "erp-batch" })).await;
    rival.post("/iso/pam/use", &json!({ "identifier": "erp-batch" })).await.expect_number(1009);
    owner.delete("/iso/pam/credential/custody/1").await.expect(200);
    used(&rival, json!({ "identifier": "erp-batch" })).await;
}

#[actix_web::test]
async fn a_seed_that_gives_no_code_is_told_of_before_the_login_fails() {
    let (app, client) = vault().await;
    let bad = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "admin", "additional_settings": { "secret_key": "295B3LA1M6LRAHI2S7G1A36LMK6I4IWW" } });
    client.save_credential(&bad).await;
    let body = json!({ "hostname": "erp-01", "username": "admin" });
    client.post("/iso/pam/use", &body).await.expect_refusal(400, "secret_key");
    assert_eq!(app.database.numbers("SELECT credential_id FROM custody"), Vec::<i32>::new());
}

#[actix_web::test]
async fn under_a_key_it_is_answered_as_the_first_time() {
    let (app, client) = vault().await;
    let body = json!({ "identifier": "erp-batch" });
    let once = || client.request(Method::POST, "/iso/pam/use").header("Idempotency-Key", "k").json(&body);
    let first = client.send(once()).await;
    app.clock.advance(std::time::Duration::from_secs(40));
    let changed = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "batch", "content": "changed" });
    client.save_credential(&changed).await;
    assert_eq!(client.send(once()).await.text, first.text);
    assert_eq!(used(&client, body.clone()).await["credential"]["password"], "changed");
    let kept = app.database.texts("SELECT result FROM idempotency");
    assert!(!kept[0].contains("batch@erp-01") && !kept[0].contains(SEED), "{}", kept[0]);
}
