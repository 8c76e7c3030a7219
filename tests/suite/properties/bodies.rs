//! How a body is written: compressed, in another charset, under another type, after a byte order mark. The same on every
//! route that reads one.

use chaveiro::vault::access::Resource;
use reqwest::Method;
use serde_json::json;

use crate::keyfactor::create_local_provider;
use crate::support::{Answer, TestApp, TestClient, endpoints};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A client that may call every route.
async fn client(app: &TestApp) -> TestClient {
    app.client_with(|request| {
        request.resources = Resource::ALL.to_vec();
        request.allowed_ips = vec!["127.0.0.1".into()];
        request.roles = vec!["Administrator".into()];
    })
    .await
}

/// The routes that read a body: every `POST`, and the `PUT` of the Keyfactor routes.
fn routes() -> Vec<(Method, String)> {
    let reads = |method: &str, path: &str| method == "POST" || (method == "PUT" && path.starts_with("/KeyfactorAPI"));
    let fill = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let endpoints = endpoints().into_iter();
    // An open vault takes no shares.
    let routes =
        endpoints.filter(|endpoint| endpoint.path != "/unseal" && reads(endpoint.method.as_str(), &endpoint.path));
    routes.map(|one| (Method::from_bytes(one.method.as_str().as_bytes()).unwrap(), fill(&one.path))).collect()
}

/// Sends a body in each version of the Keyfactor routes; returns the answer in the version that the route has.
async fn send(client: &TestClient, (method, path): &(Method, String), headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut last = None;
    let versions: &[&str] = if path.starts_with("/KeyfactorAPI") { &["1", "2"] } else { &[""] };
    for version in versions {
        let request = client.request(method.clone(), path).header("x-keyfactor-api-version", *version);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = client.send(request.body(body.to_vec())).await;
        if !answer.text.contains("does not speak this version") {
            last = Some(answer);
        }
    }
    last.unwrap()
}

fn stored(app: &TestApp) -> Vec<i32> {
    let tables = ["device", "credential", "information", "proxy_session", "provider", "role", "secret"];
    let count = |table: &str| app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"))[0];
    tables.into_iter().map(count).collect()
}

#[actix_web::test]
async fn a_compressed_body_is_refused_on_every_route_that_reads_one() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    let before = stored(&app);
    let routes = routes();
    assert!(routes.len() > 40, "{routes:?}");
    for route in &routes {
        for coding in ["gzip", "br", "deflate", "identity, gzip"] {
            let answer =
                send(&client, route, &[("Content-Type", JSON), ("Content-Encoding", coding)], b"\x1f\x8b\x08").await;
            assert_eq!(answer.status.as_u16(), 415, "{route:?} {coding}: {}", answer.text);
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{route:?} {coding}");
            assert!(answer.text.contains("content coding"), "{route:?} {coding}: {}", answer.text);
        }
    }
    assert_eq!(stored(&app), before);
    let records = app.database.texts("SELECT outcome FROM audit_record WHERE outcome LIKE 'content-coding%'");
    assert!(
        records.len() >= 4 * routes.iter().filter(|(_, path)| !path.contains("oauth2")).count(),
        "each is recorded"
    );
}

#[actix_web::test]
async fn a_body_that_is_not_utf_8_is_refused_on_every_route_that_reads_one() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    let before = stored(&app);
    for route in &routes() {
        for (content_type, body, status) in [
            ("application/json; charset=iso-8859-1", &b"{\"content\": \"caf\xe9\"}"[..], 415),
            ("application/json; charset=utf-16", b"\xff\xfe{\0}\0", 415),
            (JSON, b"{\"content\": \"caf\xe9\"}", 400),
            (JSON, b"\xff\xfe{\0}\0", 400),
            (JSON, b"\xfe\xff\0{\0}", 400),
            (JSON, b"{\0}\0", 400),
        ] {
            let answer = send(&client, route, &[("Content-Type", content_type)], body).await;
            assert_eq!(answer.status.as_u16(), status, "{route:?} {content_type}: {}", answer.text);
            assert!(answer.text.contains("must be UTF-8"), "{route:?} {content_type}: {}", answer.text);
        }
        let answer = send(&client, route, &[("Content-Type", JSON)], br#"{"content": "\ud800"}"#).await;
        assert_eq!(answer.status.as_u16(), 400, "{route:?}: {}", answer.text);
    }
    assert_eq!(stored(&app), before);
}

#[actix_web::test]
async fn the_error_of_a_mislabelled_body_says_what_was_sent() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    for route in &routes() {
        let is_keyfactor = route.1.starts_with("/KeyfactorAPI");
        let (status, part) = if is_keyfactor { (415, FORM) } else { (400, FORM) };
        for body in [&b"{\"hostname\": \"s3cr3t\"}"[..], b" [\"s3cr3t\"]"] {
            let answer = send(&client, route, &[("Content-Type", FORM)], body).await;
            assert_eq!(answer.status.as_u16(), status, "{route:?}: {}", answer.text);
            assert!(answer.text.contains(part) && !answer.text.contains("s3cr3t"), "{route:?}: {}", answer.text);
        }
        let answer = send(&client, route, &[("Content-Type", JSON)], b"hostname=a&content=s3cr3t").await;
        assert_eq!(answer.status.as_u16(), 400, "{route:?}: {}", answer.text);
        assert!(
            answer.text.contains("looks like a form") && !answer.text.contains("s3cr3t"),
            "{route:?}: {}",
            answer.text
        );
    }
}

#[actix_web::test]
async fn a_byte_order_mark_before_a_body_is_not_part_of_it() {
    let app = TestApp::start().await;
    let client = client(&app).await;
    let post = async |path: &str, content_type: Option<&str>, body: &[u8]| {
        let request = client.request(Method::POST, path).body([MARK, body].concat());
        client.send(content_type.into_iter().fold(request, |request, kind| request.header("Content-Type", kind))).await
    };
    client.create_device("a", "10.0.0.1").await;
    let json = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": "\u{feff}json" }).to_string();
    let form = "hostname=a&ip=10.0.0.1&username=u&content=%EF%BB%BFform";
    let part =
        |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts = [("hostname", "a"), ("ip", "10.0.0.1"), ("username", "u"), ("content", "\u{feff}parts")];
    let parts = parts.map(|(name, value)| part(name, value)).concat() + "--x--\r\n";
    for (content_type, body, kept) in [
        (Some(JSON), json.as_str(), "json"),
        (None, json.as_str(), "json"),
        (Some(FORM), form, "form"),
        (None, form, "form"),
        (Some("multipart/form-data; boundary=x"), parts.as_str(), "parts"),
    ] {
        post("/iso/pam/credential", content_type, body.as_bytes()).await.expect(201);
        // The mark at the beginning of a value is a character of it.
        assert_eq!(client.password("1").await, format!("\u{feff}{kept}"), "{content_type:?}");
    }
    let (id, secret) = (&client.client_id, &client.client_secret);
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    post("/oauth2/token", Some(FORM), form.as_bytes()).await.expect(200);
    let json = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret }).to_string();
    post("/oauth2/token", Some(JSON), json.as_bytes()).await.expect(200);
    let provider = create_local_provider(&client, "local").await;
    let entry = json!({ "SecretName": "e", "SecretValue": "s" }).to_string();
    let path = format!("/KeyfactorAPI/PamProviders/Local/{provider}/Entries");
    post(&path, Some(JSON), entry.as_bytes()).await.expect(200);
}
