//! What a sealed server answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{enter, expect_open, root_key, sealed, split, split_vault, vault};
use crate::support::{Answer, Program, Serving, endpoints, facade_endpoints};

const MESSAGE: &str = "The vault is sealed";

/// Starts a server with every family.
fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    for family in ["VAULT_KV", "PAM_V2", "CCP", "ROBOCORP", "DSM"] {
        command.env(format!("CHAVEIRO__{family}__ENABLED"), "true");
    }
    Serving::start(command)
}

/// What a sealed server itself has to say.
fn is_about_the_seal(path: &str) -> bool {
    let system = ["/v1/sys/health", "/v1/sys/seal-status", "/v1/sys/unseal", "/v1/sys/init", "/v1/sys/leader"];
    ["/health/live", "/health/ready", "/metrics", "/unseal"].contains(&path) || system.contains(&path)
}

/// Asserts 503 in the form of the family that owns the path.
#[track_caller]
fn expect_sealed(answer: &Answer, method: &Method, path: &str) {
    assert_eq!(answer.status.as_u16(), 503, "{method} {path}: {}", answer.text);
    if *method == Method::HEAD {
        return;
    }
    let body = answer.json();
    let is_below = |bases: &[&str]| bases.iter().any(|base| path.starts_with(base));
    let found: &Value = if is_below(&["/KeyfactorAPI", "/Keyfactor/API"]) {
        answer.expect_error(503, MESSAGE);
        return;
    } else if is_below(&["/v1/"]) {
        assert_eq!(body, json!({ "errors": ["Vault is sealed"] }), "{path}");
        return;
    } else if is_below(&["/AIMWebService/"]) {
        assert_eq!(body["ErrorCode"], "APPAP007E", "{path}");
        assert_eq!(body["ErrorMsg"], "The vault is sealed.", "{path}");
        return;
    } else if is_below(&["/oauth2/", "/iso/oauth2/", "/api/oauth2/", "/.well-known/"]) {
        assert_eq!(body["error"], "temporarily_unavailable", "{path}");
        &body["error_description"]
    } else if is_below(&["/secrets-v1/", "/api/v2/"]) {
        assert_eq!(body["error"]["code"], "sealed", "{path}");
        &body["error"]["message"]
    } else {
        assert_eq!(body["response"]["error"], true, "{path}: {body}");
        &body["response"]["message"]
    };
    assert_eq!(found, MESSAGE, "{path}: {body}");
}

#[actix_web::test]
async fn every_route_but_those_of_the_seal_is_503_in_the_form_of_its_family() {
    let (program, credentials, shares) = split_vault().await;
    let server = serve(&program);
    let client = server.anonymous().with_token("not looked at");
    let (mut refused, mut served) = (0, 0);
    let parameter = regex::Regex::new(r"\{[^}]*\}").unwrap();
    for endpoint in endpoints().into_iter().chain(facade_endpoints()) {
        let path = parameter.replace_all(&endpoint.path, "1").into_owned();
        for method in endpoint.methods() {
            let method = Method::from_bytes(method.as_str().as_bytes()).unwrap();
            let answer = client.send(client.request(method.clone(), &path)).await;
            if is_about_the_seal(&path) {
                assert_ne!(answer.status.as_u16(), 404, "{method} {path}");
                served += 1;
            } else {
                expect_sealed(&answer, &method, &path);
                refused += 1;
            }
        }
    }
    assert!(refused > 150 && served > 10, "{refused} {served}");
    // Nor is anything else served: unknown paths, the pages, and a path in another spelling.
    for path in ["/", "/docs/", "/openapi.json", "/iso/pam/nothing", "//iso//pam//credential/i"] {
        expect_sealed(&client.get(path).await, &Method::GET, path);
    }
    expect_sealed(&client.get("/keyfactorapi/PamProviders").await, &Method::GET, "/KeyfactorAPI/PamProviders");
    for share in &shares[1..4] {
        enter(&server, share).await.expect(200);
    }
    expect_open(&server, &credentials).await;
}

