//! Clients without a secret: their public keys, added and removed while the server runs; and tokens that have to be bound.

use chaveiro::clock::Clock;
use serde_json::json;

use super::{expect_complaint, serving};
use crate::support::{ISSUER, Signer, TestClient, noticed};

const CREATE: [&str; 8] =
    ["authorization", "create", "--application", "erp", "--resource", "pam-core", "--access", "read-only"];

/// Whether a client gets a token by a key.
async fn gets_token(anonymous: &TestClient, client_id: &str, signer: &Signer) -> bool {
    let now = Clock::system().now().timestamp();
    let assertion = signer.sign(&json!({
        "iss": client_id, "sub": client_id, "aud": ISSUER, "exp": now + 60,
        "jti": hex::encode(chaveiro::crypto::random_bytes::<8>())
    }));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    anonymous.post_form("/oauth2/token", &form).await.status == 200
}

#[actix_web::test]
async fn a_client_without_a_secret_authenticates_by_the_key_that_it_was_given() {
    let (program, _server, _, maker) = serving().await;
    let created = program.json(&[&CREATE[..], &["--no-secret"]].concat());
    assert_eq!(created["client_secret"], json!(null));
    let id = created["client_id"].as_str().unwrap();
    let signer = Signer::new();
    let file = program.database.dir.path().join("client.pem");
    std::fs::write(&file, signer.pem()).unwrap();
    let add =
        ["authorization", "add-key", "--client-id", id, "--name", "host-1", "--public-key", file.to_str().unwrap()];
    let thumbprint = program.json(&add)["thumbprint"].as_str().unwrap().to_string();
    let anonymous = maker.with_token("");
    noticed("a new key", async || gets_token(&anonymous, id, &signer).await).await;

    let listed = program.json(&["authorization", "list-keys", "--client-id", id]);
    let row = json!({ "thumbprint": thumbprint, "name": "host-1", "created": listed[0]["created"] });
    assert_eq!(listed, json!([row]));
    expect_complaint(&program.run(&add), 1, "has this key already");

    let remove = ["authorization", "remove-key", "--client-id", id, "--thumbprint", &thumbprint];
    program.done(&remove);
    noticed("a removed key", async || !gets_token(&anonymous, id, &signer).await).await;
    expect_complaint(&program.run(&remove), 1, "no such client key");
}

#[actix_web::test]
async fn a_file_that_is_no_public_key_is_refused_with_the_reason() {
    let (program, _server, _, maker) = serving().await;
    let file = program.database.dir.path().join("key.pem");
    let add = |content: &str| {
        std::fs::write(&file, content).unwrap();
        let id = maker.client_id.as_str();
        let file = file.to_str().unwrap();
        program.run(&["authorization", "add-key", "--client-id", id, "--name", "x", "--public-key", file])
    };
    expect_complaint(&add("nonsense"), 1, "expected one public key");
    let private = add("-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n");
    expect_complaint(&private, 1, "holds a private or symmetric key");
    assert!(!private.stderr.contains("s3cr3t"));
    for _ in 0..4 {
        assert_eq!(add(&Signer::new().pem()).code, 0);
    }
    expect_complaint(&add(&Signer::new().pem()), 1, "too many keys");
}

#[actix_web::test]
async fn tokens_that_cannot_be_bound_are_not_made_for_a_client_whose_tokens_have_to_be() {
    let (program, _server, _, _) = serving().await;
    let create = |more: &[&str]| program.run(&[&CREATE[..], more].concat());
    let bound = ["--sender-constraint", "dpop", "--allow-ip", "127.0.0.1"];
    let id = program.json(&[&CREATE[..], &bound].concat())["client_id"].as_str().unwrap().to_string();
    let token = program.run(&["authorization", "create-token", "--client-id", &id, "--name", "x"]);
    expect_complaint(&token, 1, "sender constraint");
    expect_complaint(&create(&[&bound[..], &["--resource", "app-id"]].concat()), 1, "sender constraint");
    let unknown = create(&["--sender-constraint", "mtls"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("certificate or dpop"), "{unknown:?}");
    let listed = program.json(&["authorization", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == *id).unwrap();
    assert_eq!(row["sender_constraint"], "dpop");
}
