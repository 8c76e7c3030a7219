//! Reading, listing, switching off and on (contract, sections 5.1, 5.2, 5.4, 5.5).

use serde_json::json;

use crate::support::{TestApp, TestClient};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.20.30.50").await;
    let credential = json!({
        "hostname": "erp-01", "ip": "10.20.30.50", "username": "svc_erp", "identifier": "erp-batch",
        "content": "Pa55-w0rd", "additional": "nightly job", "connectivities": "SSH:22, HTTPS:443"
    });
    client.save_credential(&credential).await;
    (app, client)
}

#[actix_web::test]
async fn a_credential_is_read_and_listed_as_documented() {
    let (_app, client) = vault().await;
    insta::assert_json_snapshot!("credential", client.get("/iso/pam/credential/1").await.expect(200));
    insta::assert_json_snapshot!("credentials_iso", client.get("/iso/pam/credential").await.expect(200));
    insta::assert_json_snapshot!("credentials_api", client.get("/api/pam/credential").await.expect(200));
}

#[actix_web::test]
async fn every_key_finds_it_in_path_and_query() {
    let (_app, client) = vault().await;
    for key in ["1", "erp-batch", "svc_erp@erp-01", "svc_erp@ERP-01", "svc_erp%40erp-01"] {
        for path in [
            format!("/iso/pam/credential/{key}"),
            format!("/api/pam/credential/{key}/"),
            format!("/iso/pam/credential/{key}?credential={key}"),
            format!("/iso/pam/credential?credential={key}"),
        ] {
            assert_eq!(client.get(&path).await.expect(200)["credential"]["password"], "Pa55-w0rd", "{path}");
        }
    }
    for key in ["2", "erp", "svc_erp", "SVC_ERP@erp-01", "svc_erp@erp", "@erp-01", "svc_erp@", "ERP-BATCH"] {
        client.get(&format!("/iso/pam/credential/{key}")).await.expect_number(1007);
    }
}

#[actix_web::test]
async fn a_username_may_contain_an_at_sign_and_a_key_of_two_objects_is_ambiguous() {
    let (_app, client) = vault().await;
    let base = |username: &str, identifier: &str| {
        json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": username, "identifier": identifier,
                "content": username })
    };
    client.save_credential(&base("j.doe@corp", "123")).await;
    client.save_credential(&base("one", "1")).await;
    assert_eq!(client.password("j.doe@corp@erp-01").await, "j.doe@corp");
    assert_eq!(client.password("123").await, "j.doe@corp");
    let answer = client.get("/iso/pam/credential/1").await;
    let candidates = answer.expect(409)["candidates"].clone();
    let identifiers: Vec<_> = candidates.as_array().unwrap().iter().map(|row| row["identifier"].clone()).collect();
    assert_eq!(identifiers, ["erp-batch", "1"]);
    assert!(!answer.text.contains("Pa55-w0rd"));
}

#[actix_web::test]
async fn a_credential_without_a_password_says_null() {
    let (_app, client) = vault().await;
    client.save_credential(&json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "empty" })).await;
    assert_eq!(client.password("empty@erp-01").await, serde_json::Value::Null);
}

#[actix_web::test]
async fn passwords_come_back_to_the_byte() {
    let (_app, client) = vault().await;
    for content in ["ção Ünï 🔑", " leading and trailing ", "\"\\\n\t\u{0}", "%00&=+;#", "' OR 1=1 --", "null", "0"]
    {
        let sent = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "svc_erp", "content": content });
        client.save_credential(&sent).await;
        assert_eq!(client.password("1").await, content);
    }
    let long = "x".repeat(500_000);
    let sent = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "svc_erp", "content": long });
    client.save_credential(&sent).await;
    assert_eq!(client.password("1").await, long);
}

#[actix_web::test]
async fn switching_off_and_on_answers_as_documented() {
    let (_app, client) = vault().await;
    client.put("/iso/pam/credential/1").await.expect_number(1043);
    let body = client.delete("/iso/pam/credential/erp-batch").await.expect(200);
    assert_eq!(body["response"]["message"], "Credential successfully deactivated");
    client.get("/iso/pam/credential/1").await.expect_number(1008);
    client.delete("/iso/pam/credential/1").await.expect_number(1008);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
    let body = client.put("/api/pam/credential/1").await.expect(200);
    assert_eq!(body["response"]["message"], "Credential successfully activated");
    assert_eq!(client.password("1").await, "Pa55-w0rd");
    for key in ["99", "nothing", "svc_erp@nowhere"] {
        client.delete(&format!("/iso/pam/credential/{key}")).await.expect_number(1007);
        client.put(&format!("/iso/pam/credential/{key}")).await.expect_number(1007);
    }
}

#[actix_web::test]
async fn an_ssh_key_is_no_credential() {
    let (app, client) = vault().await;
    app.database.run("UPDATE credential SET kind = 'ssh_key'");
    client.get("/iso/pam/credential/1").await.expect_number(1010);
    client.delete("/iso/pam/credential/1").await.expect_number(1010);
    client.put("/iso/pam/credential/1").await.expect_number(1010);
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1010);
    let sent = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "x", "identifier": "erp-batch" });
    client.post("/iso/pam/credential", &sent).await.expect_number(1010);
}

#[actix_web::test]
async fn everything_is_kept_over_a_restart() {
    let (app, client) = vault().await;
    let (id, secret) = (client.client_id.clone(), client.client_secret.clone());
    let app = app.restart().await;
    let mut again = app.anonymous();
    (again.client_id, again.client_secret) = (id, secret);
    // A token of before the restart is good after it: the signing key is kept.
    again.token = client.token;
    assert_eq!(again.password("erp-batch").await, "Pa55-w0rd");
    again.token = again.fetch_token().await;
    assert_eq!(again.password("erp-batch").await, "Pa55-w0rd");
}

#[actix_web::test]
async fn a_sealed_value_in_another_row_is_an_error_and_no_password() {
    let (app, client) = vault().await;
    client
        .save_credential(&json!({ "hostname": "erp-01", "ip": "10.20.30.50", "username": "v", "content": "other" }))
        .await;
    app.database.run(
        "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE kind = 'credential.password' AND owner_id = 2)
         WHERE kind = 'credential.password' AND owner_id = 1",
    );
    let answer = client.get("/iso/pam/credential/1").await;
    answer.expect_refusal(500, "Unexpected error");
    assert!(!answer.text.contains("other") && !answer.text.contains("Pa55"));
    let failed = app.database.texts("SELECT object FROM audit_record WHERE outcome = 'seal-failed'");
    assert_eq!(failed.len(), 1);
    assert_eq!(client.password("2").await, "other");
}
