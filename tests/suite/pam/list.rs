//! Filters and pages of lists. Each is asked of a client that sees little and of one that sees much, whose lists are
//! found in another way.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

const FAMILIES: [(&str, &str); 4] = [
    ("/iso/pam/device", "devices"),
    ("/iso/pam/credential", "credentials"),
    ("/iso/pam/key", "keys"),
    ("/api/pam/info", "infos"),
];

/// A client with three devices, credentials, keys and information: the second of each is switched off.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    for (index, kind) in ["Server", "Router", "Server"].into_iter().enumerate() {
        let mut sent = device(&format!("Host-{index}"), &format!("10.0.0.{index}"));
        sent["type"] = json!(kind);
        sent["device_tags"] = json!(format!("all,d{index}"));
        client.post("/iso/pam/device", &sent).await.expect(201);
    }
    for index in 0..3 {
        let of = |kind: &str| {
            json!({ "hostname": "host-0", "ip": "10.0.0.0", "username": format!("user-{index}"), "tags": format!("all,{kind}{index}"),
                    "identifier": format!("{kind}-{index}") })
        };
        let mut credential = of("credential");
        credential["credential_type"] = json!(format!("Type {index}"));
        client.save_credential(&credential).await;
        let mut key = of("key");
        key["private_key"] = json!(include_str!("../fixtures/ssh/ed25519"));
        client.post("/iso/pam/key", &key).await.expect(201);
        let information =
            json!({ "identifier": format!("info-{index}"), "type": format!("Type {index}"), "content": "p" });
        client.post("/iso/pam/info", &information).await.expect(201);
    }
    for path in ["/iso/pam/credential/credential-1", "/iso/pam/key/key-1", "/iso/pam/info/info-1", "/iso/pam/device/2"]
    {
        client.delete(path).await.expect(200);
    }
    (app, client)
}

fn ids(body: &Value, payload: &str) -> Vec<String> {
    body[payload].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().into()).collect()
}

async fn listed(client: &TestClient, path: &str, payload: &str) -> Vec<String> {
    ids(&client.get(path).await.expect(200), payload)
}

#[actix_web::test]
async fn the_time_of_change_is_that_of_the_fields_the_settings_or_the_password() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let mut sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "one" });
    client.save_credential(&sent).await;
    let plugin = |name: &str| json!({ "change_plugin": name, "automatic_change": false });
    let pins = |pin: &str| json!({ "additional_authentication_fields": [{ "name": "pin", "value": pin }] });
    for (field, value) in [
        ("content", json!("two")),
        ("username", json!("v")),
        ("additional_settings", json!({ "notes": "a note" })),
        ("additional_settings", json!({ "notes": "another note" })),
        ("additional_settings", json!({ "secret_key": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" })),
        ("additional_settings", pins("1")),
        ("additional_settings", pins("2")),
        ("execution_settings", plugin("openldap")),
        ("execution_settings", plugin("postgresql")),
        ("jit_settings", json!({ "jit": false })),
        ("jit_settings", json!({ "jit": false, "credential_creation_plugin": "postgresql" })),
        ("tags", json!("a")),
    ] {
        sent[field] = value;
        for changes in [true, false] {
            assert_eq!(moves_change(&app, &client, "/iso/pam/credential", &sent).await, changes, "{field}: {sent}");
        }
    }
    let restore = "/iso/pam/credential/i/versions/1/restore";
    assert!(moves_change(&app, &client, restore, &json!({})).await);
}

#[actix_web::test]
async fn the_time_of_change_of_an_ssh_key_is_that_of_its_fields_its_settings_or_its_secrets() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.create_device("b", "10.0.0.2").await;
    let (first, other) = (include_str!("../fixtures/ssh/ed25519"), include_str!("../fixtures/ssh/rsa"));
    let mut sent = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": first });
    client.post("/iso/pam/key", &sent).await.expect(201);
    assert!(!moves_change(&app, &client, "/iso/pam/key", &sent).await);
    for (field, value) in [
        ("key_name", json!("name")),
        ("username", json!("deploy")),
        ("password", json!("the passphrase")),
        ("devices", json!([{ "hostname": "b" }])),
        ("devices", json!([])),
        ("execution_settings", json!({ "change_plugin": "ssh-key" })),
        ("private_key", json!(other)),
        ("enabled", json!(true)),
    ] {
        sent[field] = value;
        for changes in [field != "enabled", false] {
            assert_eq!(moves_change(&app, &client, "/iso/pam/key", &sent).await, changes, "{field}");
        }
    }
    assert!(moves_change(&app, &client, "/iso/pam/key/k/versions/1/restore", &json!({})).await);
}

#[actix_web::test]
async fn a_shared_password_moves_the_time_of_change_of_the_parent_alone() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let mut parent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "p", "content": "one" });
    let id = client.save_credential(&parent).await;
    let child = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "c", "parent_password": id });
    client.save_credential(&child).await;
    parent["content"] = json!("two");
    let before = times_of_change(&client).await;
    app.clock.advance(std::time::Duration::from_secs(60));
    client.save_credential(&parent).await;
    let after = times_of_change(&client).await;
    assert_eq!((after[0] > before[0], after[1] == before[1]), (true, true), "{before:?}, {after:?}");
}

