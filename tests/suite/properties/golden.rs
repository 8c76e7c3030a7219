//! Every documented answer of the PAM Core service, whole, in both dialects: one file for each family and prefix, to be
//! read beside the contract.

use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

const PRIVATE_KEY: &str = include_str!("../fixtures/ssh/ed25519");

type Call = (Method, &'static str, Value);

fn get(path: &'static str) -> Call {
    (Method::GET, path, Value::Null)
}

fn post(path: &'static str, body: Value) -> Call {
    (Method::POST, path, body)
}

fn put(path: &'static str) -> Call {
    (Method::PUT, path, Value::Null)
}

fn delete(path: &'static str) -> Call {
    (Method::DELETE, path, Value::Null)
}

/// Makes the calls in their order and keeps what is answered. What is drawn anew each time is blotted out.
async fn record(client: &TestClient, prefix: &str, calls: &[Call]) -> Value {
    let mut answers = Vec::new();
    for (method, path, body) in calls {
        let mut request = client.request(method.clone(), &format!("{prefix}{path}"));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = client.send(request).await;
        let mut body = answer.json();
        blot(&mut body);
        answers.push(json!({ "call": format!("{method} {path}"), "status": answer.status.as_u16(), "body": body }));
    }
    Value::Array(answers)
}

fn blot(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("session_url" | "token" | "session_id", Some(_)) => *member = json!("[drawn]"),
                    ("identifier" | "tag", Some(text)) if text.parse::<uuid::Uuid>().is_ok() => {
                        *member = json!("[uuid]")
                    }
                    ("private_key", Some(PRIVATE_KEY)) => *member = json!("[as it was sent]"),
                    _ => blot(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(blot),
        _ => {}
    }
}

/// Records the same calls under each prefix, each in a vault of its own.
async fn golden(family: &str, calls: Vec<Call>) {
    for prefix in ["/iso", "/api"] {
        let app = TestApp::start().await;
        app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
        app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
        let resources = chaveiro::vault::access::Resource::ALL.to_vec();
        let client = app.client_with(|request| {
            request.resources = resources;
            request.allowed_ips = vec!["127.0.0.1".into()];
        });
        let client = client.await;
        let recorded = record(&client, prefix, &calls).await;
        insta::assert_json_snapshot!(format!("{family}{}", prefix.replace('/', "_")), recorded);
    }
}

fn full_device() -> Value {
    let mut full = device("erp-01", "10.20.30.50");
    full.as_object_mut().unwrap().extend(
        json!({ "device_domain": "CORP", "device_tags": "erp,lisbon", "connectivities": "SSH:22,HTTPS:443",
                "session_remote_config": "wait login" })
        .as_object()
        .unwrap()
        .clone(),
    );
    full
}

#[actix_web::test]
async fn devices() {
    let calls = vec![
        get("/pam/device"),
        post("/pam/device", full_device()),
        post("/pam/device", device("ERP-01", "10.20.30.51")),
        get("/pam/device"),
        get("/pam/device/1"),
        get("/pam/devices/erp-01"),
        delete("/pam/device/1"),
        delete("/pam/device/1"),
        get("/pam/device/1"),
        put("/pam/device/1"),
        put("/pam/device/1"),
        get("/pam/device/999"),
        post("/pam/device", json!({})),
        post("/pam/device", json!({ "hostname": "x" })),
        post("/pam/device", json!({ "hostname": "x", "ip": "x" })),
        post("/pam/device", json!({ "hostname": "x", "ip": "x", "site": "x" })),
        post("/pam/device", json!({ "hostname": "x", "ip": "x", "site": "x", "model": "x" })),
        post("/pam/device", json!({ "hostname": "x", "ip": "x", "site": "x", "model": "x", "vendor": "x" })),
        post(
            "/pam/device",
            json!({ "hostname": "x", "ip": "x", "site": "x", "model": "x", "vendor": "x", "type": "x",
                                    "device_domain": "nowhere.example" }),
        ),
    ];
    golden("devices", calls).await;
}

#[actix_web::test]
async fn credentials() {
    let credential = |more: Value| {
        let mut body = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "svc_erp" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/pam/credential", body)
    };
    let calls = vec![
        post("/pam/device", full_device()),
        get("/pam/credential"),
        credential(json!({ "identifier": "erp", "content": "first", "additional": "note", "tags": "erp",
                           "domain": "corp.example", "credential_type": "Domain User",
                           "additional_settings": { "secret_key": "JBSWY3DPEHPK3PXP" } })),
        credential(json!({ "identifier": "erp", "content": "second", "execution_settings": { "enabled": true } })),
        credential(json!({ "username": "child", "parent_password": 1 })),
        get("/pam/credential"),
        get("/pam/credential/1"),
        get("/pam/credential/erp"),
        get("/pam/credential/child@erp-01"),
        get("/pam/credential/1/totp"),
        get("/pam/credential/2/totp"),
        get("/pam/credential/1/versions"),
        get("/pam/credential/1/versions/1"),
        post("/pam/credential/1/versions/1/restore", json!({})),
        get("/pam/credential/1/versions/9"),
        post("/pam/credential/1/rotate", json!({})),
        credential(json!({ "identifier": "erp", "execution_settings": { "change_plugin": "postgresql" } })),
        post("/pam/credential/1/rotate", json!({})),
        get("/pam/credential/1/rotation"),
        get("/pam/credential/1/rotation/passwords"),
        post("/pam/credential/1/rotation/decision", json!({ "decision": "retry" })),
        post("/pam/credential/1/rotation/decision", json!({ "decision": "maybe" })),
        delete("/pam/credential/custody/1"),
        delete("/pam/credential/custody/1"),
        delete("/pam/credential/1"),
        delete("/pam/credential/1"),
        get("/pam/credential/1"),
        put("/pam/credential/1"),
        put("/pam/credential/1"),
        get("/pam/credential/999"),
        credential(json!({ "hostname": "" })),
        credential(json!({ "ip": "" })),
        credential(json!({ "hostname": "nowhere" })),
        credential(json!({ "domain": "nowhere.example" })),
        credential(json!({ "parent_password": 999 })),
        credential(json!({ "jit_settings": { "jit": true } })),
        credential(json!({ "jit_settings": { "jit": true, "plugin": "P" } })),
    ];
    golden("credentials", calls).await;
}

#[actix_web::test]
async fn ssh_keys() {
    let key = |more: Value| {
        let mut body = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "deploy" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/pam/key", body)
    };
    let calls = vec![
        post("/pam/device", full_device()),
        key(json!({ "identifier": "deploy", "key_name": "deploy-2026", "private_key": PRIVATE_KEY, "tags": "ci,erp",
                    "devices": [{ "hostname": "erp-01" }, { "hostname": "nowhere" }] })),
        key(json!({ "identifier": "deploy", "key_name": "deploy-2027" })),
        get("/pam/key"),
        get("/pam/key/1"),
        get("/pam/key/deploy"),
        get("/pam/key/1/versions"),
        post("/pam/key/1/rotate", json!({})),
        key(json!({ "identifier": "deploy", "execution_settings": { "change_plugin": "ssh-key" } })),
        post("/pam/key/1/rotate", json!({})),
        get("/pam/key/1/rotation"),
        get("/pam/key/1/rotation/passwords"),
        post("/pam/key/1/rotation/decision", json!({ "decision": "retry" })),
        post("/pam/key/1/rotation/decision", json!({ "decision": "maybe" })),
        get("/pam/credential/1"),
        delete("/pam/key/1"),
        delete("/pam/key/1"),
        get("/pam/key/1"),
        put("/pam/key/1"),
        put("/pam/key/1"),
        get("/pam/key/999"),
        key(json!({ "identifier": "new" })),
        key(json!({ "identifier": "new", "public_key": "ssh-ed25519 AAAA" })),
        key(json!({ "identifier": "new", "private_key": "no key" })),
        key(json!({ "identifier": "new", "hostname": "nowhere", "private_key": PRIVATE_KEY })),
    ];
    golden("ssh_keys", calls).await;
}

#[actix_web::test]
async fn information() {
    let calls = vec![
        post(
            "/pam/info",
            json!({ "identifier": "lic", "name": "Licence", "type": "Licence", "service": "ERP",
                                  "url": "https://erp.example", "content": "first", "users_allowed": "ana,rui" }),
        ),
        post("/pam/info", json!({ "identifier": "lic", "content": "second" })),
        get("/pam/info"),
        get("/pam/info/1"),
        get("/pam/info/lic"),
        get("/pam/info/lic/versions"),
        get("/pam/item/lic"),
        delete("/pam/info/1"),
        delete("/pam/info/1"),
        get("/pam/info/1"),
        put("/pam/info/1"),
        put("/pam/info/1"),
        get("/pam/info/999"),
        get("/pam/item/999"),
        post("/pam/info", json!({ "identifier": "none" })),
    ];
    golden("information", calls).await;
}

#[actix_web::test]
async fn sessions() {
    let session = |more: Value| {
        let mut body = json!({ "user": "ana", "credential": "svc_erp", "device": "erp-01", "protocol": "ssh" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/remote/session", body)
    };
    let calls = vec![
        post("/pam/device", full_device()),
        post(
            "/pam/credential",
            json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "svc_erp", "content": "p" }),
        ),
        get("/session/remotesessions"),
        session(json!({ "remoteAddr": "10.9.8.7", "port": 2222, "screensize": "1920x1080" })),
        get("/session/remotesessions"),
        get("/session/remotesessions/1"),
        get("/session/remotesessions/999"),
        delete("/session/drop/0000000000000000000000000000000000000000"),
        session(json!({ "user": "" })),
        session(json!({ "credential": "" })),
        session(json!({ "device": "" })),
        session(json!({ "protocol": "" })),
        session(json!({ "protocol": "smoke" })),
        session(json!({ "user": "nobody" })),
        session(json!({ "device": "nowhere" })),
        session(json!({ "credential": "nobody" })),
    ];
    golden("sessions", calls).await;
}

#[actix_web::test]
async fn what_is_refused_before_any_rule() {
    let app = TestApp::start().await;
    let reader = app.read_only_client().await;
    let elsewhere =
        app.client_with(|request| request.resources = vec![chaveiro::vault::access::Resource::Administration]).await;
    let mut bad = app.anonymous();
    let mut recorded = Vec::new();
    for prefix in ["/iso", "/api"] {
        recorded.push(record(&app.anonymous(), prefix, &[get("/pam/device")]).await);
        bad.token = "no.good.token".into();
        recorded.push(record(&bad, prefix, &[get("/pam/device")]).await);
        let calls = [post("/pam/device", full_device()), get("/pam/nowhere"), put("/pam/device")];
        recorded.push(record(&reader, prefix, &calls).await);
        recorded.push(record(&elsewhere, prefix, &[get("/pam/device")]).await);
    }
    insta::assert_json_snapshot!("refused", recorded);
}
