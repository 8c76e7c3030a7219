//! What a name may be.

use reqwest::Method;
use serde_json::{Value, json};

use super::{LOCAL_TYPE, administrator, call_in, create_local_provider, post};
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
