//! The variables of a pipeline, as `dsm runb` sends them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::vault::access::Resource;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPLICATION, VARIABLES, expect_failure, identities};
use crate::support::{Answer, TestApp, TestClient};

async fn client() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.dsm.enabled = true).await;
    let client = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    (app, client)
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text).replace('+', "-").replace('/', "_").replace('=', ",")
}

/// Sends variables, and what each of them becomes.
pub(crate) async fn send(client: &TestClient, env: &str, map: &Value) -> Answer {
    let map = if map.is_null() { String::new() } else { encoded(&map.to_string()) };
    client.send(client.request(Method::POST, VARIABLES).form(&[("env", encoded(env)), ("map", map)])).await
}

fn map() -> Value {
    json!({
        "access_keys": [{ "name": "aws", "type": "aws", "fields": { "access_key_id": "AWS_ID", "secret_access_key": "AWS_KEY" } }],
        "credentials": [{ "name": "db", "fields": { "user": "DB_USER", "password": "DB_PASSWORD", "host": "DB_HOST" } }],
        "key_value": [{ "name": "other", "fields": ["TOKEN"] }],
    })
}

async fn data(client: &TestClient) -> Value {
    let read = client.get(APPLICATION).await.expect(200);
    let secrets = read["application"]["secrets"].as_array().unwrap();
    secrets.iter().map(|secret| (secret["identity"].as_str().unwrap().to_string(), secret["data"].clone())).collect()
}

#[actix_web::test]
async fn mapped_variables_become_secrets_and_others_are_not_kept() {
    let (app, client) = client().await;
    let env = "PATH=/bin\nAWS_ID=AKIA\nAWS_KEY=k=\nDB_USER=u\nDB_PASSWORD=p\nDB_HOST=db\nTOKEN=t\nRUNNER=canary";
    let answer = send(&client, env, &map()).await;
    let body = answer.expect(200);
    assert_eq!((&body["response"]["error"], body.get("error")), (&json!(false), None));
    let expected = json!({
        "aws": [{ "AWS_ID": "AKIA", "AWS_KEY": "k=" }],
        "db": [{ "DB_HOST": "db", "DB_PASSWORD": "p", "DB_USER": "u" }],
        "other": [{ "TOKEN": "t" }],
    });
    assert_eq!(data(&client).await, expected);
    let records = app.records().await;
    let imports: Vec<_> = records.iter().filter(|record| record.action == "application-secret.import").collect();
    let [import] = imports.as_slice() else { panic!() };
    assert_eq!(import.object, r#"secrets:["aws","db","other"]"#);
    // The same again adds no version, and a removed variable keeps its value.
    send(&client, "DB_PASSWORD=new\nTOKEN=t", &map()).await.expect(200);
    let read = client.get(APPLICATION).await.expect(200);
    let versions: Vec<_> =
        read["application"]["secrets"].as_array().unwrap().iter().map(|secret| secret["version"].clone()).collect();
    assert_eq!(versions, ["1", "2", "1"]);
    assert_eq!(data(&client).await["db"], json!([{ "DB_HOST": "db", "DB_PASSWORD": "new", "DB_USER": "u" }]));
}

#[actix_web::test]
async fn without_a_mapping_nothing_is_saved() {
    let (_app, client) = client().await;
    send(&client, "TOKEN=t", &Value::Null).await.expect(200);
    client.send(client.request(Method::POST, VARIABLES).form(&[("env", encoded("TOKEN=t"))])).await.expect(200);
    send(&client, "PATH=/bin", &map()).await.expect(200);
    assert_eq!(identities(&client).await, [""; 0]);
}

#[actix_web::test]
async fn what_cannot_be_told_apart_is_refused_and_nothing_is_saved() {
    let (_app, client) = client().await;
    for (env, map, parameter) in [
        ("TOKEN=-----BEGIN X-----\ncanary\n-----END X-----\nA=b", map(), "env"),
        ("TOKEN=a\nB=x\nTOKEN=canary", map(), "env"),
        ("TOKEN=canary", json!([]), "map"),
        ("TOKEN=canary", json!({ "key_value": [{ "name": "a" }] }), "map"),
        ("TOKEN=canary", json!({ "key_value": [{ "name": "", "fields": ["TOKEN"] }] }), "map"),
        (
            "A=1\nTOKEN=canary",
            json!({ "key_value": [{ "name": "a", "fields": ["A"] }, { "name": "b", "fields": ["TOKEN", "TOKEN"] }] }),
            "map",
        ),
    ] {
        let answer = send(&client, env, &map).await;
        answer.expect(400);
        assert!(answer.text.contains(&format!("Invalid parameter {parameter}: ")), "{}", answer.text);
        assert!(!answer.text.contains("canary"));
    }
    let missing = client.send(client.request(Method::POST, VARIABLES).form(&[("map", "")])).await;
    expect_failure(&missing, 400, "Invalid parameter env: is missing");
    assert_eq!(identities(&client).await, [""; 0]);
}
