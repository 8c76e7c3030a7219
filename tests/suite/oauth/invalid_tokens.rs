//! Tokens that must be refused, at every place where a bearer token is accepted (RFC 8725, RFC 9068).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{ISSUER, Signer, TestApp, TestClient, serve_all};

/// Where a bearer token is accepted, and how an invalid one is refused.
const PLACES: [(&str, u16); 9] = [
    ("/iso/pam/device", 401),
    ("/api/pam/device", 401),
    ("/api/v2/pam/credentials", 401),
    ("/KeyfactorAPI/PamProviders", 401),
    ("/v1/auth/token/lookup-self", 403),
    ("/v1/secret/data/x", 403),
    ("/secrets-v1/workspaces/default/secrets/x", 403),
    ("/iso/dapp/application", 401),
    ("/AIMWebService/api/Accounts?AppID=x&Object=y", 403),
];

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Signs with a key as an HMAC secret.
fn with_hmac(header: &Value, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{claims}", encoded(header));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Tokens made of a valid one and the public key of the vault.
fn forged(valid: &str, public_key: &str) -> Vec<(String, String)> {
    let [header, claims, signature] = valid.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let public = URL_SAFE_NO_PAD.decode(public_key).unwrap();
    let mut tokens = Vec::new();
    let mut add = |name: &str, token: String| tokens.push((name.to_string(), token));
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("NONE")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("Ed25519")),
        ("typ", json!("JWT")),
        ("typ", json!("dpop+jwt")),
        ("kid", json!("../../../root.key")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/certificate")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": public_key })),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut changed = decoded(header);
        changed[name] = value.clone();
        add(&format!("{name} {value}"), format!("{}.{claims}.{signature}", encoded(&changed)));
        add(&format!("{name} {value}, unsigned"), format!("{}.{claims}.", encoded(&changed)));
    }
    let hmac = json!({ "typ": "at+jwt", "alg": "HS256", "kid": decoded(header)["kid"] });
    add("the public key as an HMAC secret", with_hmac(&hmac, claims, &public));
    add("its text as an HMAC secret", with_hmac(&hmac, claims, public_key.as_bytes()));
    add("an empty HMAC secret", with_hmac(&hmac, claims, b""));
    for (name, value) in [
        ("client_id", json!("another")),
        ("sub", json!("another")),
        ("exp", json!(i64::MAX)),
        ("iss", json!("http://another")),
        ("aud", json!("another")),
        ("jti", json!("another")),
        ("scopes", json!(["everything"])),
    ] {
        let mut changed = decoded(claims);
        changed[name] = value;
        add(&format!("{name} changed"), format!("{header}.{}.{signature}", encoded(&changed)));
    }
    add("no signature", format!("{header}.{claims}"));
    add("an empty signature", format!("{header}.{claims}."));
    add("two signatures", format!("{valid}.{signature}"));
    add("a signature with more", format!("{valid}AA"));
    add("a padded signature", format!("{valid}=="));
    add("a short signature", valid[..valid.len() - 4].to_string());
    add("JSON", json!({ "protected": header, "payload": claims, "signature": signature }).to_string());
    add("oversized", format!("{header}.{}.{signature}", "A".repeat(20_000)));
    add("five parts, as encrypted", format!("{valid}.{claims}.{signature}"));
    add("twice", format!("{valid} {valid}"));
    add("a comma", format!("{valid},{valid}"));
    add("dots", "..".into());
    add("text", "nonsense".into());
    add("a static token that is none", format!("chvt_{}", "0".repeat(64)));
    tokens
}

/// Tokens of the vault's own key for something else.
async fn of_another_kind(app: &TestApp) -> Vec<(String, String)> {
    let client = app.client().await;
    app.clock.advance(Duration::from_secs(3601));
    app.vault.refresh().await.unwrap();
    let expired = ("expired".into(), client.token);
    let revoked = app.client().await;
    let form = [
        ("client_id", revoked.client_id.as_str()),
        ("client_secret", revoked.client_secret.as_str()),
        ("token", revoked.token.as_str()),
    ];
    let mut anonymous = app.anonymous();
    assert_eq!(anonymous.post_form("/oauth2/revoke", &form).await.status, 200);
    anonymous.token.clear();
    let signer = Signer::new();
    let now = app.clock.now().timestamp();
    let assertion =
        signer.sign(&json!({ "iss": "c", "sub": "c", "aud": ISSUER, "jti": "j", "iat": now, "exp": now + 60 }));
    let proof = signer.proof("GET", "/iso/pam/device", None, now);
    vec![
        expired,
        ("revoked".into(), revoked.token),
        ("a client assertion".into(), assertion),
        ("a DPoP proof".into(), proof),
    ]
}

async fn status(client: &TestClient, token: &str, path: &str) -> u16 {
    let client = client.with_token("");
    let request = client.request(Method::GET, path).header("Authorization", format!("Bearer {token}"));
    client.send(request).await.status.as_u16()
}

#[actix_web::test]
async fn every_invalid_token_is_refused_wherever_a_token_is_accepted() {
    let app = TestApp::start_with(|settings| {
        serve_all(settings);
        settings.login.max_failures_per_minute = 1_000_000;
    })
    .await;
    let mut tokens = of_another_kind(&app).await;
    let stranger = TestApp::start().await;
    tokens.push(("of another vault".into(), stranger.client().await.token));
    let client = app.client().await;
    let jwks = app.anonymous().get("/.well-known/jwks.json").await.expect(200);
    tokens.extend(forged(&client.token, jwks["keys"][0]["x"].as_str().unwrap()));
    assert!(tokens.len() >= 60, "{}", tokens.len());
    for (path, refused) in PLACES {
        assert_ne!(status(&client, &client.token, path).await, 401, "{path}: the valid one");
        for (name, token) in &tokens {
            assert_eq!(status(&client, token, path).await, refused, "{path}: {name}");
        }
    }
    for (name, token) in &tokens {
        let form = [
            ("client_id", client.client_id.as_str()),
            ("client_secret", client.client_secret.as_str()),
            ("token", token.as_str()),
        ];
        let answer = client.with_token("").post_form("/oauth2/introspect", &form).await.expect(200);
        assert_eq!(answer, json!({ "active": false }), "{name}");
    }
}
