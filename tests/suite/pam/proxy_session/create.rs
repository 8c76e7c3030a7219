//! What the call that creates a session takes, and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use chaveiro::crypto::ResponseKey;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{BOTH, create, drop_session, hide_hex, list, newest, save, vault, wanted};
use crate::support::decrypt::{By, Pair};
use crate::support::{Answer, TestClient, device};

const PATHS: [&str; 4] =
    ["/iso/remote/session", "/iso/pam/remote/session", "/api/remote/session", "/api/pam/remote/session"];

/// The refusal of a parameter: 400, `error_code` 0, no exception.
#[track_caller]
fn expect_text(answer: &Answer, text: &str) {
    let expected = json!({
        "code": 400,
        "response": {
            "status": 400, "message": text, "error": true, "error_code": 0, "detail": "",
            "mensagem": text, "erro": true, "cod_erro": 0
        }
    });
    assert_eq!(answer.expect(400), expected);
}

fn with(parameter: &str, value: Value) -> Value {
    let mut sent = wanted();
    sent[parameter] = value;
    sent
}

#[actix_web::test]
async fn a_session_is_created_as_documented() {
    let (_app, client) = vault().await;
    for (path, name) in PATHS.into_iter().zip(["created_iso", "created_iso", "created_api", "created_api"]) {
        let answer = client.post(path, &wanted()).await;
        let mut body = answer.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let (url, token) = (&body["session"]["session_url"], body["session"]["token"].as_str().unwrap());
        assert!(url.as_str().unwrap().ends_with(&format!("_sr={token}")), "{body}");
        hide_hex(&mut body, "/session/session_url", 64);
        hide_hex(&mut body, "/session/token", 64);
        insta::assert_json_snapshot!(name, body);
    }
}

#[actix_web::test]
async fn its_url_is_encrypted_for_whom_has_a_key_for_answers() {
    let (app, client) = vault().await;
    let pair = Pair::named("rsa");
    let key = Arc::new(ResponseKey::parse(pair.public, None).unwrap());
    app.vault.set_response_key(app.operator(Action::RESPONSE_KEY_SET).await, &client.client_id, key).await.unwrap();
    app.vault.refresh().await.unwrap();
    for path in PATHS {
        let session = client.post(path, &wanted()).await.expect(200)["session"].clone();
        let open = |name: &str| pair.key(By::AwsLc).open_vendor(session[name].as_str().unwrap());
        assert!(open("session_url").ends_with(&format!("_sr={}", open("token"))), "{session}");
    }
}

#[actix_web::test]
async fn each_missing_parameter_has_its_text_in_each_dialect() {
    let (_app, client) = vault().await;
    for (parameter, iso, api) in [
        ("user", Some("User not specified"), Some("Username not specified")),
        ("credential", Some("Credential not specified"), None),
        ("device", Some("Credential device not specified"), Some("Credential device not specified")),
        ("protocol", Some("Invalid protocol"), Some("Invalid protocol")),
    ] {
        for (path, text) in PATHS.into_iter().zip([iso, iso, api, api]) {
            for nothing in [json!(null), json!(""), json!("  ")] {
                let answer = client.post(path, &with(parameter, nothing)).await;
                match text {
                    Some(text) => expect_text(&answer, text),
                    // The one that was picked is in use until it is given up.
                    None => {
                        answer.expect(200);
                        drop_session(&client, &newest(&client).await).await.expect(200);
                    }
                }
            }
        }
    }
    // In the order in which they are documented.
    let mut sent = json!({});
    for (parameter, text) in [
        ("user", "User not specified"),
        ("credential", "Credential not specified"),
        ("device", "Credential device not specified"),
        ("protocol", "Invalid protocol"),
    ] {
        expect_text(&client.post("/iso/remote/session", &sent).await, text);
        sent[parameter] = wanted()[parameter].clone();
    }
    client.post("/iso/remote/session", &sent).await.expect(200);
}

