//! Clients that authenticate with their own key (`private_key_jwt`, RFC 7523).

use chaveiro::vault::access::client_authentication::TOKEN_PATHS;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use super::{GRANT, expect_error, expect_token, post};
use crate::support::{ISSUER, Signer, TestApp, TestClient};

const TYPE: (&str, &str) = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
const PATH: &str = "/oauth2/token";

/// A client without a secret, and with the key of a signer.
async fn client_with_key(app: &TestApp) -> (TestClient, Signer) {
    let client = app.unauthenticated_client(|request| request.has_secret = false).await;
    let signer = Signer::new();
    add_key(app, &client, &signer).await;
    (client, signer)
}

async fn add_key(app: &TestApp, client: &TestClient, signer: &Signer) -> String {
    let permit = app.operator(Action::AUTHORIZATION_ADD_KEY).await;
    app.vault.add_client_key(permit, &client.client_id, "test", &signer.key()).await.unwrap()
}

/// The claims of an assertion, with changes.
fn claims(app: &TestApp, client: &TestClient, changes: &Value) -> Value {
    let now = app.clock.now().timestamp();
    let mut claims = json!({
        "iss": client.client_id, "sub": client.client_id, "aud": format!("{ISSUER}{PATH}"), "iat": now, "exp": now + 60,
        "jti": hex::encode(chaveiro::crypto::random_bytes::<8>())
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[actix_web::test]
async fn a_client_without_a_secret_gets_a_token_by_its_own_key() {
    let app = TestApp::start().await;
    let (mut client, signer) = client_with_key(&app).await;
    let audiences = TOKEN_PATHS.map(|path| format!("{ISSUER}{path}"));
    for audience in audiences.iter().map(String::as_str).chain([ISSUER]) {
        let assertion = signer.sign(&claims(&app, &client, &json!({ "aud": audience })));
        client.token = expect_token(&post(&client, PATH, &[GRANT, TYPE, ("client_assertion", &assertion)]).await, 3600);
    }
    let assertion = signer.sign(&claims(&app, &client, &json!({})));
    let named = [GRANT, TYPE, ("client_assertion", &assertion), ("client_id", &client.client_id)];
    expect_token(&post(&client, PATH, &named).await, 3600);
    client.get("/iso/pam/credential").await.expect(200);

    let assertion = signer.sign(&claims(&app, &client, &json!({})));
    let form = [TYPE, ("client_assertion", assertion.as_str()), ("token", &client.token)];
    let shown = post(&client, "/oauth2/introspect", &form).await.expect(200);
    assert_eq!((&shown["active"], &shown["client_id"]), (&json!(true), &json!(client.client_id)));
}

#[actix_web::test]
async fn an_assertion_is_used_once_on_all_nodes() {
    let app = TestApp::start().await;
    let (client, signer) = client_with_key(&app).await;
    let assertion = signer.sign(&claims(&app, &client, &json!({ "jti": "the one" })));
    let form = [GRANT, TYPE, ("client_assertion", assertion.as_str())];
    expect_token(&post(&client, PATH, &form).await, 3600);
    expect_error(&post(&client, PATH, &form).await, 401, "invalid_client");
    // Another assertion with the same id, by which a thief would make use of an id that was seen.
    let again =
        signer.sign(&claims(&app, &client, &json!({ "jti": "the one", "exp": app.clock.now().timestamp() + 61 })));
    expect_error(&post(&client, PATH, &[GRANT, TYPE, ("client_assertion", &again)]).await, 401, "invalid_client");
    let kept = app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM single_use");
    assert_eq!(kept, [1], "in the database, which all nodes share");
    // Another client may choose the same id.
    let (other, signer) = client_with_key(&app).await;
    let assertion = signer.sign(&claims(&app, &other, &json!({ "jti": "the one" })));
    expect_token(&post(&other, PATH, &[GRANT, TYPE, ("client_assertion", &assertion)]).await, 3600);
}

#[actix_web::test]
async fn whatever_is_wrong_with_an_assertion_the_answer_is_one() {
    let app = TestApp::start().await;
    let (client, signer) = client_with_key(&app).await;
    let (other, thief) = client_with_key(&app).await;
    let now = app.clock.now().timestamp();
    let sign = |changes: Value| signer.sign(&claims(&app, &client, &changes));
    let wrong = [
        thief.sign(&claims(&app, &client, &json!({}))),
        sign(json!({ "aud": "https://other.example/oauth2/token" })),
        sign(json!({ "exp": now - 60 })),
        sign(json!({ "exp": now + 3600 })),
        sign(json!({ "iss": other.client_id })),
        sign(json!({ "jti": null })),
        sign(json!({ "sub": "nobody", "iss": "nobody" })),
        "nonsense".into(),
    ];
    for assertion in wrong {
        let answer = post(&client, PATH, &[GRANT, TYPE, ("client_assertion", &assertion)]).await;
        expect_error(&answer, 401, "invalid_client");
        assert!(!answer.text.contains(&assertion));
    }
    let of_another = sign(json!({}));
    let form = [GRANT, TYPE, ("client_assertion", of_another.as_str()), ("client_id", &other.client_id)];
    expect_error(&post(&client, PATH, &form).await, 401, "invalid_client");

    let fine = sign(json!({}));
    expect_error(&post(&client, PATH, &[GRANT, ("client_assertion", &fine)]).await, 400, "invalid_request");
    let saml = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    expect_error(&post(&client, PATH, &[GRANT, saml, ("client_assertion", &fine)]).await, 400, "invalid_request");
    let both = [GRANT, TYPE, ("client_assertion", fine.as_str()), ("client_id", "x"), ("client_secret", "y")];
    expect_error(&post(&client, PATH, &both).await, 400, "invalid_request");
}

#[actix_web::test]
async fn a_removed_key_and_a_disabled_client_get_no_token() {
    let app = TestApp::start().await;
    let (client, signer) = client_with_key(&app).await;
    let second = Signer::new();
    let thumbprint = add_key(&app, &client, &second).await;
    let assertion = |signer: &Signer| signer.sign(&claims(&app, &client, &json!({})));
    let ask = async |assertion: String| post(&client, PATH, &[GRANT, TYPE, ("client_assertion", &assertion)]).await;
    expect_token(&ask(assertion(&second)).await, 3600);
    let permit = app.operator(Action::AUTHORIZATION_REMOVE_KEY).await;
    app.vault.remove_client_key(permit, &client.client_id, &thumbprint).await.unwrap();
    expect_error(&ask(assertion(&second)).await, 401, "invalid_client");
    expect_token(&ask(assertion(&signer)).await, 3600);
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    expect_error(&ask(assertion(&signer)).await, 401, "invalid_client");
}
