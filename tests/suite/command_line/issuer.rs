//! Trusted issuers and their rules.

use serde_json::{Value, json};

use super::{expect_complaint, serving};
use crate::support::{AUDIENCE, Finished, IssuerKey, Program, key_set, noticed};

const ISSUER: &str = "https://issuer.example";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn create(program: &Program, more: &[&str]) -> Finished {
    program.run(&[&["issuer", "create", "--audience", AUDIENCE][..], more].concat())
}

fn add_rule(program: &Program, issuer: &str, client_id: &str, claims: &[&str]) -> Finished {
    let command = ["issuer", "add-rule", "--issuer", issuer, "--name", "rule", "--client-id", client_id];
    let claims: Vec<&str> = claims.iter().flat_map(|claim| ["--claim", claim]).collect();
    program.run(&[&command[..], &claims].concat())
}

#[actix_web::test]
async fn a_workload_logs_in_while_its_rule_is_there() {
    let (program, server, _, client) = serving().await;
    let key = IssuerKey::new("key");
    let file = program.database.dir.path().join("jwks.json");
    std::fs::write(&file, key_set(&[&key])).unwrap();
    let jwks = ["--name", "issuer", "--issuer", ISSUER, "--jwks-file", file.to_str().unwrap(), "--reusable-tokens"];
    assert_eq!(create(&program, &jwks).stdout, "issuer issuer created; add a rule\n");
    assert_eq!(add_rule(&program, "issuer", &client.client_id, &["sub=job:*", "/app/name=a=b"]).code, 0);

    let now = chaveiro::clock::Clock::system().now().timestamp();
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "job:7", "app": { "name": "a=b" }, "exp": now + 300 });
    let token = key.sign(&claims);
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", token.as_str())];
    let anonymous = server.anonymous();
    let logs_in = async || anonymous.post_form("/oauth2/token", &form).await.status == 200;
    noticed("a new rule", logs_in).await;

    let issuers = program.json(&["issuer", "list"]);
    let expected = json!([{ "name": "issuer", "issuer": ISSUER, "audience": AUDIENCE, "keys": "file",
                            "allow_private": false, "reusable_tokens": true, "rules": 1, "active": true,
                            "created": issuers[0]["created"] }]);
    assert_eq!(issuers, expected);
    let rules = program.json(&["issuer", "list-rules", "--issuer", "issuer"]);
    let expected = json!([{ "issuer": "issuer", "name": "rule", "client_id": client.client_id,
                            "claims": ["sub=job:*", "/app/name=a=b"], "created": rules[0]["created"] }]);
    assert_eq!(rules, expected);
    assert!(program.done(&["issuer", "list-rules"]).contains("sub=job:* /app/name=a=b"));

    program.done(&["issuer", "remove-rule", "--issuer", "issuer", "--name", "rule"]);
    noticed("a removed rule", async || !logs_in().await).await;
    assert_eq!(add_rule(&program, "issuer", &client.client_id, &["sub=job:7"]).code, 0);
    noticed("a new rule", logs_in).await;
    program.done(&["issuer", "disable", "--name", "issuer"]);
    noticed("a disabled issuer", async || !logs_in().await).await;
    program.done(&["issuer", "remove", "--name", "issuer"]);
    assert_eq!((program.json(&["issuer", "list"]), program.json(&["issuer", "list-rules"])), (json!([]), json!([])));

    let records: Vec<Value> = program.json(&["audit", "tail", "-n", "1000"]).as_array().unwrap().clone();
    let actions: Vec<&str> = records.iter().filter_map(|record| record["action"].as_str()).collect();
    for action in ["create", "add-rule", "list", "list-rules", "remove-rule", "disable", "remove"] {
        assert!(actions.contains(&format!("issuer.{action}").as_str()), "{action}: {actions:?}");
    }
}

