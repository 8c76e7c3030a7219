//! TLS of the server itself, and clients that show a certificate.

use std::path::Path;

use chaveiro::vault::access::{CertificateFingerprint, Origin};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Identity};
use sha2::{Digest, Sha256};

use crate::support::{TestApp, TestClient, origin};

/// A certificate and its private key, in PEM.
struct Shown {
    certificate: String,
    key: String,
    fingerprint: [u8; 32],
}

fn self_signed() -> Shown {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let fingerprint = Sha256::digest(made.cert.der()).into();
    Shown { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), fingerprint }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued_by(authority: &CertifiedIssuer<'static, KeyPair>) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["robot".to_string()]).unwrap().signed_by(&key, authority).unwrap();
    let fingerprint = Sha256::digest(certificate.der()).into();
    Shown { certificate: certificate.pem(), key: key.serialize_pem(), fingerprint }
}

/// A vault behind TLS, and its certificate.
async fn vault(directory: &Path, authority: Option<&str>) -> (TestApp, Shown) {
    let server = self_signed();
    let (certificate, key, client_ca) =
        (directory.join("server.pem"), directory.join("server.key"), directory.join("clients.pem"));
    std::fs::write(&certificate, &server.certificate).unwrap();
    std::fs::write(&key, &server.key).unwrap();
    std::fs::write(&client_ca, authority.unwrap_or_default()).unwrap();
    let app = TestApp::start_with(|settings| {
        settings.tls.certificate = Some(certificate);
        settings.tls.key = Some(key);
        settings.tls.client_ca = authority.map(|_| client_ca);
    });
    (app.await, server)
}

/// A client of the vault that has to show a certificate.
async fn bound_client(app: &TestApp, shown: &Shown) -> TestClient {
    let fingerprint = CertificateFingerprint(shown.fingerprint);
    let names = shown.fingerprint.map(|byte| format!("{byte:02X}")).join(":");
    let from = Origin { certificate: Some(fingerprint), ..origin() };
    app.client_from(from, |request| request.certificates = vec![names]).await
}

/// The way to the vault with a certificate to show, or none.
fn over_tls(client: &TestClient, server: &Shown, shown: Option<&Shown>) -> TestClient {
    let trusted = Certificate::from_pem(server.certificate.as_bytes()).unwrap();
    let mut http = reqwest::Client::builder().tls_certs_only([trusted]);
    if let Some(shown) = shown {
        let pem = format!("{}{}", shown.key, shown.certificate);
        http = http.identity(Identity::from_pem(pem.as_bytes()).unwrap());
    }
    client.over_https("localhost", http.build().unwrap())
}

#[actix_web::test]
async fn a_client_is_let_in_with_its_certificate_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let (own, other) = (self_signed(), self_signed());
    let client = bound_client(&app, &own).await;
    over_tls(&client, &server, Some(&own)).get("/iso/pam/device").await.expect(200);
    for wrong in [None, Some(&other)] {
        let client = over_tls(&client, &server, wrong);
        client.get("/iso/pam/device").await.expect_refusal(403, "You are not authorized");
        assert_eq!(client.token_status().await, 401);
    }
    assert_eq!(over_tls(&client, &server, Some(&own)).token_status().await, 200);
}

#[actix_web::test]
async fn who_needs_no_certificate_calls_without_one_or_with_any() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let client = app.client_from(origin(), |_| {}).await;
    over_tls(&client, &server, None).get("/iso/pam/device").await.expect(200);
    over_tls(&client, &server, Some(&self_signed())).get("/iso/pam/device").await.expect(200);
}

#[actix_web::test]
async fn with_an_authority_strangers_do_not_even_connect() {
    let directory = tempfile::tempdir().unwrap();
    let authority = authority();
    let (app, server) = vault(directory.path(), Some(&authority.pem())).await;
    let (own, stranger) = (issued_by(&authority), self_signed());
    let client = bound_client(&app, &own).await;
    over_tls(&client, &server, Some(&own)).get("/iso/pam/device").await.expect(200);
    over_tls(&client, &server, None).get("/iso/pam/device").await.expect(403);
    assert!(!over_tls(&client, &server, Some(&stranger)).connects().await);
}

#[actix_web::test]
async fn plain_http_gets_nothing_where_tls_is_spoken() {
    let directory = tempfile::tempdir().unwrap();
    let (app, _) = vault(directory.path(), None).await;
    assert!(!app.anonymous().connects().await);
}
