//! Introspection (RFC 7662).

use std::time::Duration;

use chaveiro::vault::operation::Action;
use serde_json::json;

use super::{credentials, post};
use crate::support::TestApp;

#[actix_web::test]
async fn introspection_tells_all_about_a_good_token_and_nothing_about_another() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let asker = app.client().await;
    let [_, id, secret] = credentials(&asker);
    let introspect =
        async |token: &str| post(&asker, "/api/oauth2/introspect", &[id, secret, ("token", token)]).await.expect(200);
    let body = introspect(&client.token).await;
    let now = app.clock.now().timestamp();
    assert_eq!((&body["active"], &body["client_id"]), (&json!(true), &json!(client.client_id)));
    assert_eq!((&body["iat"], &body["exp"], &body["token_type"]), (&json!(now), &json!(now + 3600), &json!("Bearer")));

    assert_eq!(introspect("nonsense").await, json!({ "active": false }));
    app.vault
        .disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &client.client_id)
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(introspect(&client.token).await, json!({ "active": false }));
    app.clock.advance(Duration::from_secs(3600));
    assert_eq!(introspect(&client.token).await, json!({ "active": false }));
}
