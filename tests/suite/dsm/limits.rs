//! What one client can make the vault hold, write and compute.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::vault::access::Resource;
use serde_json::{Value, json};

use super::{APPLICATION, SECRETS, VARIABLES, expect_failure, identities};
use crate::support::{Answer, TestApp, TestClient};

async fn client() -> (TestApp, TestClient) {
    // One writer, so that records are in the order of the requests.
    let app = TestApp::start_with(|settings| {
        settings.dsm.enabled = true;
        settings.store.writers = 1;
    })
    .await;
    let client = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    (app, client)
}

async fn import(client: &TestClient, env: &str, map: &Value) -> Answer {
    let (env, map) = (STANDARD.encode(env), STANDARD.encode(map.to_string()));
    client.post_form(VARIABLES, &[("env", &env), ("map", &map)]).await
}

fn groups(number: usize) -> Value {
    let group = |index: usize| json!({ "name": format!("n{index}"), "fields": ["A"] });
    json!({ "key_value": (0..number).map(group).collect::<Vec<_>>() })
}

fn variables(number: usize) -> Vec<String> {
    (0..number).map(|index| format!("V{index}")).collect()
}

#[actix_web::test]
async fn an_import_is_bounded_in_secrets_and_variables() {
    let (_app, client) = client().await;
    import(&client, "A=1", &groups(256)).await.expect(200);
    assert_eq!(identities(&client).await.len(), 256);
    for map in [
        groups(257),
        groups(12_000),
        json!({ "key_value": [{ "name": "wide", "fields": variables(4097) }] }),
        json!({ "key_value": [{ "name": "wide", "fields": variables(60_000) }] }),
    ] {
        let message = "Invalid parameter map: must not name more than 256 secrets and 4096 variables";
        expect_failure(&import(&client, "A=1", &map).await, 400, message);
    }
}

#[actix_web::test]
async fn the_values_of_one_authorization_are_bounded_together() {
    let (app, client) = client().await;
    client.post(SECRETS, &json!({ "identity": "s", "data": { "a": "x".repeat(1000) } })).await.expect(201);
    let size = app.database.numbers("SELECT CAST(size AS INTEGER) FROM application_secret")[0];
    assert!((1000..1100).contains(&size), "{size}");
    app.database.run("UPDATE application_secret SET size = 16777216 - 500");
    let message =
        |name: &str| format!("Invalid parameter {name}: the values of all secrets are more than 16 MiB together");
    let other = json!({ "identity": "t", "data": { "a": "x".repeat(1000) } });
    expect_failure(&client.post(SECRETS, &other).await, 400, &message("data"));
    expect_failure(&import(&client, &format!("A={}", "x".repeat(1000)), &groups(1)).await, 400, &message("env"));
    assert_eq!(identities(&client).await, ["s"]);
    // Less of the same secret is no more than before.
    client.post(SECRETS, &json!({ "identity": "s", "data": { "a": "y" } })).await.expect(200);
    client.post(SECRETS, &other).await.expect(201);
}

#[actix_web::test]
async fn the_number_of_secrets_is_bounded() {
    let (app, client) = client().await;
    client.post(SECRETS, &json!({ "identity": "s", "data": { "a": "x" } })).await.expect(201);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19999)";
    app.database.run(&format!(
        "{numbers} INSERT INTO application_secret (authorization_id, identity, name, description, expiration_date, engine,
         size, created_at, changed_at) SELECT authorization_id, 'i' || i, name, description, expiration_date, engine,
         size, created_at, changed_at FROM application_secret CROSS JOIN n"
    ));
    let message = "Invalid parameter identity: is new, and the authorization has 20000 secrets already";
    let answer = client.post(SECRETS, &json!({ "identity": "t", "data": { "a": "x" } })).await;
    expect_failure(&answer, 400, message);
    client.post(SECRETS, &json!({ "identity": "s", "data": { "a": "y" } })).await.expect(200);
}

#[actix_web::test]
async fn the_record_of_a_read_is_bounded_and_still_tells_what_was_read() {
    let (app, client) = client().await;
    let name = |index: usize| format!("{index:03}{}", "n".repeat(200));
    let group = |index: usize| json!({ "name": name(index), "fields": ["A"] });
    let map = json!({ "key_value": (0..200).map(group).collect::<Vec<_>>() });
    import(&client, "A=1", &map).await.expect(200);
    client.get(APPLICATION).await.expect(200);
    client.post(SECRETS, &json!({ "identity": "one more", "data": { "a": "x" } })).await.expect(201);
    client.get(APPLICATION).await.expect(200);
    let records = app.records().await;
    let objects = |action: &str| -> Vec<String> {
        records.iter().filter(|record| record.action == action).map(|record| record.object.clone()).collect()
    };
    let (reads, imports) = (objects("application.read"), objects("application-secret.import"));
    assert_eq!(imports[0], reads[0], "the same secrets");
    assert!(reads[0].starts_with(&format!("secrets:[\"{}\",", name(0))), "{}", reads[0]);
    assert!(reads[0].len() < 17_000, "{}", reads[0].len());
    let (_, rest) = reads[0].split_once("] and ").unwrap();
    assert!(rest.contains(" more, sha256:"), "{rest}");
    assert_ne!(reads[0], reads[1], "the hash covers every name");
    assert!(app.verify_audit().await.broken.is_none());
}

#[actix_web::test]
async fn the_passwords_of_one_response_are_bounded() {
    let (app, _maker) = super::app().await;
    let client = super::reader(&app).await;
    client.get(APPLICATION).await.expect(200);
    let zeros =
        if app.database.is_postgresql() { "decode(repeat('00', 20000000), 'hex')" } else { "zeroblob(20000000)" };
    app.database.run(&format!("UPDATE secret SET sealed = {zeros} WHERE state = 'current'"));
    let answer = client.get(APPLICATION).await;
    expect_failure(&answer, 400, "The authorization has too many secrets for one response");
}
