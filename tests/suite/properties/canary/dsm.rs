//! The ways of the calls of DevOps Secret Manager.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use super::{Canaries, HOSTNAME, Told};
use crate::support::{Credentials, Program, Serving};

const SECRET: &str = "/iso/sctm/secret";

/// Creates a client that saves secrets, registers applications, and sees the device.
pub(super) fn create_dsm_client(program: &Program) -> Credentials {
    let create = ["authorization", "create", "--application", "erp", "--access", "read-write"];
    let made = program.json(&[&create[..], &["--resource", "dsm", "--resource", "dsm-applications"]].concat());
    let text = |name: &str| made[name].as_str().unwrap().to_string();
    Credentials { id: text("client_id"), secret: text("client_secret") }
}

/// Secrets that are saved, imported and read, and others where none belongs.
pub(super) async fn save_and_import(
    server: &Serving,
    credentials: &Credentials,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    canaries.add("the secret of a client of dsm", &credentials.secret);
    let client = server.client(credentials).await;
    let saved = canaries.hatch("a saved secret");
    let body = json!({ "identity": HOSTNAME, "data": { "key_value": { "fields": { "A": saved } } } });
    client.post(SECRET, &body).await.expect(201);
    let encoded = STANDARD.encode(json!({ "A": canaries.hatch("a secret in base64") }).to_string());
    let form = [("identity", HOSTNAME), ("data", &encoded)];
    client.send(client.request(Method::POST, SECRET).form(&form)).await.expect(200);
    let env = format!("TOKEN={}\nRUNNER={}", canaries.hatch("a variable"), canaries.hatch("an unmapped variable"));
    let map = json!({ "key_value": [{ "name": "pipeline", "fields": ["TOKEN"] }] }).to_string();
    let import = [("env", STANDARD.encode(&env)), ("map", STANDARD.encode(map))];
    let answer = client.send(client.request(Method::POST, "/iso/cicd/variables").form(&import)).await;
    told.note("an import of variables", 200, &answer);
    let read = client.get("/iso/dapp/application").await.expect(200);
    assert_eq!(read["application"]["secrets"].as_array().unwrap().len(), 2);

    for (way, mut body) in [
        ("a secret as an identity", json!({ "identity": "\n", "data": {} })),
        ("a secret as an engine", json!({ "identity": "x", "engine": "", "data": {} })),
        ("a nested secret", json!({ "identity": "x", "data": { "a": { "b": "" } } })),
        ("an unknown field", json!({ "identity": "x", "data": { "credentials": [{ "fields": { "a": "" } }] } })),
        ("data that is no base64", json!({ "identity": "x", "data": "" })),
    ] {
        let secret = canaries.hatch(way);
        let place = match way {
            "a secret as an identity" => &mut body["identity"],
            "a secret as an engine" => &mut body["engine"],
            "a nested secret" => &mut body["data"]["a"]["b"],
            "an unknown field" => &mut body["data"]["credentials"][0]["fields"]["a"],
            _ => &mut body["data"],
        };
        *place = json!(format!("{}{secret}", place.as_str().unwrap()));
        if way == "a secret as an identity" {
            *place = json!(format!("a\n{secret}"));
        }
        told.note(way, 400, &client.post(SECRET, &body).await);
    }
    let registration = json!({ "application": "shop", "system": "s", "environment": "e" });
    let registered = client.post("/iso/dapp/application", &registration).await.expect(200);
    canaries.add("the secret of a registered client", registered["signature"].as_str().unwrap());
    let wrong = json!({ "application": "shop", "system": canaries.hatch("a secret as a system") + "\n\u{1}", "environment": "e" });
    told.note("a secret as a system", 400, &client.post("/iso/dapp/application", &wrong).await);
}
