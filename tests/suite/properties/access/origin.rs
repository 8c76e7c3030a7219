//! Where a call has to come from: referers, and certificates that a proxy in front tells of.

use chaveiro::vault::access::{CertificateFingerprint, Origin};
use reqwest::Method;

use crate::support::{TestApp, TestClient, origin};

const CERTIFICATE: [u8; 32] = [10; 32];

/// A client that has to be referred from `portal.example`.
async fn referred_client(app: &TestApp) -> TestClient {
    let from = Origin { referer: Some("https://portal.example/".into()), ..origin() };
    app.client_from(from, |request| request.allowed_referers = vec!["portal.example".into()]).await
}

/// A client that has to show [`CERTIFICATE`].
async fn certified_client(app: &TestApp) -> TestClient {
    let from = Origin { certificate: Some(CertificateFingerprint(CERTIFICATE)), ..origin() };
    app.client_from(from, |request| request.certificates = vec![hex(CERTIFICATE)]).await
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn status(client: &TestClient, headers: &[(&str, &str)]) -> u16 {
    let request = client.request(Method::GET, "/iso/pam/device");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(request).await.status.as_u16()
}

#[actix_web::test]
async fn the_referer_has_to_be_one_of_those_allowed() {
    let app = TestApp::start().await;
    let client = referred_client(&app).await;
    assert_eq!(status(&client, &[("Referer", "https://portal.example/rpa")]).await, 200);
    assert_eq!(status(&client, &[("Referer", "https://portal.example.test/")]).await, 403);
    assert_eq!(status(&client, &[("Referer", "portal.example")]).await, 403);
    assert_eq!(status(&client, &[]).await, 403);
    let request = client.token_request().header("Referer", "https://portal.example/");
    client.send(request).await.expect(200);
    assert_eq!(client.token_status().await, 401);
}

#[actix_web::test]
async fn the_refusal_is_recorded_with_its_reason() {
    let app = TestApp::start().await;
    let client = referred_client(&app).await;
    client.get("/iso/pam/device").await.expect_refusal(403, "You are not authorized to access this resource.");
    let outcomes = app.database.texts("SELECT outcome FROM audit_record WHERE action = 'device.list'");
    assert_eq!(outcomes, ["referer-not-allowed"]);
}

#[actix_web::test]
async fn a_certificate_counts_from_a_trusted_proxy_alone() {
    let fingerprint = hex(CERTIFICATE);
    for (trusted, expected) in [(vec!["127.0.0.1/32".parse().unwrap()], 200), (Vec::new(), 403)] {
        let app = TestApp::start_with(|settings| {
            settings.http.trusted_proxies = trusted;
            settings.http.certificate_header = "X-Client-Cert".into();
        })
        .await;
        let client = certified_client(&app).await;
        assert_eq!(status(&client, &[("X-Client-Cert", &fingerprint)]).await, expected);
        assert_eq!(status(&client, &[("X-Client-Cert", &"0b".repeat(32))]).await, 403);
        assert_eq!(status(&client, &[("X-Client-Cert", "")]).await, 403);
        assert_eq!(status(&client, &[]).await, 403);
        // Somebody else has written one of the two.
        let twice = [("X-Client-Cert", fingerprint.as_str()), ("X-Client-Cert", fingerprint.as_str())];
        assert_eq!(status(&client, &twice).await, 403);
    }
}

#[actix_web::test]
async fn without_the_setting_no_header_is_a_certificate() {
    let app =
        TestApp::start_with(|settings| settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]).await;
    let fingerprint = hex(CERTIFICATE);
    let client = certified_client(&app).await;
    assert_eq!(status(&client, &[("X-Client-Cert", &fingerprint), ("Client-Cert", &fingerprint)]).await, 403);
}
