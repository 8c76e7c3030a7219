//! The published keys and metadata (RFC 7517, 8414).

use serde_json::{Value, json};

use crate::support::TestApp;

#[actix_web::test]
async fn others_can_check_our_tokens_by_the_published_keys() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let jwks = app.anonymous().get("/.well-known/jwks.json").await.expect(200);
    let header = jsonwebtoken::decode_header(&client.token).unwrap();
    let jwk = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *header.kid.as_ref().unwrap()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_ed_components(jwk["x"].as_str().unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_audience(&["chaveiro"]);
    let claims = jsonwebtoken::decode::<Value>(&client.token, &key, &validation).unwrap().claims;
    assert_eq!((header.typ.as_deref(), &claims["sub"]), (Some("at+jwt"), &json!(client.client_id)));
    assert_eq!((&jwk["kty"], &jwk["crv"], &jwk["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("sig")));
    assert_eq!(jwk.get("d"), None);
}

#[actix_web::test]
async fn the_metadata_name_the_endpoints() {
    let app = TestApp::start().await;
    let body = app.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(body["issuer"], "http://127.0.0.1:8080");
    for (name, path) in [
        ("token_endpoint", "/oauth2/token"),
        ("revocation_endpoint", "/oauth2/revoke"),
        ("introspection_endpoint", "/oauth2/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(body[name], format!("http://127.0.0.1:8080{path}"));
        assert_ne!(app.anonymous().get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        body["grant_types_supported"],
        json!([
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ])
    );
}