#[actix_web::test]
async fn health_and_metrics_say_that_it_is_sealed_and_what_is_missing() {
    let (program, credentials, shares) = split_vault().await;
    let server = serve(&program);
    let client = server.anonymous();
    assert_eq!(client.get("/health/live").await.expect(200), json!({ "status": "ok" }));
    assert_eq!(client.get("/health/ready").await.expect(503), json!({ "status": "sealed" }));
    assert!(client.get("/metrics").await.text.contains("chaveiro_sealed 1\n"));
    assert_eq!(client.get("/unseal").await.expect(200), sealed(0));
    // As HashiCorp's and OpenBao's programs ask.
    let status = client.get("/v1/sys/seal-status").await.expect(200);
    let members = ["sealed", "t", "n", "progress", "type"].map(|name| status[name].clone());
    assert_eq!(json!(members), json!([true, 3, 5, 0, "shamir"]));
    assert_eq!(client.get("/v1/sys/health").await.expect(503)["sealed"], true);
    for (name, status) in [("health", 503), ("init", 200), ("leader", 200), ("seal-status", 200)] {
        let head = client.send(client.request(Method::HEAD, &format!("/v1/sys/{name}"))).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (status, ""), "{name}");
    }
    let entered = client.send(client.request(Method::PUT, "/v1/sys/unseal").json(&json!({ "key": shares[4] }))).await;
    assert_eq!(entered.expect(200)["progress"], 1);
    let reset = json!({ "key": "", "reset": true });
    let reset = client.send(client.request(Method::PUT, "/v1/sys/unseal").json(&reset)).await;
    assert_eq!(reset.expect(400), json!({ "errors": ["the share is not accepted"] }));
    assert_eq!(client.get("/unseal").await.expect(200), sealed(1));
    enter(&server, &shares[0]).await.expect(200);
    assert_eq!(enter(&server, &shares[3]).await.expect(200)["sealed"], false);
    expect_open(&server, &credentials).await;
    let client = server.anonymous();
    assert!(client.get("/metrics").await.text.contains("chaveiro_sealed 0\n"));
    assert_eq!(client.get("/v1/sys/seal-status").await.expect(200)["sealed"], false);
    assert_eq!(client.post("/unseal", &json!({ "share": "anything" })).await.expect(200), json!({ "sealed": false }));
}

#[actix_web::test]
async fn a_sealed_server_writes_nothing_and_stops_when_it_is_asked() {
    let (program, _, shares) = split_vault().await;
    let before = crate::support::contents(&program.database);
    let server = program.serve();
    enter(&server, &shares[0]).await.expect(200);
    enter(&server, "chv-share1").await.expect(400);
    server.anonymous().get("/iso/pam/credential/i").await.expect(503);
    let stopped = server.stop();
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(crate::support::contents(&program.database) == before, "something was written");
    for text in shares.iter().map(String::as_str).chain(["chv-share1\""]) {
        assert!(!stopped.stderr.contains(text) && !stopped.stdout.contains(text));
    }
    // Stopping forgets what was entered.
    let server = program.serve();
    assert_eq!(server.anonymous().get("/unseal").await.expect(200), sealed(0));
}

#[actix_web::test]
async fn commands_name_the_seal_and_work_beside_it_with_a_combined_key() {
    let (program, _, shares) = split_vault().await;
    for command in [&["audit", "tail"][..], &["database", "check"], &["key", "status"]] {
        let refused = program.run(command);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains("the vault is sealed") && refused.stderr.contains("chaveiro unseal"));
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("key");
    let file = file.to_str().unwrap();
    super::shares::combine(&program, &["--output", file], &shares[..3]);
    assert_eq!(
        program.json(&["key", "status", "--root-key-file", file])["root_key"]["split"],
        json!({ "shares": 5, "threshold": 3 })
    );
    assert!(!root_key(&program).exists());
    // Without the file, it is sealed as before.
    assert_eq!(program.run(&["audit", "verify"]).code, 3);
}

#[actix_web::test]
async fn a_vault_with_shares_and_a_root_key_starts_open() {
    let (program, credentials) = vault().await;
    split(&program, &[]);
    let server = program.serve();
    let client = server.client(&credentials).await;
    assert_eq!(client.password("i").await, "kept");
    assert_eq!(client.get("/unseal").await.expect(200), json!({ "sealed": false }));
}
