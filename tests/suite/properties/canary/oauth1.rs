//! The ways of requests signed as in OAuth 1.0.

use reqwest::Method;

use super::{Canaries, Told};
use crate::support::{Program, Serving};

/// Creates a signing key, whose secrets are canaries.
pub(super) fn create_signing_key(program: &Program, client_id: &str, canaries: &mut Canaries) -> String {
    let create = ["authorization", "create-signing-key", "--client-id", client_id, "--name", "batch"];
    let made = program.json(&create);
    for name in ["consumer_secret", "token_secret"] {
        canaries.add(name, made[name].as_str().unwrap());
    }
    made["token"].as_str().unwrap().into()
}

/// Headers that are refused, with a secret in each of their parameters, and the unsigned form.
pub(super) async fn sign_wrongly(server: &Serving, token: &str, canaries: &mut Canaries, told: &mut Told) {
    let client = server.anonymous();
    let header = format!(
        "OAuth oauth_consumer_key=\"c\", oauth_token=\"{token}\", oauth_nonce=\"n\", oauth_timestamp=\"1700000000\", \
         oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"c2ln\""
    );
    for (from, status) in
        [("\"c\"", 401), ("\"n\"", 401), ("\"1700000000\"", 400), ("\"HMAC-SHA1\"", 400), ("\"c2ln\"", 401)]
    {
        let way = format!("a secret as {from} in a signed request");
        let value = header.replace(from, &format!("\"{}\"", canaries.hatch(&way)));
        let request = client.request(Method::GET, "/iso/pam/device").header("Authorization", value);
        told.note(&way, status, &client.send(request).await);
    }
    let secret = canaries.hatch("a secret in the unsigned form");
    let query = format!("/iso/pam/device?oauth_consumer_key=k&oauth_token={secret}&oauth_signature=-");
    told.note("the unsigned form", 401, &client.get(&query).await);
}
