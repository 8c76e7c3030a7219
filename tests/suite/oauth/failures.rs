//! What the audit log holds of failed token requests: who was tried, from where, how often, and never a secret.

use chaveiro::vault::audit_log::AuditRecord;
use reqwest::Method;

use super::{GRANT, credentials};
use crate::support::TestApp;

/// In place of a client id: what people type into the wrong field.
const SECRETS: [&str; 4] = [
    "hunter2-hunter2",
    "chv_0123456789abcdef0123456789abcdef01234567",
    "0123456789abcdef0123456789abcdef0123456",
    "0123456789abcdef0123456789abcdef012345678",
];

async fn vault() -> TestApp {
    TestApp::start_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.store.writers = 1;
        settings.login.max_failures_per_minute = 100;
    })
    .await
}

/// Asks for a token from an address; it has to be refused.
async fn fail(app: &TestApp, from: &str, id: &str, secret: &str) {
    let anonymous = app.anonymous();
    let request = anonymous.request(Method::POST, "/iso/oauth2/token").header("X-Forwarded-For", from);
    let form = [GRANT, ("client_id", id), ("client_secret", secret)];
    assert_eq!(anonymous.send(request.form(&form)).await.status, 401);
    let basic = anonymous.request(Method::POST, "/iso/oauth2/token").header("X-Forwarded-For", from);
    let basic = basic.basic_auth(id, Some(secret)).form(&[GRANT]);
    assert_eq!(anonymous.send(basic).await.status, 401);
}

/// The records of failed authentications, as actor, source, outcome and times.
async fn failures(app: &TestApp) -> Vec<(String, String, String, i32)> {
    app.vault.record_failures().await.unwrap();
    let records = app.records().await.into_iter().filter(|record| record.action == "authentication");
    let seen = |record: AuditRecord| (record.actor, record.source, record.outcome, record.times);
    let mut seen: Vec<_> = records.map(seen).collect();
    seen.sort();
    seen
}

fn row(actor: &str, source: &str, outcome: &str, times: i32) -> (String, String, String, i32) {
    (actor.into(), source.into(), outcome.into(), times)
}

#[actix_web::test]
async fn the_client_id_that_was_tried_is_recorded_if_such_a_client_exists() {
    let app = vault().await;
    let client = app.client().await;
    let unknown = "fedcba9876543210fedcba9876543210fedcba98";
    fail(&app, "192.0.2.1", &client.client_id, "wrong").await;
    fail(&app, "192.0.2.1", unknown, "wrong").await;
    let mut expected =
        [row(&client.client_id, "192.0.2.1", "wrong-secret", 2), row("", "192.0.2.1", "unknown-client", 2)];
    expected.sort();
    assert_eq!(failures(&app).await, expected);
    assert_eq!(app.anonymous().post_form("/iso/oauth2/token", &credentials(&client)).await.status, 200);
}

#[actix_web::test]
async fn what_has_not_the_form_of_a_client_id_is_recorded_nowhere() {
    let app = vault().await;
    let client = app.client().await;
    for secret in SECRETS.into_iter().chain([client.client_secret.as_str()]) {
        fail(&app, "192.0.2.1", secret, secret).await;
    }
    assert_eq!(failures(&app).await, [row("", "192.0.2.1", "unknown-client", 10)]);
    let everything =
        app.database.texts("SELECT actor || ' ' || source || ' ' || object || ' ' || outcome FROM audit_record");
    for secret in SECRETS.into_iter().chain([client.client_secret.as_str()]) {
        assert!(everything.iter().all(|row| !row.contains(secret)), "{secret}");
    }
}

#[actix_web::test]
async fn failures_are_merged_by_network_and_client_and_no_further() {
    let app = vault().await;
    let (a, b) = (app.client().await, app.client().await);
    for from in ["192.0.2.1", "192.0.2.77", "192.0.2.255", "192.0.3.1", "2001:db8::1", "2001:db8::2", "2001:db9::1"] {
        fail(&app, from, &a.client_id, "wrong").await;
    }
    fail(&app, "192.0.2.1", &b.client_id, "wrong").await;
    let of = |client: &str, seen: Vec<(String, String, String, i32)>| -> Vec<(String, i32)> {
        seen.into_iter().filter(|(actor, ..)| actor == client).map(|(_, source, _, times)| (source, times)).collect()
    };
    let seen = failures(&app).await;
    assert_eq!(of(&b.client_id, seen.clone()), [("192.0.2.1".into(), 2)]);
    let expected = [("192.0.2.0/24", 6), ("192.0.3.1", 2), ("2001:db8::/64", 4), ("2001:db9::1", 2)];
    assert_eq!(of(&a.client_id, seen), expected.map(|(source, times)| (source.to_string(), times)));
    assert!(app.verify_audit().await.broken.is_none());
}

#[actix_web::test]
async fn a_flood_is_attributed_to_its_family() {
    let app = vault().await;
    fail(&app, "192.0.2.1", "", "wrong").await;
    let anonymous = app.anonymous();
    for path in ["/iso/pam/device", "/iso/pam/device", "/KeyfactorAPI/Security/Roles"] {
        let request = anonymous.request(Method::GET, path).header("X-Forwarded-For", "192.0.2.1");
        assert_eq!(anonymous.send(request).await.status, 401, "{path}");
    }
    app.vault.record_failures().await.unwrap();
    let records = app.records().await.into_iter().filter(|record| record.action == "authentication");
    let mut seen: Vec<_> = records.map(|record| (record.family, record.times)).collect();
    seen.sort();
    assert_eq!(seen, [("keyfactor".into(), 1), ("oauth".into(), 2), ("pam".into(), 2)]);
    assert!(app.verify_audit().await.broken.is_none());
}
