//! Who sees a credential: as on the routes of version 1, and the list is what can be read one by one.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{Origin, Resource};
use serde_json::json;

use super::{LIST, expect_code, ids, list, read, save, vault};
use crate::support::{TestClient, origin};

/// The ids that the client can read one by one.
async fn readable(client: &TestClient) -> Vec<i64> {
    let mut readable = Vec::new();
    for id in 1..=9 {
        let answer = read(client, &id.to_string()).await;
        if answer.status == 200 {
            readable.push(id);
        } else {
            expect_code(&answer, 404, "not_found");
        }
    }
    readable
}

#[actix_web::test]
async fn what_is_listed_can_be_read_and_nothing_else() {
    let (app, client) = vault().await;
    assert_eq!(readable(&client).await, [1, 2, 3, 4, 5]);
    assert_eq!(ids(&client, "").await, [1, 2, 3, 4, 5]);
    let stranger = app.client().await;
    assert_eq!(readable(&stranger).await, ids(&stranger, "").await);
    for (target, seen) in [
        (LinkTarget::Tag("linux".into()), vec![1, 3]),
        (LinkTarget::Credential("2".into()), vec![2]),
        (LinkTarget::Device("web".into()), vec![3, 4, 5]),
    ] {
        let reader = app.read_only_client().await;
        app.link(&reader, target).await;
        assert_eq!(ids(&reader, "").await, seen);
        assert_eq!(readable(&reader).await, seen);
    }
    // The same for a client that sees much.
    app.swell();
    assert_eq!(ids(&client, "").await, readable(&client).await);
    assert_eq!(ids(&stranger, "").await, [0; 0]);
}

#[actix_web::test]
async fn what_a_client_may_not_see_is_what_does_not_exist() {
    let (app, _) = vault().await;
    let stranger = app.client().await;
    save_own(&stranger).await;
    let without_id = |text: &str| text.split("request_id").next().unwrap().to_string();
    let nothing = read(&stranger, "99").await;
    for key in ["1", "4", "5"] {
        assert_eq!(without_id(&read(&stranger, key).await.text), without_id(&nothing.text), "{key}");
    }
    for query in ["credential.username=batch", "device.name=erp", "device_id=1", "credential.tags=prod"] {
        assert_eq!(ids(&stranger, query).await, [0; 0], "{query}");
    }
    let denied = app.records().await.into_iter().filter(|record| record.outcome == "no-access").count();
    assert_eq!(denied, 3);
}

/// Saves a credential whose identifier is the number of another client's.
async fn save_own(stranger: &TestClient) {
    stranger.create_device("own", "10.0.0.9").await;
    let body = json!({ "hostname": "own", "ip": "10.0.0.9", "username": "x", "identifier": "1", "content": "theirs" });
    stranger.save_credential(&body).await;
}

#[actix_web::test]
async fn a_credential_is_named_by_its_number_alone() {
    let (_app, client) = vault().await;
    save(&client, "web", "named", json!({ "identifier": "name" })).await;
    for key in ["name", "named@web", "01", "+1", "1.0", "0", "-1", "2147483648", "%FF", "1%2F2", "%31"] {
        let answer = read(&client, key).await;
        if key == "%31" {
            assert_eq!(answer.expect(200)["id"], 1);
        } else {
            expect_code(&answer, 404, "not_found");
        }
    }
}

#[actix_web::test]
async fn a_client_without_the_resource_or_from_elsewhere_is_refused() {
    let (app, _) = vault().await;
    let other = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let elsewhere = app.client_from(from, |request| request.allowed_ips = vec!["10.9.9.9".into()]).await;
    for client in [other, elsewhere] {
        expect_code(&read(&client, "1").await, 403, "forbidden");
        // A parse error is for those alone who may ask.
        expect_code(&list(&client, "nope=1").await, 403, "forbidden");
    }
}

#[actix_web::test]
async fn a_token_that_is_not_valid_is_401_with_a_challenge() {
    let (app, client) = vault().await;
    let anonymous = app.anonymous().get(LIST).await;
    expect_code(&anonymous, 401, "unauthenticated");
    assert_eq!(anonymous.challenges(), [crate::support::BEARER]);
    let mut wrong = client.clone();
    wrong.token = "canary".into();
    let answer = read(&wrong, "1").await;
    expect_code(&answer, 401, "unauthenticated");
    assert_eq!(answer.challenges(), [crate::support::INVALID_TOKEN]);
}
