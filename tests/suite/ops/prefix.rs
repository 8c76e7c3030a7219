//! A vault below a path of a reverse proxy: every link of a response leads through the proxy.

use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use reqwest::{Response, Url};
use serde_json::{Value, json};

use crate::support::{PrefixProxy, TestApp, TestClient};

/// A vault that knows its URL, and the proxy that serves it there.
async fn vault() -> (TestApp, PrefixProxy, Url) {
    let mut proxy = PrefixProxy::bind();
    let url = proxy.url();
    let app = TestApp::start_with(|settings| settings.tokens.issuer.clone_from(&url)).await;
    proxy.forward_to(app.address);
    (app, proxy, format!("{url}/").parse().unwrap())
}

async fn get(client: &TestClient, url: Url) -> Response {
    reqwest::Client::new().get(url).bearer_auth(&client.token).send().await.unwrap()
}

async fn json_at(client: &TestClient, url: Url) -> Value {
    let answer = get(client, url).await;
    assert_eq!(answer.status(), 200, "{}", answer.url());
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[actix_web::test]
async fn the_page_to_browse_the_api_finds_its_parts_and_the_description() {
    let (app, _proxy, base) = vault().await;
    let client = app.client().await;
    for path in ["docs", "docs/", "docs/index.html"] {
        let page = get(&client, base.join(path).unwrap()).await;
        assert_eq!((page.status().as_u16(), page.url()), (200, &base.join("docs/index.html").unwrap()), "{path}");
    }
    let start = get(&client, base.join("docs/swagger-initializer.js").unwrap()).await.text().await.unwrap();
    let link = start.split('"').find(|text| text.ends_with("openapi.json")).unwrap();
    // Relative to the page that runs the script.
    let description_url = base.join("docs/index.html").unwrap().join(link).unwrap();
    let description = json_at(&client, description_url.clone()).await;
    let server = description_url.join(description["servers"][0]["url"].as_str().unwrap()).unwrap();
    let devices = format!("{}/iso/pam/device", server.as_str().trim_end_matches('/'));
    assert_eq!(json_at(&client, devices.parse().unwrap()).await["devices"], json!([]));
}

#[actix_web::test]
async fn the_link_to_the_next_page_leads_through_the_proxy() {
    let (app, _proxy, base) = vault().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.create_device("b", "10.0.0.2").await;
    let first = get(&client, base.join("iso/pam/device?limit=1").unwrap()).await;
    let link = first.headers()["link"].to_str().unwrap();
    let next = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap().0;
    let second = json_at(&client, first.url().join(next).unwrap()).await;
    assert_eq!(second["devices"][0]["hostname"], "b");
}

#[actix_web::test]
async fn the_urls_of_metadata_and_sessions_are_those_of_the_issuer() {
    let (app, _proxy, base) = vault().await;
    let mut client =
        app.client_with(|request| request.resources = vec![Resource::PamCore, Resource::WebProxySession]).await;
    let metadata = json_at(&client, base.join(".well-known/oauth-authorization-server").unwrap()).await;
    assert_eq!(metadata["issuer"], base.as_str().trim_end_matches('/'));
    json_at(&client, metadata["jwks_uri"].as_str().unwrap().parse().unwrap()).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.client_id),
        ("client_secret", &client.client_secret),
        ("token", &client.token),
    ];
    for name in ["token_endpoint", "introspection_endpoint", "revocation_endpoint"] {
        let url = metadata[name].as_str().unwrap();
        let answer = reqwest::Client::new().post(url).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
    }

    client.token = client.fetch_token().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": "p" })).await;
    let sent = json!({ "user": "ana", "credential": "u", "device": "a", "protocol": "ssh" });
    let created = client.post("/iso/remote/session", &sent).await.expect(200);
    let url: Url = created["session"]["session_url"].as_str().unwrap().parse().unwrap();
    assert!(url.as_str().starts_with(base.as_str()), "{url}");
    assert_eq!(get(&client, url).await.status(), 501);
}