#[actix_web::test]
async fn what_is_named_has_to_be_there() {
    let (_app, client) = vault().await;
    for path in ["/iso/remote/session", "/api/remote/session"] {
        for (parameter, value, text) in [
            ("user", "rui", "User not found"),
            ("user", "Ana", "User not found"),
            ("credential", "nobody", "Credential not found"),
            ("credential", "SVC_ERP", "Credential not found"),
            ("device", "nowhere", "Device not found"),
            ("device", "10.20.30.51", "Device not found"),
            ("protocol", "ftp", "Invalid protocol"),
            ("remotedevice", "nowhere", "Device not found"),
        ] {
            expect_text(&client.post(path, &with(parameter, json!(value))).await, text);
        }
    }
}

#[actix_web::test]
async fn parameters_of_a_wrong_form_are_refused_by_name() {
    let (_app, client) = vault().await;
    for (parameter, values) in [
        ("remoteAddr", [json!("10.9.8"), json!("host"), json!([])]),
        ("port", [json!(65536), json!(-1), json!("ssh")]),
        ("screensize", [json!("1920"), json!("0x0"), json!("1920x1080x24")]),
        ("remoteapp", [json!("app"), json!(1.5), json!({})]),
        ("user", [json!([]), json!({}), json!("a\nb")]),
    ] {
        for value in values {
            let answer = client.post("/iso/remote/session", &with(parameter, value)).await;
            answer.expect_refusal(400, &format!("Invalid parameter {parameter}: "));
        }
    }
    assert_eq!(list(&client).await.len(), 0);
}

#[actix_web::test]
async fn the_device_goes_by_hostname_or_address_and_the_protocol_in_any_case() {
    let (_app, client) = vault().await;
    for (sent, device, protocol) in [
        (json!({}), "10.20.30.50:2222", "ssh"),
        (json!({ "device": "ERP-01", "protocol": "HTTPS" }), "10.20.30.50:8443", "https"),
        (json!({ "device": "10.20.30.50", "protocol": "Rdp" }), "10.20.30.50:3389", "rdp"),
        (json!({ "protocol": "SQL Server", "port": "" }), "10.20.30.50:1433", "sql server"),
        (json!({ "port": 2022, "screensize": "800X600", "remoteapp": 3 }), "10.20.30.50:2022", "ssh"),
        (json!({ "port": "22", "screensize": "", "remoteapp": "" }), "10.20.30.50:22", "ssh"),
    ] {
        let mut all = wanted();
        all.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
        create(&client, &all).await;
        let row = list(&client).await.pop().unwrap();
        assert_eq!((&row["device"], &row["protocol"]), (&json!(device), &json!(protocol)), "{sent}");
    }
}

#[actix_web::test]
async fn forms_are_as_good_as_json() {
    let (_app, client) = vault().await;
    let form = [("user", "ana"), ("credential", "svc_erp"), ("device", "erp-01"), ("protocol", "ssh"), ("port", "")];
    client.post_form("/iso/remote/session", &form).await.expect(200);
    let form = form.iter().fold(reqwest::multipart::Form::new(), |form, (name, value)| form.text(*name, *value));
    let request = client.request(reqwest::Method::POST, "/api/remote/session").multipart(form);
    client.send(request).await.expect(200);
}

#[actix_web::test]
async fn what_is_switched_off_is_not_there() {
    let (_app, client) = vault().await;
    client.delete("/iso/pam/credential/svc_erp").await.expect(200);
    expect_text(&client.post("/iso/remote/session", &wanted()).await, "Credential not found");
    client.delete("/iso/pam/device/erp-01").await.expect(200);
    expect_text(&client.post("/iso/remote/session", &wanted()).await, "Device not found");
}

#[actix_web::test]
async fn an_ssh_key_is_no_credential_for_a_session() {
    let (_app, client) = vault().await;
    let key = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "robot",
                      "private_key": include_str!("../../fixtures/ssh/ed25519") });
    client.post("/iso/pam/key", &key).await.expect(201);
    expect_text(&client.post("/iso/remote/session", &with("credential", json!("robot"))).await, "Credential not found");
}

async fn create_devices_of_one_address(client: &TestClient) {
    for hostname in ["twin-1", "twin-2"] {
        client.create_device(hostname, "10.0.0.9").await;
        let sent = json!({ "hostname": hostname, "ip": "10.0.0.9", "username": "root", "content": hostname });
        client.save_credential(&sent).await;
    }
}