/// Whether a request that comes a minute later moves the time at which the oldest credential was changed.
async fn moves_change(app: &TestApp, client: &TestClient, path: &str, sent: &Value) -> bool {
    let before = times_of_change(client).await;
    app.clock.advance(std::time::Duration::from_secs(60));
    client.post(path, sent).await.expect(201);
    let after = times_of_change(client).await;
    assert!(after >= before, "{before:?}, {after:?}");
    after[0] > before[0]
}

/// The times at which the credentials were changed, oldest credential first.
async fn times_of_change(client: &TestClient) -> Vec<String> {
    let list = client.get("/iso/pam/credential").await.expect(200);
    let credentials = list["credentials"].as_array().unwrap().iter();
    credentials.map(|credential| credential["change"].as_str().unwrap().to_string()).collect()
}

#[actix_web::test]
async fn each_filter_narrows_its_list() {
    let (app, client) = vault().await;
    for sees in ["little", "much"] {
        if sees == "much" {
            app.swell();
        }
        for (path, payload, query, expected) in [
            ("/iso/pam/device", "devices", "hostname=HOST-0", vec!["1"]),
            ("/iso/pam/device", "devices", "ip=10.0.0.2", vec!["3"]),
            ("/iso/pam/device", "devices", "tag=D2", vec!["3"]),
            ("/iso/pam/device", "devices", "tag=all", vec!["1", "3"]),
            ("/iso/pam/device", "devices", "type=SERVER", vec!["1", "3"]),
            ("/iso/pam/device", "devices", "type=Router", vec![]),
            ("/iso/pam/device", "devices", "active=false", vec!["2"]),
            ("/iso/pam/device", "devices", "active=true&limit=1000", vec!["1", "3"]),
            ("/iso/pam/credential", "credentials", "username=user-0", vec!["1", "2"]),
            ("/iso/pam/credential", "credentials", "username=USER-0", vec![]),
            ("/iso/pam/credential", "credentials", "hostname=host-0&ip=10.0.0.0", vec!["1", "2", "5", "6"]),
            ("/iso/pam/credential", "credentials", "hostname=host-0&ip=10.0.0.1", vec![]),
            ("/iso/pam/credential", "credentials", "identifier=credential-2", vec!["5"]),
            ("/iso/pam/credential", "credentials", "tag=Credential2", vec!["5"]),
            ("/iso/pam/credential", "credentials", "tag=all&username=user-2", vec!["5", "6"]),
            ("/iso/pam/credential", "credentials", "tag=nowhere", vec![]),
            ("/iso/pam/credential", "credentials", "type=type%200", vec!["1"]),
            ("/iso/pam/credential", "credentials", "type=nothing", vec![]),
            ("/iso/pam/credential", "credentials", "active=0", vec!["3", "4"]),
            ("/iso/pam/credential", "credentials", "username=&limit=1000", vec!["1", "2", "5", "6"]),
            ("/iso/pam/key", "keys", "username=user-2", vec!["6"]),
            ("/iso/pam/key", "keys", "tag=all", vec!["2", "6"]),
            ("/iso/pam/key", "keys", "active=false", vec!["4"]),
            ("/iso/pam/key", "keys", "identifier=credential-0", vec![]),
            ("/api/pam/info", "infos", "identifier=info-2", vec!["3"]),
            ("/api/pam/info", "infos", "type=TYPE%200", vec!["1"]),
            ("/api/pam/info", "infos", "active=no", vec!["2"]),
            ("/api/pam/info", "infos", "limit=1000", vec!["1", "3"]),
        ] {
            let path = format!("{path}?{query}");
            assert_eq!(listed(&client, &path, payload).await, expected, "{path} of one who sees {sees}");
        }
    }
}

