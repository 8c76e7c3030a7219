//! Saving secrets.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chaveiro::vault::access::{ClientAccess, Resource};
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPLICATION, SECRETS, app, credential, expect_failure, identities, parse, reader};
use crate::support::{Answer, TestApp, TestClient, contents};

fn data() -> Value {
    json!({
        "access_keys": [{ "access_key": { "type": "aws", "fields": { "access_key_id": "AKIA", "secret_access_key": "k" } } }],
        "credentials": [{ "credential": { "fields": { "user": "u", "host": "db", "password": "p", "password_label": "DB_PASSWORD" } } }],
        "key_value": { "fields": { "TOKEN": "t" } },
    })
}

fn shown() -> Value {
    json!([
        { "hostname": "db", "username": "u", "DB_PASSWORD": "p" },
        { "access_key_id": "AKIA", "secret_access_key": "k", "TTL": null },
        { "TOKEN": "t" },
    ])
}

async fn client(app: &TestApp) -> TestClient {
    app.client_with(|request| request.resources = vec![Resource::Dsm]).await
}

async fn post_form(client: &TestClient, pairs: &[(&str, &str)]) -> Answer {
    client.send(client.request(Method::POST, SECRETS).form(pairs)).await
}

#[actix_web::test]
async fn a_save_creates_a_secret_and_the_next_one_adds_a_version() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    let body = json!({ "Name": "Database", "Identity": "db", "Description": "for the shop", "engine": "kubernetes",
                       "expiration_date": "2030-12-31", "data": data() });
    let answer = client.post(SECRETS, &body).await;
    let created = answer.expect(201);
    assert_eq!(created["response"]["status"], 201);
    assert_eq!(created["response"]["message"], "Secret created successfully.");
    let row = json!({ "secret_id": created["application"]["secrets"][0]["secret_id"], "secret_name": "Database",
                      "identity": "db", "version": "1", "expiration_date": "2030-12-31", "engine": "Kubernetes",
                      "data": shown() });
    assert_eq!(created["application"]["secrets"], json!([row]));
    assert!(row["secret_id"].is_string());

    let updated = client.post(SECRETS, &json!({ "identity": "db", "data": { "TOKEN": "new" } })).await;
    let updated = updated.expect(200);
    assert_eq!(updated["response"]["message"], "Secret updated successfully.");
    let saved = &updated["application"]["secrets"][0];
    assert_eq!(
        (&saved["version"], &saved["secret_name"], &saved["data"]),
        (&json!("2"), &json!("Database"), &json!([{ "TOKEN": "new" }]))
    );

    // Its own secrets come before the credentials, and both lists have them.
    let read = client.get(APPLICATION).await.expect(200);
    assert_eq!(read["application"]["secrets"][0], *saved);
    assert_eq!(identities(&client).await, ["db", "erp", "srv/corp/ana"]);
    assert_eq!(client.get(SECRETS).await.expect(200)["secrets"], read["application"]["secrets"]);
}

#[actix_web::test]
async fn data_comes_as_an_object_or_in_base64_of_either_alphabet() {
    let (app, _maker) = app().await;
    let client = client(&app).await;
    let text = data().to_string();
    let vendor = URL_SAFE.encode(&text).replace('=', ",");
    for (index, data) in [data(), json!(STANDARD.encode(&text)), json!(vendor), json!(text)].into_iter().enumerate() {
        let identity = format!("i{index}");
        let saved = client.post(SECRETS, &json!({ "identity": identity, "data": data })).await.expect(201);
        assert_eq!(saved["application"]["secrets"][0]["data"], shown());
    }
    let form = post_form(&client, &[("identity", "form"), ("name", "x"), ("data", &STANDARD.encode(&text))]).await;
    assert_eq!(form.expect(201)["application"]["secrets"][0]["data"], shown());
}

#[actix_web::test]
async fn every_save_is_a_version_and_what_is_left_out_stays() {
    let (app, _maker) = app().await;
    let client = client(&app).await;
    let body = json!({ "identity": "s", "name": "n", "expiration_date": "2030-01-01", "data": { "a": "1" } });
    client.post(SECRETS, &body).await.expect(201);
    client.post(SECRETS, &body).await.expect(200);
    let saved = client.post(SECRETS, &json!({ "identity": "s", "expiration_date": "" })).await.expect(200);
    let saved = &saved["application"]["secrets"][0];
    assert_eq!((&saved["version"], &saved["secret_name"]), (&json!("3"), &json!("n")));
    assert_eq!((&saved["expiration_date"], &saved["data"]), (&json!(""), &json!([{ "a": "1" }])));
}

