//! `If-Match` on changes, and the form of both conditions.

use std::time::Duration;

use chaveiro::vault::operation::{Action, EntityTags, Preconditions, RequestOptions};
use chaveiro::vault::{Precondition, VaultError};
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::{call, credential, kinds, last_record, post_if, rows, tag, vault, with};
use crate::support::{SAVE_POLICY, TestApp, device, permit};

#[actix_web::test]
async fn a_stale_tag_is_412_for_every_change_and_changes_nothing() {
    let (app, client) = vault().await;
    let state = || {
        let queries = [
            "SELECT 'device ' || id || ' ' || changed_at || ' ' || ip FROM device ORDER BY 1",
            "SELECT 'credential ' || id || ' ' || changed_at || ' ' || additional FROM credential ORDER BY 1",
            "SELECT 'information ' || id || ' ' || changed_at || ' ' || name FROM information ORDER BY 1",
            "SELECT 'custody ' || credential_id FROM custody ORDER BY 1",
            "SELECT kind || ' ' || owner_id || ' ' || version FROM secret ORDER BY 1",
        ];
        queries.iter().flat_map(|query| app.database.texts(query)).collect::<Vec<_>>()
    };
    for (path, collection, body) in kinds() {
        let known = tag(&client, path).await;
        let changed = if path.contains("device") {
            with(body.clone(), "site", json!("Porto"))
        } else {
            with(with(body.clone(), "content", json!("two")), "key_name", json!("two"))
        };
        client.post(collection, &changed).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
        let mut calls = vec![
            (Method::POST, collection.to_string()),
            (Method::DELETE, path.to_string()),
            (Method::PUT, path.to_string()),
            (Method::GET, path.to_string()),
        ];
        if !path.contains("device") {
            calls.push((Method::POST, format!("{path}/versions/1/restore")));
        }
        if path.contains("credential") {
            calls.push((Method::DELETE, "/iso/pam/credential/custody/i".into()));
        }
        let before = state();
        for (method, target) in calls {
            for stale in [known.as_str(), "\"x\"", "\"x\", \"y\"", &format!("W/{known}")] {
                let answer = call(&client, &method, &target, ("If-Match", stale), &body).await;
                answer.expect_refusal(412, "The item is not in the state that the request names");
                assert_eq!(answer.json().get("exception"), None);
                assert_eq!(last_record(&app).await.2, "precondition-failed");
            }
            if method != Method::GET {
                call(&client, &method, &target, ("If-None-Match", "*"), &body).await.expect(412);
            }
        }
        assert_eq!(state(), before, "{path}");
    }
}

#[actix_web::test]
async fn the_present_tag_lets_every_change_through() {
    let (_app, client) = vault().await;
    for (path, collection, body) in kinds() {
        let present = tag(&client, path).await;
        let named = format!("\"x\", {present}");
        call(&client, &Method::GET, path, ("If-Match", &named), &Value::Null).await.expect(200);
        let saved = post_if(&client, collection, &named, &with(body.clone(), "tags", json!("t"))).await;
        saved.expect(201);
        // A save under a condition tells the new tag, with which the next one can go on.
        let next = tag(&client, path).await;
        assert_eq!(saved.header("etag"), Some(next.as_str()), "{path}");
        if !path.contains("device") {
            let restore = format!("{path}/versions/1/restore");
            post_if(&client, &restore, &next, &json!({})).await.expect(201);
        }
        let next = tag(&client, path).await;
        call(&client, &Method::DELETE, path, ("If-Match", &next), &Value::Null).await.expect(200);
        call(&client, &Method::PUT, path, ("If-Match", &next), &Value::Null).await.expect(412);
        call(&client, &Method::PUT, path, ("If-Match", "*"), &Value::Null).await.expect(200);
        if path.contains("device") {
            client.put("/iso/pam/credential/i").await.expect(200);
            client.put("/iso/pam/key/k").await.expect(200);
        }
    }
    let held = tag(&client, "/iso/pam/credential/i").await;
    let release = "/iso/pam/credential/custody/i";
    call(&client, &Method::DELETE, release, ("If-Match", &held), &Value::Null).await.expect(200);
}

#[actix_web::test]
async fn creating_and_updating_can_be_told_apart() {
    let (app, client) = vault().await;
    for (_, collection, body) in kinds() {
        let name = if collection.contains("device") { "hostname" } else { "identifier" };
        let kind = json!(collection.rsplit('/').next());
        let new = with(with(body.clone(), name, kind), "username", json!("new"));
        let count = || ["device", "credential", "information"].map(|table| rows(&app, table));
        let before = count();
        for tags in ["*", "\"x\""] {
            post_if(&client, collection, tags, &new).await.expect(412);
            assert_eq!(count(), before);
        }
        let only_new = ("If-None-Match", "*");
        let created = call(&client, &Method::POST, collection, only_new, &new).await;
        created.expect(201);
        assert!(created.header("etag").is_some());
        call(&client, &Method::POST, collection, only_new, &new).await.expect(412);
        post_if(&client, collection, "*", &new).await.expect(201);
        let unless_other = ("If-None-Match", "\"x\"");
        call(&client, &Method::POST, collection, unless_other, &new).await.expect(201);
    }
}

