//! Every route against every kind of object that belongs to somebody else. A route without a row here fails the test.

use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device, endpoints};

/// Stands in every secret of the owner.
const CANARY: &str = "canary-7f3a91";
/// The public id of the owner's session.
const SESSION_ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a stranger gets.
#[derive(Clone, Copy)]
enum Stranger {
    /// A numbered refusal, whatever key of the object the path names.
    Refused(u16),
    /// The same for each item.
    EachRefused(u16),
    /// A refusal without a number: its status and its text.
    Told(u16, &'static str),
    /// A list without anything in it, under this name.
    NothingIn(&'static str),
}

use Stranger::{EachRefused, NothingIn, Refused, Told};

/// Which object of the owner a route is about.
#[derive(Clone, Copy)]
enum Object {
    Device,
    Credential,
    Key,
    Information,
    Session,
    Entry,
}

impl Object {
    /// All that a path can call it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Object::Device => &["1", "host"],
            Object::Credential => &["1", "account", "user@host"],
            Object::Key => &["2", "key"],
            Object::Information => &["1", "info"],
            Object::Session => &["1", SESSION_ID],
            Object::Entry => &["entry", "ENTRY"],
        }
    }

    /// A body that would change it.
    fn body(self) -> Value {
        let ssh = include_str!("../../fixtures/ssh/rsa");
        match self {
            Object::Device => device("host", "10.9.9.9"),
            Object::Credential => {
                let mut body = json!({ "hostname": "host", "ip": "10.0.0.1", "username": "user", "identifier": "account",
                                       "content": "taken" });
                let reads = self.keys().iter().map(|key| json!({ "read": key }));
                // A batch looks at this alone, and the other routes do not.
                body["items"] = reads.chain([json!({ "save": body })]).collect();
                body
            }
            Object::Key => json!({ "identifier": "key", "private_key": ssh, "enabled": false }),
            Object::Information => json!({ "identifier": "info", "content": "taken" }),
            Object::Session => json!({ "user": "ana", "credential": "user", "device": "host", "protocol": "ssh" }),
            Object::Entry => json!({}),
        }
    }
}

