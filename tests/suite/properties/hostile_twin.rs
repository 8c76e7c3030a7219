//! Nobody's object can stand in for another's, whatever it is called: all that a client is answered is the same, to the
//! byte, in a vault where a stranger has given its own objects every spelling of the client's keys.

use std::collections::BTreeSet;

use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};

use super::access::facades;
use crate::dsm::variables;
use crate::robocorp::save;
use crate::support::{TestApp, TestClient, endpoints, post_body, serve_all};

/// Numbers, identifiers, names and tags of the victim's objects. The identifiers in digits are numbers of the stranger's.
const KEYS: [&str; 14] = ["1", "2", "3", "i", "u@a", "U@A", "a", "A", "k", "n", "7", "12", "tag-of-v", "u"];
/// The path of each item that a call may have switched off, to switch it on again.
const ITEMS: [&str; 8] =
    ["device/a", "credential/i", "credential/7", "credential/12", "key/k", "info/n", "info/7", "info/12"];

/// The key with every byte escaped.
fn escaped(key: &str) -> String {
    key.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A client of every PAM route that sees its own, and what bears the tag that it is linked to.
async fn victim(app: &TestApp, tag: Option<&str>) -> TestClient {
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let client = app
        .client_with(|request| {
            request.resources = vec![
                Resource::PamCore,
                Resource::WebProxySession,
                Resource::AppId,
                Resource::Dsm,
                Resource::DsmApplications,
            ];
            request.allowed_ips = vec!["127.0.0.1".into()];
        })
        .await;
    if let Some(tag) = tag {
        app.link(&client, LinkTarget::Tag(tag.into())).await;
        app.vault.refresh().await.unwrap();
    }
    for path in ["/iso/pam/device", "/iso/pam/credential", "/iso/pam/key", "/iso/pam/info"] {
        let mut body = post_body(path, "the victim's");
        body["tags"] = json!(tag);
        client.post(path, &body).await.expect(201);
    }
    for identifier in ["7", "12"] {
        let body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("user-{identifier}"),
                           "identifier": identifier, "content": "the victim's" });
        client.post("/iso/pam/credential", &body).await.expect(201);
        client.post("/iso/pam/info", &json!({ "identifier": identifier, "content": "the victim's" })).await.expect(201);
    }
    for identity in ["i", "saved"] {
        client
            .post("/iso/sctm/secret", &json!({ "identity": identity, "data": { "a": "the victim's" } }))
            .await
            .expect(201);
    }
    client
}

/// Gives a stranger's objects every name that the victim's have. Some of it is refused, which is as good.
async fn plant(app: &TestApp, tag: Option<&str>) {
    let resources = vec![Resource::PamCore, Resource::WebProxySession, Resource::Dsm, Resource::DsmApplications];
    let stranger = app.client_with(|request| request.resources = resources).await;
    stranger.create_device("evil", "10.0.0.1").await;
    let spellings: BTreeSet<String> = KEYS.iter().flat_map(|key| [key.to_string(), escaped(key)]).collect();
    let private_key = include_str!("../fixtures/ssh/ecdsa");
    for spelling in &spellings {
        let mut device = crate::support::device(spelling, "10.0.0.1");
        device["device_tags"] = json!(tag);
        post_with_and_without_tags(&stranger, "/iso/pam/device", device).await;
        // On the stranger's device and on one by that name; by that identifier, that username, and both.
        for hostname in ["evil", spelling, "a"] {
            for (username, identifier) in [("x", Some(spelling.as_str())), (spelling, None), ("u", None)] {
                let mut body = json!({ "hostname": hostname, "ip": "10.0.0.1", "username": username,
                                       "content": "the stranger's", "tags": tag });
                if let Some(identifier) = identifier {
                    body["identifier"] = json!(identifier);
                    body["username"] = json!(format!("{username}-{identifier}"));
                }
                post_with_and_without_tags(&stranger, "/iso/pam/credential", body.clone()).await;
                body["private_key"] = json!(private_key);
                post_with_and_without_tags(&stranger, "/iso/pam/key", body).await;
            }
        }
        stranger.post("/iso/pam/info", &json!({ "identifier": spelling, "content": "the stranger's" })).await;
        let secret = json!({ "identity": spelling, "data": { "a": "the stranger's" } });
        stranger.post("/iso/sctm/secret", &secret).await.expect(201);
        let registration =
            json!({ "application": spelling, "system": "s", "environment": "e", "unique_key": spelling });
        stranger.post("/iso/dapp/application", &registration).await.expect(200);
    }
    let own = json!({ "application": "tests", "system": "s", "environment": "e" });
    stranger.post("/iso/dapp/application", &own).await.expect(200);
    let made = app.database.numbers("SELECT CAST(MAX(id) AS INTEGER) FROM credential")[0];
    assert!(made > 20, "the stranger's numbers do not reach the victim's identifiers: {made}");
}

/// Posts with the tag, which is the victim's and so refused, and then without.
async fn post_with_and_without_tags(stranger: &TestClient, path: &str, mut body: Value) {
    stranger.post(path, &body).await;
    body["tags"] = Value::Null;
    body["device_tags"] = Value::Null;
    stranger.post(path, &body).await;
}

/// What is drawn anew each time, or made under a key of the vault, blotted out.
fn blot(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.is_string()) {
                    ("session_url" | "token" | "session_id" | "etag", true) => *member = json!("[drawn]"),
                    _ => blot(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(blot),
        _ => {}
    }
}

