//! The ways of tokens of workloads.

use chaveiro::clock::Clock;
use reqwest::Method;
use serde_json::json;

use super::{Canaries, Told};
use crate::support::{AUDIENCE, Credentials, IssuerKey, Program, Serving, key_set, noticed};

const ISSUER: &str = "https://issuer.example";
const PATH: &str = "/oauth2/token";
const JWT_BEARER: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
const TOKEN_EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");

/// Logins that work and that do not, with canaries in the tokens and beside them.
pub(super) async fn log_in_as_workload(
    program: &Program,
    server: &Serving,
    credentials: &Credentials,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    let key = IssuerKey::new("key");
    let file = program.database.dir.path().join("workload-jwks.json");
    std::fs::write(&file, key_set(&[&key])).unwrap();
    let create = ["issuer", "create", "--name", "issuer", "--issuer", ISSUER, "--audience", AUDIENCE];
    program.done(&[&create[..], &["--reusable-tokens", "--jwks-file", file.to_str().unwrap()]].concat());
    let rule = ["issuer", "add-rule", "--issuer", "issuer", "--name", "rule", "--client-id", &credentials.id];
    program.done(&[&rule[..], &["--claim", "sub=workload"]].concat());

    let client = server.anonymous();
    let expires = Clock::system().now().timestamp() + 600;
    let mut sign = |way: &str, subject: &str| {
        let inner = canaries.hatch(&format!("a claim of {way}"));
        let token = key.sign(&json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": expires, "x": inner }));
        canaries.add(way, &token);
        token
    };
    let (good, wrong) = (sign("the token of a workload", "workload"), sign("a token of nobody", "nobody"));
    let works = async || client.post_form(PATH, &[JWT_BEARER, ("assertion", &good)]).await.status == 200;
    noticed("a new rule", works).await;
    told.note("a wrong assertion", 400, &client.post_form(PATH, &[JWT_BEARER, ("assertion", &wrong)]).await);
    let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
    let exchange = [TOKEN_EXCHANGE, kind, ("subject_token", &wrong)];
    told.note("a wrong subject token", 400, &client.post_form(PATH, &exchange).await);
    let astray = client.request(Method::POST, PATH).query(&[("assertion", canaries.hatch("an assertion in the URL"))]);
    told.note("an assertion in the URL", 400, &client.send(astray.form(&[JWT_BEARER])).await);
    let malformed = canaries.hatch("a malformed assertion");
    told.note("a malformed assertion", 400, &client.post_form(PATH, &[JWT_BEARER, ("assertion", &malformed)]).await);
    let role = canaries.hatch("a secret in place of a client id");
    let form = [JWT_BEARER, ("assertion", good.as_str()), ("client_id", role.as_str())];
    told.note("a secret as a client id", 400, &client.post_form(PATH, &form).await);

    let login = "/v1/auth/jwt/login";
    client.post(login, &json!({ "role": "rule", "jwt": good })).await.expect(200);
    told.note("a wrong jwt", 400, &client.post(login, &json!({ "role": "rule", "jwt": wrong })).await);
    let role = canaries.hatch("a secret as a role");
    told.note("a secret as a role", 400, &client.post(login, &json!({ "role": role, "jwt": good })).await);
    let malformed = format!("{{\"jwt\":\"{}\"", canaries.hatch("a malformed login by a workload"));
    told.note("a malformed jwt login", 400, &client.send(client.request(Method::POST, login).body(malformed)).await);
}