#[actix_web::test]
async fn the_pages_of_a_list_are_the_list() {
    let (app, client) = vault().await;
    for sees in ["little", "much"] {
        if sees == "much" {
            app.swell();
        }
        for (path, payload) in FAMILIES {
            let whole = client.get(path).await;
            assert_eq!(whole.header("Link"), None, "{path}");
            let whole = ids(&whole.json(), payload);
            for limit in [1, 2, 3, 1000] {
                let (mut pages, mut next) = (Vec::new(), Some(format!("{path}?limit={limit}")));
                while let Some(page) = next {
                    let answer = client.get(&page).await;
                    let rows = ids(&answer.expect(200), payload);
                    assert!(!rows.is_empty() && rows.len() <= limit, "{page}");
                    pages.extend(rows);
                    next = answer.header("Link").map(|link| {
                        let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
                        format!("{path}{}", query.unwrap_or_else(|| panic!("{link}")))
                    });
                }
                assert_eq!(pages, whole, "{path} by {limit} of one who sees {sees}");
                let mut by_offset = Vec::new();
                loop {
                    let page = format!("{path}?limit={limit}&offset={}", by_offset.len());
                    let rows = listed(&client, &page, payload).await;
                    if rows.is_empty() {
                        break;
                    }
                    by_offset.extend(rows);
                }
                assert_eq!(by_offset, whole, "{path} by {limit} and offset of one who sees {sees}");
            }
        }
    }
}

#[actix_web::test]
async fn a_page_keeps_its_filter_and_counts_its_rows() {
    let (_app, client) = vault().await;
    let answer = client.get("/api/pam/credential?username=user-0&limit=1").await;
    assert_eq!(answer.expect(200)["response"]["message"], "1 credentials found");
    let link = answer.header("Link").unwrap();
    assert_eq!(link, "<?username=user-0&limit=1&cursor=1>; rel=\"next\"");
    let last = client.get("/api/pam/credential?username=user-0&limit=1&cursor=1").await;
    assert_eq!((ids(&last.json(), "credentials"), last.header("Link")), (vec!["2".to_string()], None));
}

#[actix_web::test]
async fn a_limit_or_cursor_that_makes_no_sense_is_refused_and_recorded() {
    let (app, client) = vault().await;
    for (path, _) in FAMILIES {
        for (query, part) in [
            ("limit=0", "Invalid parameter limit"),
            ("limit=-1", "Invalid parameter limit"),
            ("limit=1001", "Invalid parameter limit"),
            ("limit=18446744073709551617", "Invalid parameter limit"),
            ("cursor=-1", "Invalid parameter cursor"),
            ("offset=-1", "Invalid parameter offset"),
            ("offset=1&cursor=1", "Invalid parameter offset"),
            ("cursor=1%20OR%201=1", "Invalid parameter cursor"),
            ("active=perhaps", "Invalid parameter active"),
            ("tag=%00", "Invalid parameter tag"),
        ] {
            client.get(&format!("{path}?{query}")).await.expect_refusal(400, part);
        }
    }
    let refused = "SELECT outcome FROM audit_record WHERE action = 'credential.list' AND outcome <> 'ok'";
    assert_eq!(app.database.texts(refused), vec!["invalid-input"; 10]);
}

#[actix_web::test]
async fn no_filter_and_no_page_shows_a_stranger_anything() {
    let (app, _owner) = vault().await;
    let stranger = app.client().await;
    for sees in ["little", "much"] {
        if sees == "much" {
            app.swell();
        }
        for (path, payload) in FAMILIES {
            for query in
                ["limit=1000", "cursor=0", "active=false", "tag=all", "username=user-0", "type=Server", "ip=10.0.0.0"]
            {
                let request = stranger.request(Method::GET, &format!("{path}?{query}"));
                let answer = stranger.send(request).await;
                assert_eq!(
                    ids(&answer.expect(200), payload),
                    Vec::<String>::new(),
                    "{path}?{query} of one who sees {sees}"
                );
                assert_eq!(answer.header("Link"), None);
            }
        }
    }
}
