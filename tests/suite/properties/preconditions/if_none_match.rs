//! `ETag` and `If-None-Match`: what a tag stands for, and reads of a known state.

use std::time::Duration;

use serde_json::json;

use super::{credential, get_unless, kinds, last_record, spoil_secrets, ssh_key, tag, vault, with};
use crate::support::device;

#[actix_web::test]
async fn a_tag_is_strong_and_stays_while_nothing_is_changed() {
    let (app, client) = vault().await;
    for (path, collection, body) in kinds() {
        let first = tag(&client, path).await;
        assert!(first.starts_with('"') && first.ends_with('"') && first.len() == 34, "{first}");
        app.clock.advance(Duration::from_secs(1));
        // The read before was noted and took custody; the same saved again is no change.
        assert_eq!(tag(&client, path).await, first);
        client.post(collection, &body).await.expect(201);
        assert_eq!(tag(&client, path).await, first, "{path}");
        assert_ne!(tag(&client, &path.replace("/iso", "/api")).await, first, "{path}");
    }
    let by_query = client.get("/iso/pam/credential?credential=i").await;
    assert_eq!(by_query.header("etag"), Some(tag(&client, "/iso/pam/credential/1").await.as_str()));
    for list in ["device", "credential", "info", "key", "credential/i/versions", "credential/i/versions/1"] {
        assert_eq!(client.get(&format!("/iso/pam/{list}")).await.header("etag"), None);
    }
}

#[actix_web::test]
async fn a_tag_changes_with_whatever_a_read_shows() {
    let (_app, client) = vault().await;
    client.create_device("b", "10.0.0.2").await;
    let parent = client.save_credential(&credential("parent", "shared")).await;
    let (credentials, keys) = ("/iso/pam/credential", "/iso/pam/key");
    let child = |content: &str| with(credential("parent", content), "additional", json!("x"));
    let changes = [
        ("/iso/pam/device/a", "/iso/pam/device", with(device("a", "10.0.0.1"), "site", json!("Porto"))),
        ("/iso/pam/credential/i", credentials, credential("i", "two")),
        ("/iso/pam/credential/i", credentials, with(credential("i", "two"), "additional", json!("x"))),
        ("/iso/pam/credential/i", "/iso/pam/device", with(device("a", "10.0.0.1"), "model", json!("13"))),
        ("/iso/pam/credential/i", credentials, {
            let mut body = with(credential("i", ""), "parent_password", json!(parent));
            body.as_object_mut().unwrap().remove("content");
            body
        }),
        // Now it shares the password of its parent.
        ("/iso/pam/credential/i", credentials, child("shared too")),
        ("/iso/pam/info/i", "/iso/pam/info", json!({ "identifier": "i", "content": "two" })),
        ("/iso/pam/info/i", "/iso/pam/info", json!({ "identifier": "i", "content": "two", "type": "VPN" })),
        ("/iso/pam/key/k", keys, with(ssh_key("k"), "key_name", json!("n"))),
        ("/iso/pam/key/k", keys, with(ssh_key("k"), "password", json!("a passphrase"))),
        ("/iso/pam/key/k", keys, with(ssh_key("k"), "devices", json!([{ "hostname": "b" }]))),
        ("/iso/pam/key/k", keys, with(ssh_key("k"), "private_key", json!(include_str!("../../fixtures/ssh/ecdsa")))),
    ];
    for (number, (path, where_to, body)) in changes.into_iter().enumerate() {
        let before = tag(&client, path).await;
        client.post(where_to, &body).await.expect(201);
        assert_ne!(tag(&client, path).await, before, "change {number}, {body}");
    }
    // Going back is a change too: the password has another version.
    let before = tag(&client, "/iso/pam/info/i").await;
    for content in ["three", "two"] {
        client.post("/iso/pam/info", &json!({ "identifier": "i", "content": content })).await.expect(201);
    }
    assert_ne!(tag(&client, "/iso/pam/info/i").await, before);
}

#[actix_web::test]
async fn a_known_state_is_304_and_nothing_is_opened() {
    let (app, client) = vault().await;
    let mut tags = Vec::new();
    for (path, ..) in kinds() {
        tags.push(tag(&client, path).await);
    }
    spoil_secrets(&app);
    for ((path, ..), tag) in kinds().into_iter().zip(tags) {
        for sent in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
            let answer = get_unless(&client, path, &sent).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (304, ""), "{path}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.header("x-request-id").is_some());
            let (action, object, outcome) = last_record(&app).await;
            assert!(action.ends_with(".read") && object.ends_with(":1") | object.ends_with(":2"), "{action} {object}");
            assert_eq!(outcome, "unchanged");
        }
        // Who does not know the state gets the item, which here does not open.
        let unknown = get_unless(&client, path, "\"x\"").await;
        assert_eq!(unknown.status.as_u16(), if path.contains("device") { 200 } else { 500 }, "{path}");
    }
}

#[actix_web::test]
async fn a_known_state_takes_custody_and_is_no_view() {
    let (app, client) = vault().await;
    let path = "/iso/pam/credential/i";
    let tag = tag(&client, path).await;
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    let viewed = || app.database.texts("SELECT CAST(viewed_at AS TEXT) FROM credential WHERE id = 1");
    let before = viewed();
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(get_unless(&client, path, &tag).await.status, 304);
    assert_eq!(viewed(), before);
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    client.get(path).await.expect(200);
    assert_ne!(viewed(), before);
}

#[actix_web::test]
async fn knowing_a_tag_opens_no_way_around_the_rules_of_a_read() {
    let (app, client) = vault().await;
    let path = "/iso/pam/credential/i";
    let tag = tag(&client, path).await;
    get_unless(&app.client().await, path, &tag).await.expect_number(1009);
    get_unless(&app.client().await, "/iso/pam/device/a", "*").await.expect_number(1011);
    get_unless(&app.client().await, "/iso/pam/info/i", "*").await.expect_number(1023);
    get_unless(&app.client().await, "/iso/pam/key/k", "*").await.expect_number(1009);
    get_unless(&client, "/iso/pam/credential/nowhere", "*").await.expect_number(1007);

    let holder = app.client().await;
    let link = chaveiro::vault::access::link::LinkTarget::Device("a".into());
    app.link(&holder, link).await;
    client.save_credential(&with(credential("i", "one"), "exclusive_custody", json!(true))).await;
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    holder.get(path).await.expect(200);
    get_unless(&client, path, "*").await.expect_number(1009);
    client.delete(path).await.expect(200);
    get_unless(&client, path, "*").await.expect_number(1008);
}