#[actix_web::test]
async fn a_refusal_of_the_rules_comes_before_the_condition() {
    let (app, _client) = vault().await;
    let stranger = app.client().await;
    for (path, collection, body) in kinds() {
        let number = match path.split('/').nth(3) {
            Some("device") => 1011,
            Some("info") => 1023,
            _ => 1009,
        };
        for method in [Method::PUT, Method::DELETE, Method::GET] {
            call(&stranger, &method, path, ("If-Match", "\"x\""), &body).await.expect_number(number);
        }
        let saved = post_if(&stranger, collection, "\"x\"", &body).await;
        assert_eq!(saved.status, 400, "{path}: {}", saved.text);
    }
    let reader = app.read_only_client().await;
    post_if(&reader, "/iso/pam/device", "\"x\"", &device("a", "10.0.0.1")).await.expect_number(1039);
}

#[actix_web::test]
async fn conditions_of_a_wrong_form_are_refused_after_permission() {
    let (app, client) = vault().await;
    let reader = app.read_only_client().await;
    for header in ["If-Match", "If-None-Match"] {
        for wrong in ["", "x", "\"x", "\"x\" \"y\"", "*, \"x\"", "w/\"x\""] {
            let text = format!("Invalid header {header}: expected * or tags in double quotes, separated by commas");
            for (path, collection, body) in kinds() {
                for (method, target) in
                    [(Method::GET, path), (Method::PUT, path), (Method::DELETE, path), (Method::POST, collection)]
                {
                    call(&client, &method, target, (header, wrong), &body).await.expect_refusal(400, &text);
                }
            }
            call(&client, &Method::GET, "/iso/pam/device", (header, wrong), &Value::Null).await.expect(400);
            call(&client, &Method::GET, "/iso/pam/nothing", (header, wrong), &Value::Null).await.expect(404);
            call(&reader, &Method::DELETE, "/iso/pam/device/a", (header, wrong), &Value::Null)
                .await
                .expect_number(1039);
        }
    }
    client.get("/iso/pam/device/a").await.expect(200);
}

#[actix_web::test]
async fn a_retry_of_a_conditional_save_is_answered_as_the_first_time() {
    let (_app, client) = vault().await;
    let (path, collection) = ("/iso/pam/credential/i", "/iso/pam/credential");
    let known = tag(&client, path).await;
    let body = credential("i", "two");
    let send = || {
        let request =
            client.request(Method::POST, collection).header("If-Match", &known).header("Idempotency-Key", "k");
        client.send(request.json(&body))
    };
    let first = send().await;
    first.expect(201);
    // By now the tag is stale, and by the first request itself.
    let again = send().await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("etag"), first.header("etag"));
    post_if(&client, collection, &known, &body).await.expect(412);
}

#[actix_web::test]
async fn of_64_changes_of_one_state_on_two_nodes_one_goes_through() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&credential("i", "p")).await;
    let known = tag(&client, "/iso/pam/credential/i").await;
    let second = app.second_node();
    let if_match = Some(EntityTags::Listed(vec![known.trim_matches('"').into()]));
    let preconditions = Preconditions { if_match, ..Preconditions::default() };
    let options = RequestOptions { preconditions, representation: "legacy", ..RequestOptions::default() };
    let input = |number: usize| chaveiro::vault::credential::CredentialInput {
        hostname: Some("a".into()),
        ip: Some("10.0.0.1".into()),
        identifier: Some("i".into()),
        content: Some(chaveiro::crypto::SecretText::new(format!("there {number}"))),
        ..Default::default()
    };
    let bodies: Vec<Value> = (0..32).map(|number| credential("i", &format!("here {number}"))).collect();
    let here = join_all(bodies.iter().map(|body| post_if(&client, "/iso/pam/credential", &known, body)));
    let save = async |number: usize| {
        let permit = permit(&second, &client, Action::CREDENTIAL_SAVE, format!("second-{number}")).await;
        let permit = second.accept(permit, options.clone()).await.unwrap();
        second.save_credential(permit, input(number), SAVE_POLICY).await
    };
    let (here, there) = join(here, join_all((0..32).map(save))).await;
    let through = here.iter().filter(|answer| answer.status == 201).count() + there.iter().flatten().count();
    assert_eq!(through, 1);
    assert!(here.iter().all(|answer| answer.status == 201 || answer.status == 412));
    assert!(
        there.iter().all(|saved| matches!(saved, Ok(_) | Err(VaultError::Precondition(Precondition::Failed { .. })))),
        "{there:?}"
    );
    let versions = app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password' ORDER BY 1");
    assert_eq!(versions, [1, 2]);
    second.close();
}