/// Each route below its prefix, with what a stranger gets from it for each object that it can be asked about.
fn table() -> Vec<(Method, &'static str, Object, Stranger)> {
    use Object::{Credential, Device, Entry, Information, Key, Session};
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let mut rows = Vec::new();
    for (list, one) in [("/pam/device", "/pam/device/{key}"), ("/pam/devices", "/pam/devices/{key}")] {
        rows.extend([
            (get.clone(), list, Device, NothingIn("devices")),
            (post.clone(), list, Device, Refused(1011)),
            (get.clone(), one, Device, Refused(1011)),
            (put.clone(), one, Device, Refused(1011)),
            (delete.clone(), one, Device, Refused(1011)),
        ]);
    }
    rows.extend([
        (get.clone(), "/pam/credential", Credential, NothingIn("credentials")),
        (post.clone(), "/pam/credential", Credential, Refused(1009)),
        (get.clone(), "/pam/credential/{key}", Credential, Refused(1009)),
        (put.clone(), "/pam/credential/{key}", Credential, Refused(1009)),
        (delete.clone(), "/pam/credential/{key}", Credential, Refused(1009)),
        (delete.clone(), "/pam/credential/custody/{key}", Credential, Refused(1009)),
        (get.clone(), "/pam/credential/{key}/totp", Credential, Refused(1009)),
        (post.clone(), "/pam/use", Credential, Refused(1009)),
        (post.clone(), "/pam/credential/batch", Credential, EachRefused(1009)),
        (get.clone(), "/pam/key", Key, NothingIn("keys")),
        (post.clone(), "/pam/key", Key, Refused(1009)),
        (get.clone(), "/pam/key/{key}", Key, Refused(1009)),
        (put.clone(), "/pam/key/{key}", Key, Refused(1009)),
        (delete.clone(), "/pam/key/{key}", Key, Refused(1009)),
        (get.clone(), "/pam/info", Information, NothingIn("infos")),
        (post.clone(), "/pam/info", Information, Refused(1023)),
        (get.clone(), "/pam/info/{key}", Information, Refused(1023)),
        (put.clone(), "/pam/info/{key}", Information, Refused(1023)),
        (delete.clone(), "/pam/info/{key}", Information, Refused(1023)),
        (get.clone(), "/pam/item/{key}", Credential, Told(400, "Item not found")),
        (get.clone(), "/pam/item/{key}", Key, Told(400, "Item not found")),
        (get.clone(), "/pam/item/{key}", Information, Told(400, "Item not found")),
        (get.clone(), "/pam/provider/{id}/entry/{name}", Entry, Told(400, "Entry not found")),
    ]);
    for (create, list, one, end) in [
        ("/remote/session", "/session/remotesessions", "/session/remotesessions/{key}", "/session/drop/{key}"),
        (
            "/pam/remote/session",
            "/pam/session/remotesessions",
            "/pam/session/remotesessions/{key}",
            "/pam/session/drop/{key}",
        ),
    ] {
        rows.extend([
            (post.clone(), create, Session, Told(400, "Device not found")),
            (get.clone(), list, Session, NothingIn("remote_sessions")),
            (get.clone(), one, Session, NothingIn("remote_session")),
            (delete.clone(), end, Session, Told(500, "An error occurred while droping session")),
        ]);
    }
    for (method, path) in [
        (&post, "/pam/credential/{key}/rotate"),
        (&get, "/pam/credential/{key}/rotation"),
        (&get, "/pam/credential/{key}/rotation/passwords"),
        (&post, "/pam/credential/{key}/rotation/decision"),
    ] {
        rows.push((method.clone(), path, Credential, Refused(1009)));
    }
    for (method, path) in [
        (&post, "/pam/key/{key}/rotate"),
        (&get, "/pam/key/{key}/rotation"),
        (&get, "/pam/key/{key}/rotation/passwords"),
        (&post, "/pam/key/{key}/rotation/decision"),
    ] {
        rows.push((method.clone(), path, Key, Refused(1009)));
    }
    for (object, refused, versions) in [
        (
            Credential,
            1009,
            [
                "/pam/credential/{key}/versions",
                "/pam/credential/{key}/versions/{version}",
                "/pam/credential/{key}/versions/{version}/restore",
            ],
        ),
        (
            Key,
            1009,
            [
                "/pam/key/{key}/versions",
                "/pam/key/{key}/versions/{version}",
                "/pam/key/{key}/versions/{version}/restore",
            ],
        ),
        (
            Information,
            1023,
            [
                "/pam/info/{key}/versions",
                "/pam/info/{key}/versions/{version}",
                "/pam/info/{key}/versions/{version}/restore",
            ],
        ),
    ] {
        let [list, one, restore] = versions;
        rows.push((get.clone(), list, object, Refused(refused)));
        rows.push((get.clone(), one, object, Refused(refused)));
        rows.push((post.clone(), restore, object, Refused(refused)));
    }
    rows
}

/// A client that may call every route of the service.
async fn client(app: &TestApp) -> TestClient {
    app.client_with(|request| request.resources = vec![Resource::PamCore, Resource::WebProxySession]).await
}

/// One object of each kind, each with a history, held by its owner.
async fn owned() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let owner = client(&app).await;
    owner.create_device("host", "10.0.0.1").await;
    for content in ["first", CANARY] {
        owner
            .save_credential(&json!({
                "hostname": "host", "ip": "10.0.0.1", "username": "user", "identifier": "account", "content": content,
                "additional_settings": { "secret_key": "JBSWY3DPEHPK3PXP" },
            }))
            .await;
    }
    let key = json!({ "hostname": "host", "ip": "10.0.0.1", "username": "user", "identifier": "key", "password": CANARY,
                      "private_key": include_str!("../../fixtures/ssh/ed25519") });
    owner.post("/iso/pam/key", &key).await.expect(201);
    for content in ["first", CANARY] {
        owner.post("/iso/pam/info", &json!({ "identifier": "info", "content": content })).await.expect(201);
    }
    owner.get("/iso/pam/credential/account").await.expect(200);
    let keyfactor = crate::keyfactor::administrator(&app).await;
    crate::keyfactor::create_local_provider(&keyfactor, "local").await;
    let entry = json!({ "SecretName": "entry", "SecretValue": CANARY });
    crate::keyfactor::post(&keyfactor, "/PamProviders/Local/1/Entries", &entry).await.expect(200);
    app.link(&owner, LinkTarget::Entry("1/entry".into())).await;
    let read = owner.get("/iso/pam/provider/1/entry/entry").await.expect(200);
    assert_eq!(read["entry"]["content"], CANARY);
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    owner.post("/iso/remote/session", &Object::Session.body()).await.expect(200);
    app.database.run(&format!("UPDATE proxy_session SET session_id = '{SESSION_ID}'"));
    (app, owner)
}