#[actix_web::test]
async fn an_issuer_that_cannot_be_is_refused_with_the_reason() {
    let (program, _server, _, client) = serving().await;
    let directory = program.database.dir.path();
    let file = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).unwrap();
        directory.join(name).display().to_string()
    };
    let key = IssuerKey::new("key");
    let mut private = key.jwk();
    private["d"] = "canary".into();
    let private = file("private.json", &json!({ "keys": [private] }).to_string());
    let (nonsense, good) = (file("nonsense.json", "canary"), file("good.json", &key_set(&[&key])));
    let own = format!("http://{}", "127.0.0.1:8080");
    for (more, part) in [
        (&["--issuer", "spiffe-without-scheme"][..], "issuer keys: the issuer is no https URL"),
        (&["--issuer", "http://issuer.example"], "issuer keys: the issuer is no https URL"),
        (&["--issuer", ISSUER, "--jwks-url", "http://issuer.example/keys"], "issuer keys: expected an https URL"),
        (&["--issuer", ISSUER, "--jwks-url", "https://127.0.0.1/keys"], "--allow-private"),
        (&["--issuer", ISSUER, "--jwks-url", "https://169.254.169.254/", "--allow-private"], "reserved"),
        (&["--issuer", ISSUER, "--jwks-file", &nonsense], "issuer keys: expected a JWK set"),
        (&["--issuer", ISSUER, "--jwks-file", &private], "issuer keys: expected public keys only"),
        (&["--issuer", ISSUER, "--jwks-file", &good, "--allow-private"], "is not fetched"),
        (&["--issuer", ISSUER, "--ca-file", &nonsense], "issuer keys: expected certificates"),
        (&["--issuer", "https://issuer.example/a b", "--jwks-file", &good], "issuer: expected 1 to 512 bytes"),
        (&["--issuer", &own, "--jwks-file", &good], "issuer: must not be this vault"),
    ] {
        let refused = create(&program, &[&["--name", "one"][..], more].concat());
        expect_complaint(&refused, 1, part);
        assert!(!refused.stderr.contains("canary"), "{refused:?}");
    }
    let missing = directory.join("missing").display().to_string();
    expect_complaint(
        &create(&program, &["--name", "one", "--issuer", ISSUER, "--jwks-file", &missing]),
        1,
        "cannot read",
    );
    assert_eq!(create(&program, &["--name", "one", "--issuer", ISSUER]).code, 0);
    expect_complaint(&create(&program, &["--name", "one", "--issuer", GITHUB]), 1, "no other trusted issuer has");
    expect_complaint(&create(&program, &["--name", "two", "--issuer", ISSUER]), 1, "together with the same audience");
    assert_eq!(create(&program, &["--name", "github", "--issuer", GITHUB]).code, 0);

    let id = &client.client_id;
    for (issuer, client_id, claims, part) in [
        ("nobody", id.as_str(), &["sub=x"][..], "there is no such trusted issuer"),
        ("one", "nobody", &["sub=x"], "there is no such authorization"),
        ("one", id, &["aud=x"], "claim: a rule needs a claim besides"),
        ("one", id, &["sub=*"], "claim: a rule needs a claim besides"),
        ("github", id, &["ref=refs/heads/main"], "claim: the issuer gives tokens to everybody"),
        ("github", id, &["sub=repo:*"], "claim: the issuer gives tokens to everybody"),
    ] {
        expect_complaint(&add_rule(&program, issuer, client_id, claims), 1, part);
    }
    for wrong in ["sub", "=x", "sub="] {
        assert_eq!(add_rule(&program, "one", id, &[wrong]).code, 2, "{wrong}");
    }
    assert_eq!(add_rule(&program, "github", id, &["repository=octo-org/app"]).code, 0);
    expect_complaint(&add_rule(&program, "github", id, &["repository=octo-org/app"]), 1, "rule of the issuer name");
    for command in ["disable", "remove"] {
        expect_complaint(&program.run(&["issuer", command, "--name", "nobody"]), 1, "there is no such trusted issuer");
    }
    let remove = ["issuer", "remove-rule", "--issuer", "one", "--name", "nobody"];
    expect_complaint(&program.run(&remove), 1, "there is no such rule of the issuer");
}
