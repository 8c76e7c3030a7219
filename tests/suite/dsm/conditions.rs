//! Preconditions and idempotency keys of writes, and the body of a read.

use chaveiro::vault::access::Resource;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPLICATION, AUTHORIZATION, SECRETS, VARIABLES, expect_failure, identities};
use crate::support::{Answer, TestApp, TestClient};

async fn client() -> (TestApp, TestClient) {
    // One writer, so that records are in the order of the requests.
    let app = TestApp::start_with(|settings| {
        settings.dsm.enabled = true;
        settings.store.writers = 1;
    })
    .await;
    let resources = vec![Resource::Dsm, Resource::DsmApplications];
    let client = app.client_with(|request| request.resources = resources).await;
    (app, client)
}

fn secret(value: &str) -> Value {
    json!({ "identity": "s", "data": { "a": value } })
}

async fn save(client: &TestClient, body: &Value, header: (&str, &str)) -> Answer {
    client.send(client.request(Method::POST, SECRETS).json(body).header(header.0, header.1)).await
}

#[actix_web::test]
async fn a_write_with_a_precondition_is_refused_because_nothing_has_an_etag() {
    let (_app, client) = client().await;
    for header in [("If-Match", "\"a\""), ("If-None-Match", "*")] {
        expect_failure(
            &save(&client, &secret("x"), header).await,
            412,
            "These objects have no ETag; leave If-Match and If-None-Match out",
        );
        for (method, path) in [(Method::POST, APPLICATION), (Method::POST, VARIABLES), (Method::DELETE, AUTHORIZATION)]
        {
            let request = client.request(method, path).header(header.0, header.1);
            assert_eq!(client.send(request).await.status, 412, "{path}");
        }
    }
    expect_failure(
        &save(&client, &secret("x"), ("If-Match", "a")).await,
        400,
        "Invalid header If-Match: expected * or tags in double quotes, separated by commas",
    );
    assert_eq!(identities(&client).await, [""; 0]);
    // Of a read it is ignored, as HTTP demands of a server without ETags.
    let read = client.request(Method::GET, APPLICATION).header("If-None-Match", "\"a\"");
    client.send(read).await.expect(200);
}

#[actix_web::test]
async fn a_save_with_an_idempotency_key_adds_one_version() {
    let (app, client) = client().await;
    let key = ("Idempotency-Key", "k");
    let first = save(&client, &secret("canary"), key).await;
    let again = save(&client, &secret("canary"), key).await;
    first.expect(201);
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(client.get(APPLICATION).await.expect(200)["application"]["secrets"][0]["version"], "1");
    expect_failure(
        &save(&client, &secret("other"), key).await,
        409,
        "The idempotency key was used for another request",
    );
    for wrong in ["", "a b"] {
        save(&client, &secret("x"), ("Idempotency-Key", wrong)).await.expect(400);
    }
    // Another client has its own keys.
    let other = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    save(&other, &secret("canary"), key).await.expect(201);
}

#[actix_web::test]
async fn an_import_with_an_idempotency_key_is_recorded_with_its_secrets() {
    let (app, client) = client().await;
    let form = [("env", "QT0x"), ("map", "eyJrZXlfdmFsdWUiOlt7Im5hbWUiOiJuIiwiZmllbGRzIjpbIkEiXX1dfQ")];
    for _ in 0..2 {
        let request = client.request(Method::POST, VARIABLES).form(&form).header("Idempotency-Key", "k");
        client.send(request).await.expect(200);
    }
    let records = app.records().await;
    let imports = records.iter().filter(|record| record.action == "application-secret.import");
    let imports: Vec<_> = imports.map(|record| (record.object.as_str(), record.outcome.as_str())).collect();
    assert_eq!(imports, [("secrets:[\"n\"]", "ok"), ("", "repeated")]);
}

#[actix_web::test]
async fn the_headers_of_the_body_of_a_read_are_ignored() {
    let (_app, client) = client().await;
    for (name, value) in [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Encoding", "gzip"),
    ] {
        client.send(client.request(Method::GET, APPLICATION).header(name, value)).await.expect(200);
    }
}

#[actix_web::test]
async fn a_body_of_another_type_is_refused_with_the_types_that_are_read() {
    let (_app, client) = client().await;
    let request = client.request(Method::POST, SECRETS).header("Content-Type", "multipart/form-data; boundary=x");
    let answer = client.send(request.body("--x--\r\n")).await;
    expect_failure(&answer, 415, "The request body must be application/json or application/x-www-form-urlencoded");
}