/// Everything that a call could have changed.
fn rows(app: &TestApp) -> Vec<Vec<String>> {
    [
        "SELECT id || hostname || ip || active || changed_at FROM device ORDER BY id",
        "SELECT id || username || identifier || active || changed_at || viewed_at FROM credential WHERE id = 1",
        "SELECT id || username || identifier || active || changed_at FROM credential ORDER BY id",
        "SELECT id || identifier || active || changed_at FROM information ORDER BY id",
        "SELECT kind || owner_id || version FROM secret ORDER BY kind, owner_id, version",
        "SELECT credential_id || ' ' || authorization_id FROM custody ORDER BY 1",
        "SELECT session_id || started_at || coalesce(ended_at, 0) FROM proxy_session ORDER BY id",
        "SELECT authorization_id || object_kind || object_id FROM authorization_link ORDER BY 1",
    ]
    .map(|query| app.database.texts(query))
    .into()
}

#[actix_web::test]
async fn no_route_gives_a_stranger_anything() {
    let (app, _owner) = owned().await;
    let stranger = client(&app).await;
    let before = rows(&app);
    let table = table();
    // The Keyfactor routes know permissions, not owners, and have a table of their own.
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.bearer && !endpoint.basic) {
        let path = endpoint.path.strip_prefix("/iso").or(endpoint.path.strip_prefix("/api")).unwrap();
        let cases: Vec<_> =
            table.iter().filter(|row| row.0.as_str() == endpoint.method.as_str() && row.1 == path).collect();
        assert!(!cases.is_empty(), "{} {path} has no row in the table", endpoint.method);
        for (method, _, object, expected) in cases {
            for key in object.keys() {
                let path = endpoint.path.replace("{key}", key).replace("{name}", key).replace("{id}", "1");
                let path = path.replace("{version}", "1");
                let mut request = stranger.request(method.clone(), &path);
                if *method == Method::POST {
                    let body = if path.ends_with("/decision") { json!({ "decision": "retry" }) } else { object.body() };
                    request = request.json(&body);
                }
                check(&stranger.send(request).await, *expected, &format!("{method} {path}"));
                assert_eq!(rows(&app), before, "{method} {path} changed something");
            }
        }
    }
}

fn check(answer: &Answer, expected: Stranger, call: &str) {
    assert!(!answer.text.contains(CANARY), "{call} leaked: {}", answer.text);
    match expected {
        Refused(number) => {
            assert_eq!(answer.status, 400, "{call}: {}", answer.text);
            assert_eq!(answer.json()["exception"]["code"], number, "{call}: {}", answer.text);
        }
        EachRefused(number) => {
            assert_eq!(answer.status, 200, "{call}: {}", answer.text);
            for item in answer.json()["items"].as_array().unwrap() {
                assert_eq!(item["exception"]["code"], number, "{call}: {item}");
            }
        }
        Told(status, text) => {
            assert_eq!(answer.status, status, "{call}: {}", answer.text);
            assert_eq!(answer.json()["response"]["message"], text, "{call}: {}", answer.text);
        }
        NothingIn(payload) => {
            assert_eq!(answer.status, 200, "{call}: {}", answer.text);
            assert_eq!(answer.json()[payload], json!([]), "{call}: {}", answer.text);
        }
    }
}
