//! Row locks of devices on PostgreSQL, where writers run concurrently: an operation that requires an active device waits for
//! a transaction that is deactivating it, and is then refused.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chaveiro::store::device;
use chaveiro::store::id::DeviceId;
use chaveiro::store::{Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::TestApp;

/// What makes or makes active something on the device `a`, and the number of its refusal there once it is inactive.
fn changes() -> [(Method, &'static str, Option<Value>); 5] {
    let on = |username: &str| json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "content": "p" });
    let mut key = on("another");
    key["private_key"] = json!(include_str!("../fixtures/ssh/ed25519"));
    let batch = json!({ "items": [{ "save": on("in-a-batch") }] });
    [
        (Method::POST, "/iso/pam/credential", Some(on("new"))),
        (Method::POST, "/iso/pam/key", Some(key)),
        (Method::POST, "/iso/pam/credential/batch", Some(batch)),
        (Method::PUT, "/iso/pam/credential/i", None),
        (Method::PUT, "/iso/pam/key/k", None),
    ]
}

#[actix_web::test]
async fn nothing_becomes_active_on_a_device_that_is_being_deactivated() {
    let app = TestApp::start().await;
    if !app.database.is_postgresql_or_skip() {
        return; // There one transaction writes at a time.
    }
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let mut own = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    client.save_credential(&own).await;
    own["identifier"] = json!("k");
    own["private_key"] = json!(include_str!("../fixtures/ssh/ecdsa"));
    client.post("/iso/pam/key", &own).await.expect(201);
    for path in ["/iso/pam/credential/i", "/iso/pam/key/k"] {
        client.delete(path).await.expect(200);
    }

    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut holder = Database::connect(&location, false).unwrap().unwrap();
    let id = DeviceId::new(1);
    let mut changes = changes().into_iter().peekable();
    while let Some((method, path, body)) = changes.peek() {
        app.database.run("UPDATE device SET active = TRUE");
        holder.connection().batch_execute("BEGIN").unwrap();
        device::set_active(holder.connection(), id, false, 0).unwrap();
        holder.connection().batch_execute("UPDATE credential SET active = FALSE").unwrap();
        let request = client.request(method.clone(), path);
        let request = body.iter().fold(request, |request, body| request.json(body));
        let is_answered = Cell::new(false);
        let committed = async {
            let waiting = "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
            let since = Instant::now();
            while sql_query(waiting).execute(holder.connection()).unwrap() == 0 {
                // It may have waited, and given up, while this test stood still.
                if is_answered.get() {
                    break;
                }
                assert!(since.elapsed() < Duration::from_secs(60), "{method} {path} does not wait");
                actix_web::rt::time::sleep(Duration::from_millis(5)).await;
            }
            holder.connection().batch_execute("COMMIT").unwrap();
        };
        let answered = async {
            let answer = client.send(request).await;
            is_answered.set(true);
            answer
        };
        let (answer, ()) = join(answered, committed).await;
        let body = answer.json();
        let refused = body["items"].as_array().map_or(&body, |items| &items[0]);
        if refused["code"] == 503 {
            continue; // A slow machine: the wait was longer than it may be.
        }
        assert_eq!(refused["code"], 400, "{method} {path}: {}", answer.text);
        let active = app.database.texts("SELECT username FROM credential WHERE active");
        assert!(active.is_empty(), "{method} {path}: {active:?}");
        changes.next();
    }
}
