//! Texts and numbers: what a name may be, what a number, and which octets.

use reqwest::Method;
use serde_json::{Value, json};

use super::{LOCAL_TYPE, administrator, call_in, create_local_provider, post, put};
use crate::support::TestApp;

const ENTRIES: &str = "/PamProviders/Local/1/Entries";

#[actix_web::test]
async fn every_field_of_one_line_is_one() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "local").await;
    for text in ["a\nb", "a\u{1b}[31mb", "a\u{7f}b", "a\u{85}b", "a\u{2028}b"] {
        let parameter =
            |name: &str, shown: &str| json!({ "Name": "t", "Parameters": [{ "Name": name, "DisplayName": shown }] });
        let requests: [(&str, &str, Value, &str); 8] = [
            ("1", "/PamProviders/Types", json!({ "Name": text }), "Name"),
            ("1", "/PamProviders/Types", parameter(text, "x"), "Parameters.Name"),
            ("1", "/PamProviders/Types", parameter("x", text), "Parameters.DisplayName"),
            ("1", "/PamProviders", json!({ "Name": text, "ProviderType": { "Id": LOCAL_TYPE } }), "Name"),
            ("1", ENTRIES, json!({ "SecretName": text, "SecretValue": "s" }), "SecretName"),
            ("1", "/Security/Identities", json!({ "AccountName": format!("CORP\\{text}") }), "AccountName"),
            ("2", "/Security/Roles", json!({ "Name": text }), "Name"),
            ("2", "/Security/Roles", json!({ "Name": "r", "EmailAddress": text }), "EmailAddress"),
        ];
        for (version, path, body, field) in requests {
            let answer = call_in(&client, version, Method::POST, path, Some(&body)).await;
            answer.expect_error(400, &format!("Invalid parameter {field}: "));
        }
    }
    for table in ["provider_entry", "identity"] {
        assert_eq!(app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}")), [0], "{table}");
    }
    // Joiners and marks of direction are legal, and a description may have several lines.
    let entry = json!({ "SecretName": "می\u{200c}خواهم", "Description": "line 1\nline 2", "SecretValue": "s" });
    let made = post(&client, ENTRIES, &entry).await.expect(200);
    assert_eq!((&made["SecretName"], &made["Description"]), (&entry["SecretName"], &entry["Description"]));
}

#[actix_web::test]
async fn a_whole_number_may_have_a_fraction_of_zero_and_a_text_is_no_number() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let send = async |method: Method, path: &str, body: String| {
        let request = client.request(method, &format!("/KeyfactorAPI{path}"));
        client.send(request.header("content-type", "application/json").body(body)).await
    };
    let provider = |area: &str| {
        let name = area.replace('"', "text ");
        format!(r#"{{"Name": "{name}", "ProviderType": {{"Id": "{LOCAL_TYPE}"}}, "Area": {area}}}"#)
    };
    for (area, number) in [("7.0", 7), ("1e1", 10), ("-0.0", 0), ("2147483647.0", i32::MAX)] {
        assert_eq!(send(Method::POST, "/PamProviders", provider(area)).await.expect(200)["Area"], number);
    }
    for area in ["7.5", "2147483648", "1e300", "\"7\""] {
        send(Method::POST, "/PamProviders", provider(area)).await.expect_error(400, "Area: expected a 32-bit integer");
    }
    let renamed = format!(r#"{{"Id": 1.0, "Name": "renamed", "ProviderType": {{"Id": "{LOCAL_TYPE}"}}}}"#);
    assert_eq!(send(Method::PUT, "/PamProviders", renamed).await.expect(200)["Id"], 1);
    for value in [json!(1.0), json!(1), json!(true)] {
        let entry = json!({ "SecretName": "e", "SecretValue": value });
        post(&client, ENTRIES, &entry).await.expect_error(400, "SecretValue: expected a string");
    }
}

#[actix_web::test]
async fn octets_that_are_not_utf_8_are_refused_in_queries_and_paths() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "local").await;
    post(&client, ENTRIES, &json!({ "SecretName": "caf\u{fffd}", "SecretValue": "s" })).await.expect(200);
    let delete = async |query: &str| super::delete(&client, &format!("{ENTRIES}?{query}")).await;
    delete("secretName=caf%E9").await.expect_error(400, "secretName: must be UTF-8");
    for query in ["%E9=x&secretName=caf%EF%BF%BD", "other=%E9&secretName=caf%EF%BF%BD"] {
        delete(query).await.expect_error(400, "The query must be UTF-8");
    }
    super::get(&client, "/PamProviders?QueryString=%FF").await.expect_error(400, "QueryString: must be UTF-8");
    super::get(&client, "/PamProviders/%E9").await.expect_error(400, "id");
    put(&client, ENTRIES, &json!({ "SecretName": "caf\u{fffd}", "SecretValue": "t" })).await.expect(200);
}

#[actix_web::test]
async fn a_repeated_member_or_parameter_is_refused_and_only_a_known_name_is_in_the_error() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "local").await;
    let secret = r#""SecretValue": "hunter2""#;
    for (members, expected) in [
        (format!(r#"{secret}, "SecretValue": "b""#), "Invalid parameter SecretValue: must not be repeated"),
        (format!(r#"{secret}, "secretvalue": "b""#), "Invalid parameter SecretValue: must not be repeated"),
        (format!(r#"{secret}, "hunter2": 1, "hunter2": 2"#), "No parameter may be repeated"),
        (format!(r#"{secret}, "x": [{{"hunter2": 1, "hunter2": 2}}]"#), "No parameter may be repeated"),
    ] {
        let request = client.request(Method::POST, &format!("/KeyfactorAPI{ENTRIES}"));
        let body = format!(r#"{{"SecretName": "e", {members}}}"#);
        let answer = client.send(request.header("content-type", "application/json").body(body)).await;
        answer.expect_error(400, expected);
        assert!(!answer.text.contains("hunter2"), "{members}");
    }
    post(&client, ENTRIES, &json!({ "SecretName": "e", "SecretValue": "s" })).await.expect(200);
    for (query, expected) in [
        ("secretName=x&secretName=e", "Invalid parameter secretName: must not be repeated"),
        ("secretName=e&pq.SecretName=e", "Invalid parameter secretName: must not be repeated"),
        ("secretName=e&hunter2=1&hunter2=2", "No parameter may be repeated"),
    ] {
        super::delete(&client, &format!("{ENTRIES}?{query}")).await.expect_error(400, expected);
    }
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM provider_entry"), [1]);
}
