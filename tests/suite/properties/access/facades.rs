//! The read routes of the families that are off by default: what a client may not read is what does not exist, to the byte.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::http::Endpoint;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{ClientAccess, Origin, Resource};
use chaveiro::vault::operation::Action;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, facade_endpoints, origin, serve_all};

/// Names of the owner's items, and the number of each credential and SSH key.
const NAMES: [&str; 6] = ["account", "host/plain", "key", "info", "asleep", "held"];
const NUMBERS: [&str; 5] = ["1", "2", "3", "4", "5"];
const NOTHING: &str = "nothing";
/// Routes with a name in their path. A new one fails the test below.
const NAMED: [&str; 6] = [
    "/v1/secret/data/{path:.*}",
    "/v1/secret/metadata/{path:.*}",
    "/v1/secret/{path:.*}",
    "/v1/sys/internal/ui/mounts/secret/{path:.*}",
    "/secrets-v1/workspaces/default/secrets/{name:.*}",
    "/api/v2/pam/credentials/{id}",
];

/// Routes that write, log in, or concern a token. What a stranger does by them is in the tests of their families, and in
/// `hostile_twin`. A new one fails the test below.
const WRITES: [&str; 19] = [
    "DELETE /iso/dapp/application/authorization",
    "POST /iso/cicd/variables",
    "POST /iso/dapp/application",
    "POST /iso/sctm/secret",
    "POST /v1/auth/approle/login",
    "POST /v1/auth/jwt/login",
    "POST /v1/auth/kubernetes/login",
    "POST /v1/auth/token/renew-self",
    "POST /v1/auth/token/revoke-self",
    "POST /v1/sys/capabilities-self",
    "POST /v1/sys/unseal",
    "PUT /secrets-v1/workspaces/default/secrets/{name:.*}",
    "PUT /v1/auth/approle/login",
    "PUT /v1/auth/jwt/login",
    "PUT /v1/auth/kubernetes/login",
    "PUT /v1/auth/token/renew-self",
    "PUT /v1/auth/token/revoke-self",
    "PUT /v1/sys/capabilities-self",
    "PUT /v1/sys/unseal",
];

/// Routes that read everything that a client sees at once.
pub(in crate::properties) const WHOLE: [&str; 3] =
    ["/iso/dapp/application", "/iso/dapp/Application/", "/iso/sctm/secret"];

/// Reads of an item by one of its names, by every route that takes one.
pub(in crate::properties) fn paths(app_id: &str, name: &str) -> Vec<String> {
    let key =
        utf8_percent_encode(&STANDARD.encode(include_bytes!("../../fixtures/transit/rsa-2048.der")), NON_ALPHANUMERIC)
            .to_string();
    let accounts = format!("/AIMWebService/api/Accounts?AppID={app_id}");
    let mut paths: Vec<String> = NAMED
        .iter()
        .map(|path| path.replace("{path:.*}", name).replace("{name:.*}", name).replace("{id}", name))
        .map(|path| if path.starts_with("/v1/secret/metadata") { format!("{path}?list=true") } else { path })
        .map(|path| {
            let transit = format!("?encryptionScheme=robocloud-vault-transit-v2&publicKey={key}");
            if path.starts_with("/secrets-v1") { path + &transit } else { path }
        })
        .collect();
    paths.push(format!("/v1/secret/data/{name}?version=1"));
    paths.extend(["Object", "UserName", "Safe", "Address"].map(|parameter| format!("{accounts}&{parameter}={name}")));
    paths.push(format!("{accounts}&Query=Object={name}&QueryFormat=Exact"));
    for filter in ["credential.username", "device.name", "credential.tags"] {
        paths.push(format!("/api/v2/pam/credentials?{filter}={name}"));
    }
    paths
}

/// Status, headers and body of an answer, without what is drawn anew or counts requests. Of what is encrypted, the length
/// stays.
pub(in crate::properties) fn shown(answer: &Answer) -> String {
    let is_drawn = |name: &str| ["date", "x-request-id", "etag"].contains(&name) || name.starts_with("x-ratelimit");
    let headers = answer.headers.iter().filter(|(name, _)| !is_drawn(name.as_str()));
    let mut headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| json!(answer.text));
    blot(&mut body);
    format!("{} {headers:?} {body}", answer.status)
}

