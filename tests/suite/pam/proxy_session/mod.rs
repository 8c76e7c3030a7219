//! Proxy sessions (contract, section 9): who may call what, the list, dropping. What the call that creates one takes
//! and refuses is in `create.rs`, what becomes of its URL in `url.rs`.

mod create;
mod url;

use std::time::Duration;

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{ClientAccess, Resource};
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device};

const BOTH: [Resource; 2] = [Resource::PamCore, Resource::WebProxySession];

/// A vault with the user `ana`, and a client that may do everything with `svc_erp` on `erp-01`.
async fn vault() -> (TestApp, TestClient) {
    vault_with(TestApp::start().await).await
}

async fn vault_with(app: TestApp) -> (TestApp, TestClient) {
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let client = app.client_with(|request| request.resources = BOTH.into()).await;
    let mut sent = device("erp-01", "10.20.30.50");
    sent["connectivities"] = json!("SSH:2222, HTTPS:8443");
    client.post("/iso/pam/device", &sent).await.expect(201);
    save(&client, "svc_erp", "").await;
    (app, client)
}

/// A credential on `erp-01`.
async fn save(client: &TestClient, username: &str, domain: &str) {
    let sent = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": username, "identifier": username,
                       "content": "p", "domain": domain });
    client.save_credential(&sent).await;
}

/// The least that creates a session.
fn wanted() -> Value {
    json!({ "user": "ana", "credential": "svc_erp", "device": "erp-01", "protocol": "ssh" })
}

