//! Who sees and may do what (contract, section 3): links, addresses, expiry, disabling, two secrets.

pub(super) mod facades;
mod matrix;
mod names;
mod origin;
mod tag_guard;
mod tags;
mod visibility;

use std::time::Duration;

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

fn credential(username: &str, content: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": username, "content": content })
}

async fn vault() -> (TestApp, TestClient, TestClient) {
    let app = TestApp::start().await;
    let owner = app.client().await;
    owner.create_device("a", "10.0.0.1").await;
    owner.save_credential(&credential("u", "p")).await;
    let stranger = app.client().await;
    (app, owner, stranger)
}

#[actix_web::test]
async fn what_is_not_linked_is_not_listed_read_changed_or_taken_over() {
    let (_app, owner, stranger) = vault().await;
    assert_eq!(stranger.get("/iso/pam/device").await.expect(200)["devices"], json!([]));
    assert_eq!(stranger.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
    for key in ["1", "u", "u@a"] {
        let path = format!("/iso/pam/credential/{key}");
        stranger.get(&path).await.expect_number(1009);
        stranger.get(&format!("/iso/pam/credential?credential={key}")).await.expect_number(1009);
        stranger.delete(&path).await.expect_number(1009);
        stranger.put(&path).await.expect_number(1009);
        stranger.delete(&format!("/iso/pam/credential/custody/{key}")).await.expect_number(1009);
    }
    for key in ["1", "a"] {
        let path = format!("/iso/pam/device/{key}");
        stranger.get(&path).await.expect_number(1011);
        stranger.delete(&path).await.expect_number(1011);
        stranger.put(&path).await.expect_number(1011);
    }
    stranger.post("/iso/pam/device", &device("a", "10.9.9.9")).await.expect_number(1011);
    stranger.post("/iso/pam/credential", &credential("u", "stolen")).await.expect_number(1009);
    stranger.post("/iso/pam/credential", &credential("new", "x")).await.expect_number(1011);
    // Nothing of it has left a trace.
    assert_eq!(owner.password("u").await, "p");
    assert_eq!(owner.get("/iso/pam/device/a").await.expect(200)["device"]["ip"], "10.0.0.1");
}

#[actix_web::test]
async fn a_password_does_not_leak_through_a_child() {
    let (_app, owner, stranger) = vault().await;
    stranger.create_device("mine", "10.0.0.9").await;
    let child = json!({ "hostname": "mine", "ip": "10.0.0.9", "username": "child", "parent_password": 1 });
    stranger.post("/iso/pam/credential", &child).await.expect_number(1009);
    let named = json!({ "hostname": "mine", "ip": "10.0.0.9", "username": "child", "execution_settings": {
        "parent_credential": "u", "parent_hostname": "a", "parent_ip": "10.0.0.1" } });
    stranger.post("/iso/pam/credential", &named).await.expect_number(1009);
    assert_eq!(owner.password("u").await, "p");
}

#[actix_web::test]
async fn a_linked_credential_is_seen_without_its_device() {
    let (app, owner, client) = vault().await;
    owner.save_credential(&credential("v", "q")).await;
    app.link(&client, LinkTarget::Credential("u".into())).await;
    assert_eq!(client.password("u").await, "p");
    client.get("/iso/pam/credential/v").await.expect_number(1009);
    client.get("/iso/pam/device/a").await.expect_number(1011);
    let listed = client.get("/iso/pam/credential").await.expect(200)["credentials"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["identifier"]), (1, &json!("u")));
    // It may be changed; its device, and others on it, may not.
    client.save_credential(&credential("u", "changed")).await;
    assert_eq!(owner.password("u").await, "changed");
    let mut sent = credential("u", "changed");
    sent["vendor"] = json!("HPE");
    client.post("/iso/pam/credential", &sent).await.expect_number(1011);
}

#[actix_web::test]
async fn a_link_that_is_taken_away_ends_what_was_seen_by_it() {
    let (app, owner, client) = vault().await;
    let target = || LinkTarget::Credential("u".into());
    app.link(&client, target()).await;
    assert_eq!(client.password("u").await, "p");
    app.vault.unlink(app.operator(Action::AUTHORIZATION_UNLINK).await, &client.client_id, target()).await.unwrap();
    client.get("/iso/pam/credential/u").await.expect_number(1009);
    app.vault.unlink(app.operator(Action::AUTHORIZATION_UNLINK).await, &client.client_id, target()).await.unwrap_err();
    assert_eq!(owner.password("u").await, "p");
}