fn blot(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str().map(str::len)) {
                    ("request_id" | "accessor" | "etag", _) => *member = json!("[drawn]"),
                    ("encryptedAES" | "iv" | "authTag" | "value", Some(length)) => *member = json!(length),
                    _ => blot(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(blot),
        _ => {}
    }
}

/// A vault with the owner's items, and its owner.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start_with(serve_all).await;
    let owner = client(&app, |_| {}).await;
    owner.create_device("host", "10.0.0.1").await;
    for (username, more) in [
        ("user", json!({ "identifier": "account", "tags": "prod" })),
        ("plain", json!({})),
        ("sleeper", json!({ "identifier": "asleep" })),
        ("holder", json!({ "identifier": "held", "exclusive_custody": "yes" })),
    ] {
        let mut body = json!({ "hostname": "host", "ip": "10.0.0.1", "username": username, "content": "canary-1" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        owner.save_credential(&body).await;
    }
    let key = json!({ "hostname": "host", "ip": "10.0.0.1", "username": "deploy", "identifier": "key",
                      "private_key": include_str!("../../fixtures/ssh/ed25519") });
    owner.post("/iso/pam/key", &key).await.expect(201);
    owner.post("/iso/pam/info", &json!({ "identifier": "info", "content": "canary-2" })).await.expect(201);
    owner.delete("/iso/pam/credential/asleep").await.expect(200);
    (app, owner)
}

/// A client that every family lets in, unless the test says otherwise.
async fn client(
    app: &TestApp,
    adjust: impl FnOnce(&mut chaveiro::vault::access::authorization::AuthorizationRequest),
) -> TestClient {
    app.client_from(origin(), |request| {
        request.resources = vec![Resource::PamCore, Resource::AppId, Resource::Dsm];
        request.allowed_ips = vec!["127.0.0.1".into()];
        adjust(request);
    })
    .await
}

/// Asserts that a client is answered the same for each of these names as for one of nothing.
async fn assert_like_nothing(who: &str, client: &TestClient, names: &[&str]) {
    // By its token, and by its AppID alone.
    for client in [client.clone(), client.with_token("")] {
        // A number that nobody has, for the route by number.
        let absent = shown(&client.get("/api/v2/pam/credentials/99").await);
        for number in NUMBERS {
            let answer = client.get(&format!("/api/v2/pam/credentials/{number}")).await;
            assert_eq!(shown(&answer), absent, "{who}, number {number}");
        }
        for name in names {
            // In the form of the name.
            let absent = if name.contains('/') { "no/thing" } else { NOTHING };
            for (path, absent) in paths(&client.client_id, name).iter().zip(paths(&client.client_id, absent)) {
                let (hidden, missing) = (client.get(path).await, client.get(&absent).await);
                assert_eq!(shown(&hidden), shown(&missing), "{who} at {path}");
            }
        }
    }
}

#[actix_web::test]
async fn what_a_client_may_not_see_is_what_does_not_exist() {
    let (app, owner) = vault().await;
    app.vault.create_application(app.operator(Action::APPLICATION_CREATE).await, "others").await.unwrap();
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let disabled = client(&app, |_| {}).await;
    app.link(&disabled, LinkTarget::Device("host".into())).await;
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &disabled.client_id).await.unwrap();
    let elsewhere = app.client_from(from, |request| {
        request.resources = vec![Resource::PamCore, Resource::AppId];
        request.allowed_ips = vec!["10.9.9.9".into()];
    });
    let clients = [
        ("a stranger", client(&app, |_| {}).await),
        ("a reader", client(&app, |request| request.access = ClientAccess::ReadOnly).await),
        ("one of another application", client(&app, |request| request.application = "others".into()).await),
        (
            "one without the resources",
            client(&app, |request| request.resources = vec![Resource::WebProxySession]).await,
        ),
        ("one of administration", client(&app, |request| request.resources = vec![Resource::Administration]).await),
        ("one from elsewhere", elsewhere.await),
        ("a disabled one", disabled),
        ("nobody", app.anonymous()),
    ];
    for (who, client) in &clients {
        assert_like_nothing(who, client, &NAMES).await;
    }
    // The owner reads them, so the test is about something.
    for name in ["account", "host/plain", "key", "info"] {
        owner.get(&format!("/v1/secret/data/{name}")).await.expect(200);
        owner.get(&format!("/AIMWebService/api/Accounts?AppID={}&Object={name}", owner.client_id)).await.expect(200);
    }
    owner.get("/api/v2/pam/credentials/1").await.expect(200);
}

