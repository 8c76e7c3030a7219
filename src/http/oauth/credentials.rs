//! Client authentication: a secret by HTTP Basic or in the body (RFC 6749, section 2.3.1), or an assertion (RFC 7523, section
//! 2.2).

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::ErrorKind;
use super::form::Form;
use crate::crypto::SecretText;
use crate::http::server;
use crate::http::urlencoded;
use crate::vault::access::client_authentication::{ClientAuthentication, ClientCredentials};

/// The only type of assertions: a JWT.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The parameters that must not come in the query.
const SECRETS: [&str; 6] = ["client_secret", "client_assertion", "token", "assertion", "subject_token", "actor_token"];

/// Whether the query contains credentials or a token. Empty parameters count as absent, as in the body.
pub(super) fn in_query(request: &HttpRequest) -> bool {
    let sent = urlencoded::pairs(request.query_string());
    let mut names =
        sent.filter_map(|(name, value)| name.ok().filter(|_| value.map_or(true, |value| !value.is_empty())));
    names.any(|name| SECRETS.contains(&name.as_str()))
}

/// Returns how the client of a request authenticates.
///
/// # Errors
/// [`ErrorKind::TwoMethods`], [`ErrorKind::AssertionType`], [`ErrorKind::InvalidClient`]
pub(super) fn from_request(request: &HttpRequest, form: &Form) -> Result<ClientAuthentication, ErrorKind> {
    let client_id = form.get("client_id").map(String::from);
    let basic = server::credentials(request, "basic");
    match (basic, form.secret("client_secret"), form.secret("client_assertion")) {
        (Some(encoded), None, None) => Ok(decode(encoded).ok_or(ErrorKind::InvalidClient)?.into()),
        (None, Some(client_secret), None) => {
            let client_id = client_id.ok_or(ErrorKind::InvalidClient)?;
            Ok(ClientCredentials { client_id, client_secret }.into())
        }
        (None, None, Some(assertion)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            Ok(ClientAuthentication::Assertion { client_id, assertion })
        }
        (None, None, Some(_)) => Err(ErrorKind::AssertionType),
        (None, None, None) => Err(ErrorKind::InvalidClient),
        _ => Err(ErrorKind::TwoMethods),
    }
}

/// Whether a client authenticates, in whatever way.
pub(super) fn are_sent(request: &HttpRequest, form: &Form) -> bool {
    let in_form = ["client_secret", "client_assertion"].iter().any(|name| form.get(name).is_some());
    in_form || server::credentials(request, "basic").is_some()
}

/// Decodes `base64(id:secret)`, where id and secret are form-encoded. `None` for anything that is not UTF-8.
fn decode(encoded: &str) -> Option<ClientCredentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, client_secret) = decoded.split_once(':')?;
    let plain = |part| urlencoded::decode(part).ok();
    Some(ClientCredentials { client_id: plain(client_id)?, client_secret: SecretText::new(plain(client_secret)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<(String, String)> {
        let credentials = decode(&STANDARD.encode(text))?;
        Some((credentials.client_id, credentials.client_secret.expose().into()))
    }

    #[test]
    fn basic_credentials_are_decoded() {
        assert_eq!(decoded("id:secret"), Some(("id".into(), "secret".into())));
        assert_eq!(decoded("i%3Ad:s%25e:c&r"), Some(("i:d".into(), "s%e:c&r".into())));
        assert_eq!(decoded("100%:a=b&c+d"), Some(("100%".into(), "a=b&c d".into())));
        assert_eq!(decoded("no colon"), None);
        assert_eq!(decoded("id:caf%E9"), None);
        assert!(decode(&STANDARD.encode(b"id:caf\xe9")).is_none());
        assert!(decode("!").is_none());
    }
}