/// All that the client is answered: every method of every route, with every key in both spellings.
async fn answers(client: &TestClient) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.bearer && !endpoint.basic) {
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        let keys: &[&str] = if endpoint.path.contains("{key}") { &KEYS } else { &["1"] };
        for key in keys.iter().flat_map(|key| [key.to_string(), escaped(key)]) {
            let path = endpoint.path.replace("{key}", &key).replace("{version}", "1");
            let mut request = client.request(method.clone(), &path.replace("{id}", "1").replace("{name}", "n"));
            if method == Method::POST {
                request = request.json(&post_body(&endpoint.path, "the victim's again"));
            }
            let answer = client.send(request).await;
            let mut text = answer.text.clone();
            if path.contains("session") || path.ends_with("/use") {
                let mut body = answer.json();
                blot(&mut body);
                text = body.to_string();
            }
            // An ETag is made under a key of its vault, so only its presence can be the same.
            let shown = format!("{} {} {text}", answer.status, answer.header("etag").is_some());
            seen.push((format!("{method} {path}"), shown));
            if method == Method::DELETE {
                for item in ITEMS {
                    client.put(&format!("/iso/pam/{item}")).await;
                }
            }
        }
    }
    seen
}

/// All that the client is answered by the other families: to each read, and to a write of each kind.
async fn facade_answers(client: &TestClient) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for path in facades::WHOLE {
        seen.push((path.into(), facades::shown(&client.get(path).await)));
    }
    for key in KEYS.iter().flat_map(|key| [key.to_string(), escaped(key)]) {
        for path in facades::paths(&client.client_id, &key) {
            let call = path.replace(&client.client_id, "ID");
            seen.push((call, facades::shown(&client.get(&path).await)));
        }
    }
    seen.extend(facade_writes(client).await);
    seen
}

async fn facade_writes(client: &TestClient) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    // None that is new: it could be taken by the stranger before, and its number would be another one.
    for name in ["i", "a/u", "k", "n", "7"] {
        for value in [json!({ "password": "the victim's third" }), json!({ "text": "the victim's third" })] {
            let written = save::write(client, name, &value).await;
            seen.push((format!("{value} to {name}"), facades::shown(&written)));
            seen.push((format!("{name} after it"), client.get(&format!("/iso/pam/item/{name}")).await.text));
        }
    }
    let saved = client.post("/iso/sctm/secret", &json!({ "identity": "saved" })).await;
    seen.push(("a save".into(), facades::shown(&saved)));
    let map = json!({ "key_value": [{ "name": "i", "fields": ["TOKEN"] }] });
    seen.push(("variables".into(), facades::shown(&variables::send(client, "TOKEN=t", &map).await)));
    for environment in ["e", "another"] {
        let registration = json!({ "application": "tests", "system": "s", "environment": environment });
        let registered = client.post("/iso/dapp/application", &registration).await.expect(200);
        // After it are the id of the authorization and its secret.
        let message = registered["response"]["message"].as_str().unwrap().split('(').next().unwrap().to_string();
        seen.push((format!("a registration in {environment}"), message));
    }
    for path in facades::WHOLE {
        seen.push((format!("{path} after the writes"), facades::shown(&client.get(path).await)));
    }
    seen
}

/// Whether the two answers are the same. Of a key that names nothing of the client's, the contract has it hear whether
/// it names something that it may not see.
fn is_same(alone: &str, beset: &str) -> bool {
    let refused = |answer: &str, number: u16| answer.contains(&format!("\"exception\":{{\"code\":{number},"));
    alone == beset || (refused(beset, 1009) && (refused(alone, 1007) || refused(alone, 1015)))
}

/// Asks in a vault alone and in one with the stranger, and says what differs.
async fn assert_the_same(tag: Option<&str>) {
    let (alone, beset) = (TestApp::start_with(serve_all).await, TestApp::start_with(serve_all).await);
    let (before, after) = (victim(&alone, tag).await, victim(&beset, tag).await);
    plant(&beset, tag).await;
    let (read, read_beset) = join(facade_answers(&before), facade_answers(&after)).await;
    let found = read.iter().filter(|(_, answer)| answer.starts_with("200")).count();
    assert!(found > 50, "only {found} reads of the other families succeed at all");
    assert_eq!(read, read_beset);
    let (before, after) = join(answers(&before), answers(&after)).await;
    assert!(before.len() > 500 && before.len() == after.len(), "{} and {} calls", before.len(), after.len());
    let succeeded = before.iter().filter(|(_, answer)| answer.starts_with('2')).count();
    assert!(succeeded > 100, "only {succeeded} calls succeed at all");
    let differences: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| !is_same(&before.1, &after.1))
        .map(|((call, before), (_, after))| format!("{call}\n  alone: {before}\n  beset: {after}"))
        .collect();
    let first: String = differences.iter().take(10).map(|one| format!("{one}\n")).collect();
    assert!(differences.is_empty(), "{} of {} calls differ\n{first}", differences.len(), before.len());
}

#[actix_web::test]
async fn no_strangers_object_stands_in_for_one_of_a_client() {
    assert_the_same(None).await;
}

#[actix_web::test]
async fn no_stranger_puts_an_object_before_a_client_by_the_tag_that_it_is_linked_to() {
    assert_the_same(Some("tag-of-v")).await;
}