#[actix_web::test]
async fn an_address_of_several_devices_is_not_guessed_at() {
    let (app, client) = vault().await;
    create_devices_of_one_address(&client).await;
    let sent = json!({ "user": "ana", "credential": "root", "device": "10.0.0.9", "protocol": "ssh" });
    client.post("/iso/remote/session", &sent).await.expect_refusal(400, "Invalid parameter device: several devices");
    let mut by_name = with("device", json!("twin-2"));
    by_name["credential"] = json!("root");
    create(&client, &by_name).await;
    // Who sees one of them alone means that one.
    let other = app.client_with(|request| request.resources = BOTH.into()).await;
    let twin = LinkTarget::Device("twin-1".into());
    app.link(&other, twin).await;
    create(&other, &sent).await;
}

#[actix_web::test]
async fn a_credential_of_a_domain_needs_a_remote_device_and_no_other_has_one() {
    let (app, client) = vault().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", None).await.unwrap();
    save(&client, "admin", "corp.example").await;
    let mut remote = device("desk-7", "2001:db8::7");
    remote["connectivities"] = json!("RDP:3390");
    let id = client.post("/iso/pam/device", &remote).await.expect(201)["device"]["id"].clone();
    let mut sent = with("credential", json!("admin"));
    sent["protocol"] = json!("rdp");
    for path in ["/iso/remote/session", "/api/remote/session"] {
        expect_text(&client.post(path, &sent).await, "Remote device not specified");
    }
    for name in [id, json!("DESK-7"), json!("2001:db8::7"), json!("erp-01")] {
        sent["remotedevice"] = name.clone();
        create(&client, &sent).await;
        let target = if name == "erp-01" { "10.20.30.50:3389" } else { "[2001:db8::7]:3390" };
        assert_eq!(list(&client).await.pop().unwrap()["device"], target, "{name}");
    }
    // Nobody is sent to a device that he does not see.
    let stranger = app.client().await;
    stranger.create_device("theirs", "10.0.0.8").await;
    sent["remotedevice"] = json!("theirs");
    expect_text(&client.post("/iso/remote/session", &sent).await, "Device not found");

    let local = with("remotedevice", json!("desk-7"));
    client.post("/iso/remote/session", &local).await.expect_refusal(400, "Invalid parameter remotedevice");
    create(&client, &with("remotedevice", json!("erp-01"))).await;
}

async fn pick(client: &TestClient) -> Answer {
    let sent = json!({ "user": "ana", "device": "erp-01", "protocol": "ssh" });
    client.post("/api/remote/session", &sent).await
}

#[actix_web::test]
async fn without_a_credential_one_that_is_free_is_picked() {
    let (app, client) = vault().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", None).await.unwrap();
    save(&client, "of-a-domain", "corp.example").await;
    save(&client, "switched-off", "").await;
    client.delete("/iso/pam/credential/switched-off").await.expect(200);
    save(&client, "second", "").await;
    for username in ["svc_erp", "second"] {
        pick(&client).await.expect(200);
        assert_eq!(list(&client).await.pop().unwrap()["credential"], username);
    }
    expect_text(&pick(&client).await, "Credential not found");
    drop_session(&client, &newest(&client).await).await.expect(200);
    pick(&client).await.expect(200);
    assert_eq!(list(&client).await.pop().unwrap()["credential"], "second");
    app.clock.advance(Duration::from_secs(30));
    pick(&client).await.expect(200);
    assert_eq!(list(&client).await.pop().unwrap()["credential"], "svc_erp");
}

#[actix_web::test]
async fn of_many_who_pick_at_once_no_two_get_the_same() {
    let (app, client) = vault().await;
    for number in 1..8 {
        save(&client, &format!("u{number}"), "").await;
    }
    let answers = join_all((0..32).map(|_| pick(&client))).await;
    let (created, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(created.len(), 8);
    refused.iter().for_each(|answer| expect_text(answer, "Credential not found"));
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(DISTINCT credential_id) AS INTEGER) FROM proxy_session"), [8]);
}
