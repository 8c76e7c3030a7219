//! Revocation (RFC 7009).

use super::{credentials, expect_error, post};
use crate::support::{Background, TestApp, origin, within_a_second};

#[actix_web::test]
async fn a_revoked_token_is_dead_at_once_and_on_other_nodes_within_a_second() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let (mut other, stranger) = (client.clone(), app.client().await);
    other.token = other.fetch_token().await;
    let node = app.second_node();
    let _background = [Background::run(&app.vault), Background::run(&node)];
    assert!(node.authenticate(client.presented(), origin()).is_ok());

    // Only by the client that it belongs to; and of a token that is not good, not a word.
    let [_, id, secret] = credentials(&stranger);
    for token in [client.token.as_str(), "nonsense"] {
        assert_eq!(post(&stranger, "/oauth2/revoke", &[id, secret, ("token", token)]).await.status, 200);
    }
    client.get("/iso/pam/device").await.expect(200);

    let [_, id, secret] = credentials(&client);
    let form = [id, secret, ("token", client.token.as_str()), ("token_type_hint", "access_token")];
    assert_eq!(post(&client, "/oauth2/revoke", &form).await.status, 200);
    assert_eq!(post(&client, "/iso/oauth2/revoke", &form).await.status, 200);
    client.get("/iso/pam/device").await.expect_refusal(401, "Client authentication failed");
    other.get("/iso/pam/device").await.expect(200);
    within_a_second("a revoked token", async || node.authenticate(client.presented(), origin()).is_err()).await;
    assert!(node.authenticate(other.presented(), origin()).is_ok());

    expect_error(&post(&client, "/oauth2/revoke", &[id, secret]).await, 400, "invalid_request");
    expect_error(&post(&client, "/oauth2/revoke", &[id, ("token", "x")]).await, 401, "invalid_client");
    node.close();
}