#[actix_web::test]
async fn a_linked_device_is_seen_with_all_of_its_credentials() {
    let (app, owner, client) = vault().await;
    app.link(&client, LinkTarget::Device("A".into())).await;
    assert_eq!(client.password("u").await, "p");
    owner.save_credential(&credential("later", "q")).await;
    assert_eq!(client.password("later").await, "q");
    client.save_credential(&credential("mine", "r")).await;
    assert_eq!(owner.password("mine").await, "r");
}

#[actix_web::test]
async fn the_source_address_has_to_be_allowed() {
    let app = TestApp::start_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let here = app.client().await;
    for (list, from, status) in [
        ("*", "192.0.2.1", 200),
        ("127.0.0.1,192.0.2.0/24", "192.0.2.255", 200),
        ("127.0.0.1,192.0.2.0/24", "192.0.3.0", 403),
        ("127.0.0.1,192.0.2.7", "::ffff:192.0.2.7", 200),
        ("127.0.0.1,2001:db8::/32", "2001:db8::1", 200),
        ("127.0.0.1,2001:db8::/32", "2001:db9::1", 403),
        // The last one is what the proxy saw; before it, the client may write what it likes.
        ("127.0.0.1,192.0.2.7", "192.0.2.7, 198.51.100.1", 403),
    ] {
        let client = app.client_with(|request| request.allowed_ips = vec![list.into()]).await;
        let request = client.request(Method::GET, "/iso/pam/device").header("X-Forwarded-For", from);
        assert_eq!(client.send(request).await.status.as_u16(), status, "{list} from {from}");
    }
    // Nor may it hide what the proxy has added, by bytes that are no text: then the proxy's own address would count.
    let client = app.client_with(|request| request.allowed_ips = vec!["127.0.0.1".into()]).await;
    let request = client.request(Method::GET, "/iso/pam/device");
    let request = request.header("X-Forwarded-For", b"127.0.0.1\xff, 198.51.100.1".as_slice());
    client.send(request).await.expect_refusal(403, "not authorized");
    here.get("/iso/pam/device").await.expect(200);
}

#[actix_web::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let app = TestApp::start().await;
    let client = app.client_with(|request| request.allowed_ips = vec!["127.0.0.1".into()]).await;
    let request = client.request(Method::GET, "/iso/pam/device").header("X-Forwarded-For", "192.0.2.1");
    client.send(request).await.expect(200);
}

#[actix_web::test]
async fn an_authorization_ends_at_its_time_and_tokens_with_it() {
    let app = TestApp::start().await;
    let end = app.clock.now() + Duration::from_secs(60);
    let client = app.client_with(|request| request.expires_at = Some(end)).await;
    client.get("/iso/pam/device").await.expect(200);
    app.clock.advance(Duration::from_secs(60));
    client.get("/iso/pam/device").await.expect_refusal(401, "Client authentication failed");
}

#[actix_web::test]
async fn disabling_an_authorization_or_its_application_ends_its_tokens() {
    let (app, owner, other) = vault().await;
    app.vault.disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &other.client_id).await.unwrap();
    app.vault.refresh().await.unwrap();
    other.get("/iso/pam/device").await.expect_refusal(401, "Client authentication failed");
    owner.get("/iso/pam/device").await.expect(200);
    app.vault.disable_application(app.operator(Action::APPLICATION_DISABLE).await, "tests").await.unwrap();
    app.vault.refresh().await.unwrap();
    owner.get("/iso/pam/device").await.expect_refusal(401, "Client authentication failed");
}

#[actix_web::test]
async fn two_secrets_work_at_once_and_never_three() {
    let (app, first, _) = vault().await;
    let rotate = async |client: &TestClient| {
        let until = app.clock.now() + Duration::from_secs(60);
        let (created, _) = app
            .vault
            .rotate_secret(app.operator(Action::AUTHORIZATION_ROTATE_SECRET).await, &client.client_id, until)
            .await
            .unwrap();
        app.vault.refresh().await.unwrap();
        let mut again = client.clone();
        again.client_secret = created.client_secret.unwrap().text().expose().into();
        again
    };
    let works = async |client: &TestClient| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.client_id.as_str()),
            ("client_secret", client.client_secret.as_str()),
        ];
        app.anonymous().post_form("/iso/oauth2/token", &form).await.status == 200
    };
    let second = rotate(&first).await;
    assert!(works(&first).await && works(&second).await);
    let third = rotate(&second).await;
    assert!(!works(&first).await && works(&second).await && works(&third).await);
    app.clock.advance(Duration::from_secs(60));
    assert!(!works(&second).await && works(&third).await);
    // Tokens of before the change go on.
    first.get("/iso/pam/device").await.expect(200);
}
