//! Revocation (RFC 7009).

use super::{credentials, expect_error, post};
use crate::support::{Background, TestApp, noticed, origin};

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
    noticed("a revoked token", async || node.authenticate(client.presented(), origin()).is_err()).await;
    assert!(node.authenticate(other.presented(), origin()).is_ok());

    expect_error(&post(&client, "/oauth2/revoke", &[id, secret]).await, 400, "invalid_request");
    expect_error(&post(&client, "/oauth2/revoke", &[id, ("token", "x")]).await, 401, "invalid_client");
    node.close();
}

#[actix_web::test]
async fn many_revocations_are_read_once_by_each_node_and_pruned_when_their_tokens_have_expired() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let node = app.second_node();
    app.database.run(
        "INSERT INTO revoked_token (jti, expires_at, mark)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
         SELECT 'r' || i, 9000000000000000, i FROM n;
         UPDATE change_mark SET revision = 50000 WHERE id = 2",
    );
    node.refresh().await.unwrap();
    let revision = || app.database.numbers("SELECT CAST(revision AS INTEGER) FROM change_mark ORDER BY id");
    let [clients, revocations] = revision()[..] else { panic!() };
    let [_, id, secret] = credentials(&client);
    let form = [id, secret, ("token", client.token.as_str())];
    assert_eq!(post(&client, "/oauth2/revoke", &form).await.status, 200);
    assert_eq!(revision(), [clients, revocations + 1], "no node reads its clients again");
    // A node asks for what it does not know: what was put behind its look stays unseen.
    app.database.run("UPDATE revoked_token SET jti = 'other' WHERE jti = 'r1'");
    node.refresh().await.unwrap();
    assert!(node.authenticate(client.presented(), origin()).is_err());
    app.vault.schedule_jobs().await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(3600 + 24 * 3600 + 1));
    app.vault.run_due_jobs().await.unwrap();
    let left = app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM revoked_token");
    assert_eq!(left, [50_000], "those that have not expired");
    node.close();
}