/// Creates a session; it has to work. Gives the path and query of its URL.
async fn create(client: &TestClient, sent: &Value) -> String {
    let session = client.post("/iso/remote/session", sent).await.expect(200)["session"].clone();
    session["session_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().into()
}

/// Puts something that stays the same in the place of the random digits at the end of a text.
#[track_caller]
fn hide_hex(body: &mut Value, pointer: &str, length: usize) {
    let place = body.pointer_mut(pointer).unwrap();
    let text = place.as_str().unwrap().to_string();
    let digits = text.rsplit('=').next().unwrap();
    assert!(digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    *place = text.replace(digits, "[digits]").into();
}

async fn list(client: &TestClient) -> Vec<Value> {
    client.get("/iso/session/remotesessions").await.expect(200)["remote_sessions"].as_array().unwrap().clone()
}

/// The `session_id` of the newest session.
async fn newest(client: &TestClient) -> String {
    list(client).await.last().unwrap()["session_id"].as_str().unwrap().into()
}

async fn drop_session(client: &TestClient, session_id: &str) -> Answer {
    client.delete(&format!("/iso/session/drop/{session_id}")).await
}

#[track_caller]
fn expect_not_dropped(answer: &Answer) {
    let body = answer.expect(500);
    assert_eq!(body["response"]["message"], "An error occurred while droping session");
    assert_eq!((&body["response"]["error_code"], body.get("exception")), (&json!(1), None));
}

#[actix_web::test]
async fn a_session_is_listed_and_shown_as_documented() {
    let (app, client) = vault().await;
    let mut sent = wanted();
    sent["remoteAddr"] = json!("10.9.8.7");
    create(&client, &sent).await;
    app.clock.advance(Duration::from_secs(7));
    for path in ["/iso/session/remotesessions", "/iso/pam/session/remotesessions"] {
        let mut body = client.get(path).await.expect(200);
        hide_hex(&mut body, "/remote_sessions/0/session_id", 40);
        insta::assert_json_snapshot!("sessions_iso", body);
    }
    for path in ["/api/session/remotesessions/1", "/api/pam/session/remotesessions/1"] {
        let mut body = client.get(path).await.expect(200);
        hide_hex(&mut body, "/remote_session/0/session_id", 40);
        insta::assert_json_snapshot!("session_api", body);
    }
}

#[actix_web::test]
async fn one_session_is_found_by_number_and_public_id_and_an_unknown_one_is_none() {
    let (_app, client) = vault().await;
    create(&client, &wanted()).await;
    let session_id = newest(&client).await;
    for key in ["1", session_id.as_str()] {
        let body = client.get(&format!("/iso/session/remotesessions/{key}")).await.expect(200);
        assert_eq!(body["remote_session"][0]["session_id"], *session_id, "{key}");
    }
    for key in ["2", "99999999999", "nothing", "%00", &session_id[1..]] {
        let body = client.get(&format!("/api/session/remotesessions/{key}")).await.expect(200);
        assert_eq!(body["remote_session"], json!([]), "{key}");
    }
}

#[actix_web::test]
async fn a_session_runs_until_its_url_has_run_out() {
    let (app, client) = vault().await;
    create(&client, &wanted()).await;
    let shown = async || {
        let row = list(&client).await.remove(0);
        [row["start"].clone(), row["end"].clone(), row["time"].clone()]
    };
    assert_eq!(shown().await, [json!("2026-03-04 05:06:07"), json!(null), json!("00:00:00")]);
    app.clock.advance(Duration::from_secs(29));
    assert_eq!(shown().await, [json!("2026-03-04 05:06:07"), json!(null), json!("00:00:29")]);
    app.clock.advance(Duration::from_secs(1800));
    assert_eq!(shown().await, [json!("2026-03-04 05:06:07"), json!("2026-03-04 05:06:37"), json!("00:00:30")]);
}

#[actix_web::test]
async fn dropping_ends_a_session_and_its_url() {
    let (app, client) = vault().await;
    for (prefix, message, mensagem) in [
        ("/iso", "Sessão interrompida com sucesso", "Sessão interrompida com sucesso"),
        ("/iso/pam", "Sessão interrompida com sucesso", "Sessão interrompida com sucesso"),
        ("/api", "Session dropped successfully", "Sessão encerrada com sucesso"),
        ("/api/pam", "Session dropped successfully", "Sessão encerrada com sucesso"),
    ] {
        let url = create(&client, &wanted()).await;
        let path = format!("{prefix}/session/drop/{}", newest(&client).await);
        app.clock.advance(Duration::from_secs(1));
        let body = client.delete(&path).await.expect(200);
        let said = &body["response"];
        assert_eq!((&said["message"], &said["mensagem"]), (&json!(message), &json!(mensagem)), "{prefix}");
        assert_eq!((&said["error"], &said["error_code"]), (&json!(false), &json!(0)));
        assert_eq!(body.get("tenant").is_some(), prefix.starts_with("/api"));
        let row = list(&client).await.pop().unwrap();
        assert_eq!((row["time"].as_str(), row["end"].is_string()), (Some("00:00:01"), true));
        assert_eq!(app.anonymous().get(&url).await.status, 404);
        // It is over, and so it cannot be dropped again.
        expect_not_dropped(&client.delete(&path).await);
    }
}

#[actix_web::test]
async fn what_is_not_there_or_over_is_not_dropped() {
    let (app, client) = vault().await;
    create(&client, &wanted()).await;
    let session_id = newest(&client).await;
    for unknown in ["1", "nothing", "%00", &session_id.to_uppercase(), &session_id[1..]] {
        expect_not_dropped(&drop_session(&client, unknown).await);
    }
    app.clock.advance(Duration::from_secs(30));
    expect_not_dropped(&drop_session(&client, &session_id).await);
}

#[actix_web::test]
async fn a_client_sees_and_drops_the_sessions_of_the_credentials_that_it_sees() {
    let (app, client) = vault().await;
    save(&client, "other", "").await;
    create(&client, &wanted()).await;
    let session_id = newest(&client).await;
    let stranger = app.client_with(|request| request.resources = BOTH.into()).await;
    assert_eq!(list(&stranger).await, [json!(null); 0]);
    for key in ["1", session_id.as_str()] {
        let body = stranger.get(&format!("/iso/session/remotesessions/{key}")).await.expect(200);
        assert_eq!(body["remote_session"], json!([]));
    }
    expect_not_dropped(&drop_session(&stranger, &session_id).await);
    stranger.post("/iso/remote/session", &wanted()).await.expect_refusal(400, "Device not found");
    // The device is there for it, the credential is not, and neither are its sessions.
    app.link(&stranger, LinkTarget::Credential("other".into())).await;
    stranger.post("/iso/remote/session", &wanted()).await.expect_refusal(400, "Credential not found");
    assert_eq!(list(&stranger).await.len(), 0);

    app.link(&stranger, LinkTarget::Credential("svc_erp".into())).await;
    assert_eq!(list(&stranger).await.len(), 1);
    drop_session(&stranger, &session_id).await.expect(200);
    let by_device = app.client().await;
    app.link(&by_device, LinkTarget::Device("erp-01".into())).await;
    assert_eq!(list(&by_device).await.len(), 1);
    // History outlives the credential.
    client.delete("/iso/pam/credential/svc_erp").await.expect(200);
    assert_eq!(list(&client).await.len(), 1);
}

/// What a call is answered by, as far as permission goes.
fn permission(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        403 => "resource",
        400 if answer.text.contains("1039: ") => "1039",
        200 | 500 => "allowed",
        other => panic!("{other} {}", answer.text),
    }
}

#[actix_web::test]
async fn each_call_needs_its_resource_and_its_access() {
    let (app, _) = vault().await;
    let (core, proxy): (&[Resource], &[Resource]) = (&[Resource::PamCore], &[Resource::WebProxySession]);
    let (ro, rw) = (ClientAccess::ReadOnly, ClientAccess::ReadWrite);
    for (resources, access, create_iso, create_api, look, end) in [
        (core, rw, "resource", "resource", "allowed", "allowed"),
        (core, ro, "resource", "resource", "allowed", "1039"),
        (proxy, rw, "allowed", "allowed", "resource", "resource"),
        (proxy, ro, "allowed", "1039", "resource", "resource"),
        (&BOTH, rw, "allowed", "allowed", "allowed", "allowed"),
        (&BOTH, ro, "allowed", "1039", "allowed", "1039"),
        (&[Resource::Administration], rw, "resource", "resource", "resource", "resource"),
    ] {
        let adjust = |request: &mut chaveiro::vault::access::authorization::AuthorizationRequest| {
            (request.resources, request.access) = (resources.into(), access);
        };
        let client = app.client_with(adjust).await;
        app.link(&client, LinkTarget::Device("erp-01".into())).await;
        for (prefix, created) in [("/iso", create_iso), ("/api", create_api)] {
            let what = format!("{resources:?} {access:?} {prefix}");
            for path in ["remote/session", "pam/remote/session"] {
                let answer = client.post(&format!("{prefix}/{path}"), &wanted()).await;
                assert_eq!(permission(&answer), created, "{what} {path}");
            }
            for path in ["session/remotesessions", "pam/session/remotesessions", "session/remotesessions/1"] {
                assert_eq!(permission(&client.get(&format!("{prefix}/{path}")).await), look, "{what} {path}");
            }
            let answer = client.delete(&format!("{prefix}/session/drop/nothing")).await;
            assert_eq!(permission(&answer), end, "{what} drop");
        }
    }
}

#[actix_web::test]
async fn each_call_leaves_one_record() {
    let (app, client) = vault_with(TestApp::start_with(|settings| settings.store.writers = 1).await).await;
    let before = app.records().await.len();
    let url = create(&client, &wanted()).await;
    let session_id = newest(&client).await;
    let answers = [
        client.post("/iso/remote/session", &json!({})).await,
        client.get("/iso/session/remotesessions/1").await,
        app.anonymous().get(&url).await,
        drop_session(&client, &session_id).await,
        drop_session(&client, "nothing").await,
    ];
    let written = app.records().await.split_off(before);
    let shown: Vec<_> = written.iter().map(|row| (&*row.action, &*row.object, &*row.outcome)).collect();
    assert_eq!(
        shown,
        [
            ("session.create", "session:1", "ok"),
            ("session.list", "", "ok"),
            ("session.create", "", "user-missing"),
            ("session.read", "session:1", "ok"),
            ("session.open", "session:1", "ok"),
            ("session.drop", "session:1", "proxy-session-inactive"),
            ("session.drop", "", "proxy-session-not-found"),
        ]
    );
    assert!(written.iter().all(|row| row.actor == client.client_id && row.source == "127.0.0.1"));
    for (row, answer) in written[2..].iter().zip(&answers) {
        assert_eq!(Some(row.request_id.as_str()), answer.header("x-request-id"));
    }
}
