//! The ways of the routes of KV version 2.

use reqwest::Method;
use serde_json::json;

use super::{Canaries, Told};
use crate::support::{Credentials, Serving};

const LOGIN: &str = "/v1/auth/approle/login";

/// A login and a read that work, and secrets that are guessed at, misplaced and malformed.
pub(super) async fn log_in_and_guess(
    server: &Serving,
    credentials: &Credentials,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    let mut client = server.anonymous();
    let body = json!({ "role_id": credentials.id, "secret_id": credentials.secret });
    let said = client.post(LOGIN, &body).await.expect(200);
    client.token = said["auth"]["client_token"].as_str().unwrap().into();
    canaries.add("a token of an AppRole login", &client.token);
    client.get("/v1/secret/data/by-json").await.expect(200);
    told.note("a lookup of a token", 200, &client.get("/v1/auth/token/lookup-self").await);
    told.note("a list of items", 200, &client.get("/v1/secret/metadata?list=true").await);

    let wrong = json!({ "role_id": credentials.id, "secret_id": canaries.hatch("a wrong secret id") });
    told.note("a wrong secret id", 400, &client.post(LOGIN, &wrong).await);
    let swapped = json!({ "role_id": canaries.hatch("a secret in place of a role id"), "secret_id": "x" });
    told.note("a secret as a role id", 400, &client.post(LOGIN, &swapped).await);
    let malformed = format!("{{\"role_id\":\"x\",\"secret_id\":\"{}\"", canaries.hatch("a malformed login"));
    told.note("a malformed login", 400, &client.send(client.request(Method::POST, LOGIN).body(malformed)).await);
    let query = format!("/v1/secret/data/by-json?version={}", canaries.hatch("a version that is none"));
    told.note("a wrong version", 400, &client.get(&query).await);
    let anonymous = server.anonymous();
    let token = canaries.hatch("a wrong token of Vault");
    let request = anonymous.request(Method::GET, "/v1/secret/data/by-json").header("X-Vault-Token", token);
    told.note("a wrong token of Vault", 403, &anonymous.send(request).await);
}
