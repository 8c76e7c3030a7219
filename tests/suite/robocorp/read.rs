//! Reading a secret: what is sent, and what a request has to have.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{PUBLIC_KEY, SCHEME, SECRETS, app, expect_error, query, read, vault};

#[actix_web::test]
async fn the_content_key_is_for_the_key_of_the_request_alone() {
    let (_app, client) = vault().await;
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public = STANDARD.encode(private.public_key().as_der().unwrap().as_ref());
    let private = OaepPrivateDecryptingKey::new(private).unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let answer = client.get(&format!("{SECRETS}/erp?{}", query(SCHEME, &public))).await;
        let body = answer.expect(200);
        assert!(!answer.text.contains("second") && !answer.text.contains("batch"), "{}", answer.text);
        assert_eq!((&body["name"], &body["description"]), (&json!("erp"), &json!("")));
        let encryption = &body["encryption"];
        assert_eq!(encryption["encryptionScheme"], SCHEME);
        let decoded = |name: &str| STANDARD.decode(encryption[name].as_str().unwrap()).unwrap();
        assert_eq!((decoded("authTag").len(), decoded("iv").len()), (16, 16));
        let mut buffer = vec![0; private.min_output_size()];
        let key = private.decrypt(&OAEP_SHA256_MGF1SHA256, &decoded("encryptedAES"), &mut buffer, None).unwrap();
        assert_eq!(key.len(), 32);
        keys.push(key.to_vec());
    }
    assert_ne!(keys[0], keys[1], "a content key is used once");
}

#[actix_web::test]
async fn a_request_names_the_scheme_and_a_sound_key_once() {
    let (app, client) = vault().await;
    let good = STANDARD.encode(PUBLIC_KEY);
    let small = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs1 = STANDARD.encode(small.public_key().as_ref());
    let spki: PublicKeyX509Der<'_> = small.public_key().as_der().unwrap();
    let cut = STANDARD.encode(&spki.as_ref()[..spki.as_ref().len() - 1]);
    let curve = STANDARD.encode(rcgen::PublicKeyData::subject_public_key_info(&rcgen::KeyPair::generate().unwrap()));
    for (query, name) in [
        (String::new(), "encryptionScheme"),
        (query("robocloud-vault-transit-v1", &good), "encryptionScheme"),
        (format!("{}&encryptionScheme={SCHEME}", query(SCHEME, &good)), "encryptionScheme"),
        (format!("encryptionScheme={SCHEME}"), "publicKey"),
        (query(SCHEME, ""), "publicKey"),
        (query(SCHEME, "nonsense"), "publicKey"),
        (query(SCHEME, &pkcs1), "publicKey"),
        (query(SCHEME, &cut), "publicKey"),
        (query(SCHEME, &curve), "publicKey"),
        (query(SCHEME, &"A".repeat(4096)), "publicKey"),
        (format!("{}&publicKey=x", query(SCHEME, &good)), "publicKey"),
        (format!("encryptionScheme={SCHEME}&publicKey=%ff"), "publicKey"),
    ] {
        let answer = client.get(&format!("{SECRETS}/erp?{query}")).await;
        expect_error(&answer, 400, "invalid_request");
        assert!(answer.text.contains(name) && !answer.text.contains("nonsense"), "{query}: {}", answer.text);
    }
    let refused = app.database.texts("SELECT outcome FROM audit_record WHERE family = 'robocorp'");
    assert_eq!(refused, ["invalid-input"; 12]);
}

#[actix_web::test]
async fn every_kind_of_item_is_a_secret() {
    let (app, client) = vault().await;
    for name in ["erp", "srv/corp/ana", "key", "note"] {
        read(&client, name).await.expect(200);
    }
    let records = app.database.texts("SELECT action FROM audit_record WHERE family = 'robocorp'");
    assert_eq!(records, ["item.read"; 4]);
}

#[actix_web::test]
async fn another_path_or_method_is_none_and_nothing_is_served_by_default() {
    let (_app, client) = vault().await;
    for path in ["/secrets-v1/workspaces/other/secrets/erp", "/secrets-v1", "/secrets-v1/workspaces/default"] {
        expect_error(&client.get(path).await, 404, "not_found");
    }
    let deleted = client.delete(&format!("{SECRETS}/erp")).await;
    expect_error(&deleted, 405, "method_not_allowed");
    assert_eq!(deleted.header("allow"), Some("GET, PUT"));
    let plain = crate::support::TestApp::start().await;
    read(&plain.client().await, "erp").await.expect_refusal(404, "Resource sub not found");
    let description = app().await.anonymous().get("/openapi.json").await.expect(200);
    assert!(description["paths"][&format!("{SECRETS}/{{name}}")]["get"].is_object(), "{}", description["paths"]);
}
