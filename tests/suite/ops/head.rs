//! HEAD: answered on routes without secrets as GET is, and refused on the others (RFC 9110, section 9.3.2).

use reqwest::Method;

use crate::support::{Answer, TestApp, TestClient, endpoints};

async fn head(client: &TestClient, path: &str) -> Answer {
    client.send(client.request(Method::HEAD, path)).await
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for path in [
        "/health/live",
        "/health/ready",
        "/health/ready/",
        "/openapi.json",
        "/docs/index.html",
        "/docs/swagger-ui.css",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ] {
        let (get, head) = (anonymous.get(path).await, head(&anonymous, path).await);
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""), "{path}");
        for name in ["content-length", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
            assert!(head.header(name).is_some(), "{path} {name}");
        }
    }
    let metrics = head(&anonymous, "/metrics").await;
    assert_eq!((metrics.status.as_u16(), metrics.text.as_str()), (200, ""));
    assert_ne!(metrics.header("content-length").unwrap(), "0");
    let text = anonymous.get("/metrics").await.text;
    assert!(text.contains(r#"method="HEAD",route="/health/live",status="200""#), "{text}");
}

#[actix_web::test]
async fn head_reads_no_secret_and_has_no_effect() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let id = client.create_device("a", "10.0.0.1").await;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method == "GET" && !endpoint.head) {
        let path = ["{key}", "{version}", "{id}", "{name}", "{providerId}"]
            .iter()
            .fold(endpoint.path.clone(), |path, name| path.replace(name, &id));
        let answer = head(&client, &path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (405, ""), "{path}");
        let allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
        assert!(allowed.contains(&"GET") && !allowed.contains(&"HEAD"), "{path}");
    }
    assert_eq!(head(&client, "/nowhere").await.status, 404);
    let reads = app.database.texts("SELECT DISTINCT action FROM audit_record WHERE actor <> '' ORDER BY 1");
    assert!(
        reads.contains(&"route.unknown".into()) && !reads.iter().any(|action| action.ends_with(".read")),
        "{reads:?}"
    );
}

#[actix_web::test]
async fn an_unknown_method_is_405_with_the_methods_of_the_path() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for path in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/",
        "/docs/index.html",
        "/docs/no-such-file",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ] {
        for method in [Method::OPTIONS, Method::POST, Method::PUT, Method::DELETE, Method::TRACE] {
            let answer = anonymous.send(anonymous.request(method.clone(), path)).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
}
