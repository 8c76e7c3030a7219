//! Tokens that are bound to a client certificate (RFC 8705) or to the key of DPoP proofs (RFC 9449).

use std::time::Duration;

use chaveiro::vault::access::sender_constraint::SenderConstraint;
use reqwest::Method;
use serde_json::{Value, json};

use super::{credentials, expect_error, expect_token};
use crate::support::{Answer, Signer, TestApp, TestClient};

const TOKEN: &str = "/oauth2/token";
const LIST: &str = "/iso/pam/credential";
/// Fingerprints of two certificates, both of which the authorization accepts.
const CERTIFICATES: [&str; 2] = [
    "0101010101010101010101010101010101010101010101010101010101010101",
    "0202020202020202020202020202020202020202020202020202020202020202",
];

/// An app behind a proxy that sends the fingerprint of the client certificate.
async fn behind_proxy() -> TestApp {
    TestApp::start_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.http.certificate_header = "X-Client-Cert".into();
        settings.vault_kv.enabled = true;
    })
    .await
}

/// Requests a token with headers.
async fn token(client: &TestClient, headers: &[(&'static str, &str)]) -> Answer {
    send(client, Method::POST, TOKEN, headers, true).await
}

async fn send(
    client: &TestClient,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    credentials_in_body: bool,
) -> Answer {
    let anonymous = client.with_token("");
    let mut request = anonymous.request(method, path).header("X-Forwarded-For", "192.0.2.7");
    if credentials_in_body {
        request = request.form(&credentials(client));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    anonymous.send(request).await
}

/// A read with the token under a scheme, and with a proof.
async fn read(client: &TestClient, scheme: &str, token: &str, proof: Option<&str>) -> Answer {
    let authorization = format!("{scheme} {token}");
    let headers: Vec<(&str, &str)> =
        [Some(("Authorization", authorization.as_str())), proof.map(|proof| ("DPoP", proof))]
            .into_iter()
            .flatten()
            .collect();
    send(client, Method::GET, LIST, &headers, false).await
}

fn expect_unauthenticated(answer: &Answer) {
    answer.expect_refusal(401, "Client authentication failed");
}

#[actix_web::test]
async fn a_token_is_bound_to_the_certificate_that_it_was_issued_to() {
    let app = behind_proxy().await;
    let client = app
        .unauthenticated_client(|request| {
            request.certificates = CERTIFICATES.map(String::from).into();
            request.sender_constraint = Some(SenderConstraint::Certificate);
        })
        .await;
    let issued = token(&client, &[("X-Client-Cert", CERTIFICATES[0])]).await;
    let issued = expect_token(&issued, 3600);
    let with = async |certificate: Option<&str>, path: &str| {
        let bearer = format!("Bearer {issued}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(certificate.map(|certificate| ("X-Client-Cert", certificate)));
        send(&client, Method::GET, path, &headers, false).await
    };
    with(Some(CERTIFICATES[0]), LIST).await.expect(200);
    expect_unauthenticated(&with(None, LIST).await);
    expect_unauthenticated(&with(Some(CERTIFICATES[1]), LIST).await);
    let renewed = with(Some(CERTIFICATES[1]), "/v1/auth/token/lookup-self").await;
    assert_eq!(renewed.status.as_u16(), 403, "on every route: another valid certificate is not enough");

    // The answer of a request without a certificate does not tell that it is the certificate that is missing.
    expect_error(&token(&client, &[]).await, 401, "invalid_client");
    let asker = app.client_with(|request| request.allowed_ips = vec!["0.0.0.0/0".into()]).await;
    let [_, id, secret] = credentials(&asker);
    let shown = asker.post_form("/oauth2/introspect", &[id, secret, ("token", &issued)]).await;
    let shown = if shown.status == 200 { shown.json() } else { Value::Null };
    assert_eq!(shown["cnf"]["x5t#S256"].as_str().map(str::len), Some(43), "{shown}");
}

#[actix_web::test]
async fn a_token_that_is_bound_to_a_key_needs_a_proof_for_each_request() {
    let app = TestApp::start().await;
    let client = app.unauthenticated_client(|request| request.sender_constraint = Some(SenderConstraint::Dpop)).await;
    let (signer, thief) = (Signer::new(), Signer::new());
    let now = app.clock.now().timestamp();
    expect_error(&token(&client, &[]).await, 400, "invalid_dpop_proof");
    let answer = token(&client, &[("DPoP", &signer.proof("POST", TOKEN, None, now))]).await;
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let issued = body["access_token"].as_str().unwrap();

    let proof = signer.proof("GET", LIST, Some(issued), now);
    read(&client, "DPoP", issued, Some(&proof)).await.expect(200);
    let replayed = read(&client, "DPoP", issued, Some(&proof)).await;
    expect_unauthenticated(&replayed);
    assert!(
        replayed.challenges().iter().any(|challenge| challenge.starts_with("DPoP ")),
        "{:?}",
        replayed.challenges()
    );
    for (scheme, proof) in [
        ("Bearer", None),
        ("Bearer", Some(signer.proof("GET", LIST, Some(issued), now))),
        ("DPoP", None),
        ("DPoP", Some(thief.proof("GET", LIST, Some(issued), now))),
        ("DPoP", Some(signer.proof("POST", LIST, Some(issued), now))),
        ("DPoP", Some(signer.proof("GET", "/iso/pam/device", Some(issued), now))),
        ("DPoP", Some(signer.proof("GET", LIST, Some("another token"), now))),
        ("DPoP", Some(signer.proof("GET", LIST, None, now))),
        ("DPoP", Some(signer.proof("GET", LIST, Some(issued), now - 300))),
        ("DPoP", Some("nonsense".into())),
    ] {
        expect_unauthenticated(&read(&client, scheme, issued, proof.as_deref()).await);
    }
    read(&client, "dpop", issued, Some(&signer.proof("GET", LIST, Some(issued), now))).await.expect(200);
}

#[actix_web::test]
async fn a_used_proof_is_refused_on_another_node_too() {
    let app = TestApp::start().await;
    let second = app.serve_second_node();
    let client = app.unauthenticated_client(|request| request.sender_constraint = Some(SenderConstraint::Dpop)).await;
    let signer = Signer::new();
    let now = app.clock.now().timestamp();
    let body = token(&client, &[("DPoP", &signer.proof("POST", TOKEN, None, now))]).await.expect(200);
    let issued = body["access_token"].as_str().unwrap();
    let proof = signer.proof("GET", LIST, Some(issued), now);
    read(&client, "DPoP", issued, Some(&proof)).await.expect(200);
    second.vault.refresh().await.unwrap();
    expect_unauthenticated(&read(&client.at(second.address), "DPoP", issued, Some(&proof)).await);
    let fresh = signer.proof("GET", LIST, Some(issued), now);
    read(&client.at(second.address), "DPoP", issued, Some(&fresh)).await.expect(200);
}

#[actix_web::test]
async fn any_client_may_bind_its_token_to_a_key() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let signer = Signer::new();
    let now = app.clock.now().timestamp();
    let body = token(&client, &[("DPoP", &signer.proof("POST", TOKEN, None, now))]).await.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let issued = body["access_token"].as_str().unwrap();
    expect_unauthenticated(&read(&client, "Bearer", issued, None).await);
    // A token that is bound to nothing is no DPoP token.
    let proof = signer.proof("GET", LIST, Some(&client.token), now);
    expect_unauthenticated(&read(&client, "DPoP", &client.token, Some(&proof)).await);
    read(&client, "Bearer", &client.token, None).await.expect(200);
}

#[actix_web::test]
async fn a_proof_for_the_token_endpoint_is_used_once_and_only_there() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let signer = Signer::new();
    let now = app.clock.now().timestamp();
    let proof = signer.proof("POST", TOKEN, None, now);
    token(&client, &[("DPoP", &proof)]).await.expect(200);
    for proof in [proof, signer.proof("POST", "/iso/oauth2/token", None, now), signer.proof("GET", TOKEN, None, now)] {
        expect_error(&token(&client, &[("DPoP", &proof)]).await, 400, "invalid_dpop_proof");
    }
    let [one, two] = [(); 2].map(|()| signer.proof("POST", TOKEN, None, now));
    expect_error(&token(&client, &[("DPoP", &one), ("DPoP", &two)]).await, 400, "invalid_dpop_proof");
    app.clock.advance(Duration::from_secs(300));
    expect_error(&token(&client, &[("DPoP", &one)]).await, 400, "invalid_dpop_proof");
}

#[actix_web::test]
async fn the_metadata_name_what_clients_may_use() {
    let app = TestApp::start().await;
    let metadata = app.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    assert!(metadata["dpop_signing_alg_values_supported"].as_array().unwrap().contains(&json!("ES256")));
    assert!(metadata["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("private_key_jwt")));
}