#[actix_web::test]
async fn a_secret_is_sealed_and_its_record_comes_first() {
    let (app, _maker) = app().await;
    let client = client(&app).await;
    client.post(SECRETS, &json!({ "identity": "s", "data": { "name-of-a-value": "canary-value" } })).await.expect(201);
    for (place, bytes) in contents(&app.database) {
        let held = String::from_utf8_lossy(&bytes);
        for text in ["canary-value", "name-of-a-value"] {
            assert!(!held.contains(text) && !held.contains(&hex::encode(text)), "{text} in {place}");
        }
    }
    let records = app.records().await;
    let saves: Vec<_> = records.iter().filter(|record| record.action == "application-secret.save").collect();
    let [save] = saves.as_slice() else { panic!("{} records", saves.len()) };
    assert_eq!(
        (save.family.as_str(), save.object.as_str(), save.outcome.as_str()),
        ("dsm", "application-secret:1", "ok")
    );
}

#[actix_web::test]
async fn secrets_belong_to_one_authorization_and_nobody_hears_of_them() {
    let (app, maker) = app().await;
    let (one, other) = (reader(&app).await, client(&app).await);
    one.post(SECRETS, &json!({ "identity": "s", "data": { "a": "one's" } })).await.expect(201);
    assert_eq!(identities(&other).await, [""; 0]);
    let theirs = other.post(SECRETS, &json!({ "identity": "s", "data": { "a": "other's" } })).await.expect(201);
    assert_eq!(theirs["application"]["secrets"][0]["version"], "1");
    let read = parse(&one.get(APPLICATION).await).application.unwrap();
    assert_eq!(read.secrets[0].data[0]["a"], "one's");
    // A credential of the same name stands in for nothing.
    maker.save_credential(&credential("batch", json!({ "identifier": "erp" }))).await;
    one.post(SECRETS, &json!({ "identity": "erp", "data": { "a": "mine" } })).await.expect(201);
    assert_eq!(identities(&one).await, ["s", "erp", "srv/corp/ana"]);
    let read = parse(&one.get(APPLICATION).await).application.unwrap();
    assert_eq!(read.secrets[1].data[0]["a"], "mine");
}

#[actix_web::test]
async fn a_wrong_request_is_refused_by_its_parameter_and_changes_nothing() {
    let (app, _maker) = app().await;
    let client = client(&app).await;
    for (body, message) in [
        (json!({ "data": {} }), "Invalid parameter identity: is missing"),
        (json!({ "identity": " ", "data": {} }), "Invalid parameter identity: is missing"),
        (json!({ "identity": "s" }), "Invalid parameter data: is missing"),
        (json!({ "identity": "s\n", "data": {} }), ""),
        (json!({ "identity": "a\nb", "data": {} }), "Invalid parameter identity: must not contain control characters"),
        (
            json!({ "identity": "s", "name": "n".repeat(256), "data": {} }),
            "Invalid parameter name: must not be longer than 255 characters",
        ),
        (
            json!({ "identity": "s", "engine": "canary", "data": {} }),
            "Invalid parameter engine: expected Ansible, Generic, GitLab or Kubernetes",
        ),
        (
            json!({ "identity": "s", "description": "x\u{0}", "data": {} }),
            "Invalid parameter description: must not contain a NUL character",
        ),
        (
            json!({ "identity": "s", "data": { "access_keys": [{ "fields": { "access_key_id": "x" } }], "TTL": "canary" } }),
            "Invalid parameter data: two values have the same name; give each a label of its own",
        ),
        (
            json!({ "identity": "s", "data": { "key_value": { "fields": { "a": null } }, "a": null } }),
            "Invalid parameter data: two values have the same name; give each a label of its own",
        ),
        (json!({ "identity": "s", "data": "canary" }), "Invalid parameter data: expected base64 of a JSON object"),
        (
            json!({ "identity": "s", "data": { "a": { "canary": 1 } } }),
            "Invalid parameter data: expected strings as values",
        ),
        (
            json!({ "identity": "s", "data": { "key_value": { "fields": { "a": "x" } }, "a": "canary" } }),
            "Invalid parameter data: two values have the same name; give each a label of its own",
        ),
        (
            json!({ "identity": "s", "data": {}, "renew_cloud_time": 30 }),
            "Invalid parameter renew_cloud_time: renewal is not supported; leave it out",
        ),
        (json!([]), "The request body must be a JSON object"),
    ] {
        let answer = client.post(SECRETS, &body).await;
        if message.is_empty() {
            answer.expect(201);
            app.database.run("DELETE FROM secret");
            app.database.run("DELETE FROM secret_head");
            app.database.run("DELETE FROM application_secret");
            continue;
        }
        expect_failure(&answer, 400, message);
        assert!(!answer.text.contains("canary"));
    }
    assert_eq!(identities(&client).await, [""; 0]);
    let read_only = app
        .client_with(|request| {
            request.resources = vec![Resource::Dsm];
            request.access = ClientAccess::ReadOnly;
        })
        .await;
    let refused = read_only.post(SECRETS, &json!({ "identity": "s", "data": {} })).await;
    expect_failure(&refused, 403, "You are not authorized to access this resource.");
}
