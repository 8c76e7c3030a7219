//! The source address behind trusted proxies: read from one header, and a request without it refused.

use chaveiro::config::{ForwardedHeader, Settings};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Answer, TestApp, TestClient, origin};

fn behind_a_proxy(settings: &mut Settings) {
    settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

/// A client that may call from this machine and from 203.0.113.9.
async fn bound_client(app: &TestApp) -> TestClient {
    app.client_from(origin(), |request| request.allowed_ips = vec!["127.0.0.1".into(), "203.0.113.9".into()]).await
}

async fn list(client: &TestClient, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, "/iso/pam/device");
    client
        .send(headers.iter().fold(request, |request: RequestBuilder, (name, value)| request.header(*name, *value)))
        .await
}

#[actix_web::test]
async fn a_port_does_not_make_the_proxy_the_source() {
    let app = TestApp::start_with(behind_a_proxy).await;
    let client = bound_client(&app).await;
    for (entry, status) in [
        ("203.0.113.9:54321", 200),
        ("203.0.113.9", 200),
        ("[::ffff:203.0.113.9]:443", 200),
        ("203.0.113.8:54321", 403),
        ("[2001:db8::1]:443", 403),
        ("unknown, 198.51.100.1:2", 403),
    ] {
        assert_eq!(list(&client, &[("X-Forwarded-For", entry)]).await.status, status, "{entry}");
    }
    let sources =
        app.database.texts("SELECT DISTINCT source FROM audit_record WHERE action = 'device.list' ORDER BY 1");
    assert_eq!(sources, ["198.51.100.1", "2001:db8::1", "203.0.113.8", "203.0.113.9"]);
}

#[actix_web::test]
async fn an_entry_that_cannot_be_read_is_refused_in_the_form_of_each_family() {
    let app = TestApp::start_with(|settings| {
        behind_a_proxy(settings);
        settings.vault_kv.enabled = true;
        settings.pam_v2.enabled = true;
        settings.ccp.enabled = true;
        settings.robocorp.enabled = true;
        settings.dsm.enabled = true;
    })
    .await;
    let client = bound_client(&app).await;
    let message = "The proxy sends no readable source address";
    for entry in ["unknown", "_hidden", "203.0.113.9:x", "203.0.113.9, nonsense", "", ","] {
        let sent = [("X-Forwarded-For", entry)];
        list(&client, &sent).await.expect_refusal(400, message);
        let send = async |method: Method, path: &str| {
            client.send(client.request(method, path).header("X-Forwarded-For", entry)).await
        };
        send(Method::GET, "/KeyfactorAPI/PamProviders").await.expect_error(400, message);
        let token = send(Method::POST, "/oauth2/token").await;
        assert_eq!(token.expect(400)["error"], "invalid_request", "{entry}");
        for path in ["/v1/secret/data/erp", "/v1/sys/health", "/v1/nowhere"] {
            assert_eq!(send(Method::GET, path).await.expect(400), json!({ "errors": [message] }), "{entry} {path}");
            let without_token = app.anonymous().request(Method::GET, path).header("X-Forwarded-For", entry);
            let answer = app.anonymous().send(without_token).await;
            assert_eq!(answer.expect(400), json!({ "errors": [message] }), "{entry} {path}");
        }
        let credentials = send(Method::GET, "/api/v2/pam/credentials").await;
        assert_eq!(credentials.expect(400)["error"]["message"], message, "{entry}");
        let application = send(Method::GET, "/iso/dapp/Application").await;
        assert_eq!(application.expect(400)["response"]["message"], message, "{entry}");
        let live = send(Method::GET, "/health/live").await;
        assert_eq!(live.expect(400), json!({ "status": "source address unreadable" }), "{entry}");
        send(Method::GET, "/nowhere").await.expect_refusal(400, message);
    }
    assert_eq!(
        app.database.numbers(
            "SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE action IN ('device.list', 'item.read', 'route.unknown')"
        ),
        [0]
    );
    // A call of the proxy itself, such as a health check, has no header.
    assert_eq!(list(&client, &[]).await.status, 200);
}

#[actix_web::test]
async fn one_header_is_trusted_and_the_other_ignored() {
    let list_header = TestApp::start_with(behind_a_proxy).await;
    let client = bound_client(&list_header).await;
    let both = [("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=203.0.113.9")];
    assert_eq!(list(&client, &both).await.status, 403);
    // The proxy writes another header than the settings say: its address would stand for every client.
    assert_eq!(list(&client, &[("Forwarded", "for=203.0.113.9")]).await.status, 400);

    let rfc_header = TestApp::start_with(|settings| {
        behind_a_proxy(settings);
        settings.http.forwarded_header = ForwardedHeader::Forwarded;
    })
    .await;
    let client = bound_client(&rfc_header).await;
    for (headers, status) in [
        (&both[..], 200),
        (&[("X-Forwarded-For", "203.0.113.9")], 400),
        (&[("Forwarded", "for=\"203.0.113.9:4711\";proto=https;by=10.0.0.1")], 200),
        (&[("Forwarded", "for=203.0.113.9"), ("Forwarded", "for=\"[2001:db8::1]:4711\"")], 403),
        (&[("Forwarded", "for=203.0.113.9, for=unknown")], 400),
        (&[("Forwarded", "proto=https")], 400),
    ] {
        assert_eq!(list(&client, headers).await.status, status, "{headers:?}");
    }
}

#[actix_web::test]
async fn without_trusted_proxies_no_header_is_read() {
    let app = TestApp::start().await;
    let client = bound_client(&app).await;
    for entry in ["198.51.100.1", "unknown", ""] {
        assert_eq!(list(&client, &[("X-Forwarded-For", entry), ("Forwarded", entry)]).await.status, 200, "{entry}");
    }
}

#[actix_web::test]
async fn failed_logins_count_for_the_address_whatever_its_port() {
    let app = TestApp::start_with(|settings| {
        behind_a_proxy(settings);
        settings.login.max_failures_per_minute = 3;
    })
    .await;
    let anonymous = app.anonymous();
    let login = async |from: String| {
        let request = anonymous.request(Method::GET, "/KeyfactorAPI/PamProviders").basic_auth(r"CORP\jo", Some("x"));
        anonymous.send(request.header("X-Forwarded-For", from)).await.status.as_u16()
    };
    for port in 1..=3 {
        assert_eq!(login(format!("203.0.113.9:{port}")).await, 401);
    }
    assert_eq!(login("203.0.113.9:4".into()).await, 429);
    assert_eq!(login("203.0.113.8:4".into()).await, 429, "the account is limited everywhere");
}