#[actix_web::test]
async fn a_read_of_everything_shows_what_is_linked_and_nothing_else() {
    let (app, owner) = vault().await;
    let (others, empty) = (client(&app, |_| {}).await, TestApp::start_with(serve_all).await);
    let alone = client(&empty, |_| {}).await;
    others.post("/iso/sctm/secret", &json!({ "identity": "theirs", "data": { "a": "canary-3" } })).await.expect(201);
    let stranger = client(&app, |_| {}).await;
    for path in WHOLE {
        assert_eq!(shown(&stranger.get(path).await), shown(&alone.get(path).await), "{path}");
        let read = owner.get(path).await;
        read.expect(200);
        let (seen, hidden) = (["account", "host/plain", "key"], ["asleep", "held", "theirs", "canary-3"]);
        assert!(seen.iter().all(|name| read.text.contains(&format!("\"identity\":\"{name}\""))), "{}", read.text);
        assert!(!hidden.iter().any(|name| read.text.contains(name)), "{}", read.text);
    }
    for name in ["theirs", "new"] {
        let saved = stranger.post("/iso/sctm/secret", &json!({ "identity": name, "data": { "a": "x" } })).await;
        assert_eq!(saved.expect(201)["application"]["secrets"][0]["version"], "1", "{name}");
    }
    let denied = client(&app, |request| request.resources = vec![Resource::PamCore]).await;
    let read_only = client(&app, |request| request.access = ClientAccess::ReadOnly).await;
    for path in ["/iso/sctm/secret", "/iso/cicd/variables", "/iso/dapp/application"] {
        for (client, body) in [(&denied, json!({})), (&read_only, json!({})), (&stranger, json!({}))] {
            let answer = client.post(path, &body).await;
            let expected = if std::ptr::eq(client, &stranger) && path != "/iso/dapp/application" { 400 } else { 403 };
            answer.expect(expected);
        }
    }
}

#[actix_web::test]
async fn every_route_of_everything_is_asked() {
    let reads = facade_endpoints().into_iter().filter(|endpoint| {
        endpoint.bearer
            && endpoint.method == "GET"
            && ["/iso/dapp", "/iso/sctm", "/iso/cicd"].iter().any(|base| endpoint.path.starts_with(base))
    });
    let paths: Vec<String> = reads.map(|endpoint| endpoint.path).collect();
    assert_eq!(paths, ["/iso/dapp/application", "/iso/sctm/secret"]);
}

#[actix_web::test]
async fn an_exclusive_password_is_what_does_not_exist_also_for_those_who_see_it() {
    let (_app, owner) = vault().await;
    for path in paths(&owner.client_id, "held") {
        // Metadata is shown; it has no password.
        if path.starts_with("/api/v2") {
            continue;
        }
        let nothing = owner.get(&path.replace("held", NOTHING)).await;
        let held = owner.get(&path).await;
        assert_eq!(shown(&held), shown(&nothing), "{path}");
    }
    for path in ["/secrets-v1/workspaces/default/secrets/", "/AIMWebService/api/Accounts?"] {
        for path in paths(&owner.client_id, "asleep").iter().filter(|sent| sent.starts_with(path)) {
            let nothing = owner.get(&path.replace("asleep", NOTHING)).await;
            assert_eq!(shown(&owner.get(path).await), shown(&nothing), "{path}");
        }
    }
}

#[actix_web::test]
async fn every_route_with_a_name_in_its_path_is_asked() {
    for endpoint in facade_endpoints() {
        let is_read = ["GET", "LIST"].contains(&endpoint.method.as_str());
        if is_read && endpoint.path.contains('{') {
            assert!(NAMED.contains(&endpoint.path.as_str()), "{} {}", endpoint.method, endpoint.path);
        }
    }
}

#[actix_web::test]
async fn every_route_that_writes_is_known() {
    let is_write = |endpoint: &&Endpoint| !["GET", "HEAD", "LIST"].contains(&endpoint.method.as_str());
    let endpoints = facade_endpoints();
    let writes: BTreeSet<String> =
        endpoints.iter().filter(is_write).map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    assert_eq!(writes, WRITES.into_iter().map(String::from).collect());
}
