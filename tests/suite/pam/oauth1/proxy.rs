//! The signed URL is that of the client, behind proxies too.

use chaveiro::config::{ForwardedHeader, Settings};
use reqwest::{Method, Url};

use super::{LIST, Signer, enabled, signer};
use crate::support::{PrefixProxy, TestApp};

async fn status(signer: &Signer, nonce: &str, headers: &[(&str, &str)]) -> u16 {
    let signer = signer.with_nonce(nonce);
    let request = signer.request(Method::GET, LIST, &[]);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    signer.send(request).await.status.as_u16()
}

fn behind_a_proxy(settings: &mut Settings) {
    enabled(settings);
    settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

#[actix_web::test]
async fn a_host_is_signed_in_lower_case_without_the_usual_port() {
    let app = TestApp::start_with(enabled).await;
    let signer = Signer { base: "http://vault.example".into(), ..signer(&app, |_| {}).await };
    assert_eq!(status(&signer, "1", &[("Host", "Vault.Example:80")]).await, 200);
    assert_eq!(status(&signer, "2", &[("Host", "vault.example")]).await, 200);
    assert_eq!(status(&signer, "3", &[("Host", "vault.example:8080")]).await, 401);
    // Not a trusted proxy.
    assert_eq!(status(&signer, "4", &[("X-Forwarded-Host", "vault.example")]).await, 401);
}

#[actix_web::test]
async fn a_trusted_proxy_says_what_the_client_called() {
    let app = TestApp::start_with(behind_a_proxy).await;
    let signer = Signer { base: "https://vault.example".into(), ..signer(&app, |_| {}).await };
    let from = ("X-Forwarded-For", "203.0.113.9");
    let (proto, host) = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "vault.example"));
    assert_eq!(status(&signer, "1", &[from, proto, host]).await, 200);
    assert_eq!(status(&signer, "2", &[from, proto, ("Host", "vault.example:443")]).await, 200);
    assert_eq!(status(&signer, "3", &[from, host]).await, 401);

    let app = TestApp::start_with(|settings| {
        behind_a_proxy(settings);
        settings.http.forwarded_header = ForwardedHeader::Forwarded;
    })
    .await;
    let signer = Signer { base: "https://vault.example".into(), ..super::signer(&app, |_| {}).await };
    let forwarded = ("Forwarded", "for=203.0.113.9;proto=https;host=vault.example");
    assert_eq!(status(&signer, "1", &[forwarded]).await, 200);
    let ignored = [("Forwarded", "for=203.0.113.9"), proto, host];
    assert_eq!(status(&signer, "2", &ignored).await, 401);
}

#[actix_web::test]
async fn the_url_of_the_settings_needs_no_header_and_may_have_a_prefix() {
    let mut proxy = PrefixProxy::bind();
    let url = proxy.url();
    let app = TestApp::start_with(|settings| {
        enabled(settings);
        settings.tokens.issuer = format!("{url}/");
    })
    .await;
    proxy.forward_to(app.address);
    let signer = Signer { base: url.clone(), ..signer(&app, |_| {}).await };
    let header = signer.header(&Method::GET, LIST, &[]);
    let through: Url = format!("{url}{LIST}").parse().unwrap();
    let answer = reqwest::Client::new().get(through).header("Authorization", header).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}
