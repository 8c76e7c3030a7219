//! What a client may do with a path: said by the route, and the same for what exists and what does not.

use reqwest::Method;
use serde_json::{Value, json};

use super::{DENIED, expect_errors, vault};
use crate::support::{Answer, TestClient};

async fn ask(client: &TestClient, method: Method, body: &Value) -> Answer {
    client.send(client.request(method, "/v1/sys/capabilities-self").body(body.to_string())).await
}

#[actix_web::test]
async fn capabilities_are_those_of_the_routes() {
    let (_app, client) = vault().await;
    let one = json!({ "capabilities": ["read"], "secret/data/erp": ["read"] });
    for method in [Method::POST, Method::PUT] {
        for sent in [
            json!({ "paths": ["secret/data/erp"] }),
            json!({ "path": "secret/data/erp" }),
            json!({ "paths": "secret/data/erp" }),
        ] {
            let said = ask(&client, method.clone(), &sent).await.expect(200);
            assert_eq!(said["data"], one);
            assert_eq!((&said["capabilities"], &said["secret/data/erp"]), (&json!(["read"]), &json!(["read"])));
        }
    }
    let paths = json!(["secret/data/erp", "secret/data/nothing", "secret/metadata/", "other/x", "data", "request_id"]);
    let said = ask(&client, Method::POST, &json!({ "paths": paths })).await.expect(200);
    let expected = json!({ "secret/data/erp": ["read"], "secret/data/nothing": ["read"], "secret/metadata/": ["list"],
                           "other/x": ["deny"], "data": ["deny"], "request_id": ["deny"] });
    assert_eq!(said["data"], expected);
    // A path does not take the place of a member.
    assert!(said["request_id"].is_string());
}

#[actix_web::test]
async fn a_question_without_paths_is_refused() {
    let (app, client) = vault().await;
    for sent in [json!({}), json!({ "paths": [] })] {
        let expected = &["paths must be a list of paths in a JSON object"];
        expect_errors(&ask(&client, Method::POST, &sent).await, 400, expected);
    }
    for sent in [json!([]), json!("canary"), json!({ "paths": 5 }), json!({ "paths": [5] })] {
        let expected = &["expected a JSON object with the member paths"];
        expect_errors(&ask(&client, Method::POST, &sent).await, 400, expected);
    }
    expect_errors(&ask(&app.anonymous(), Method::POST, &json!({ "paths": ["secret"] })).await, 403, DENIED);
}
