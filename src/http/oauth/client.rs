//! Client credentials: HTTP Basic or in the body (RFC 6749, section 2.3.1).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::{Flaw, OAuthRefused};
use crate::crypto::SecretText;
use crate::http::body;
use crate::vault::Parameters;
use crate::vault::authentication::ClientCredentials;

/// Whether credentials, or a token, came in the query.
pub(super) fn in_query(request: &HttpRequest) -> bool {
    let query = body::query(request);
    ["client_secret", "client_assertion", "token"].into_iter().any(|name| query.has(name))
}

/// The credentials of a request, and whether they came by Basic.
pub(super) fn credentials(
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<(ClientCredentials, bool), OAuthRefused> {
    let refused = |basic: bool| move |flaw: Flaw| OAuthRefused::flaw(flaw, basic);
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let basic = header.and_then(|value| value.trim().split_once(' '));
    let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")).map(|(_, encoded)| encoded.trim());
    let in_body = parameters.has("client_secret");
    match basic {
        Some(_) if in_body => Err(refused(true)(Flaw::TwoMethods)),
        Some(encoded) => {
            decode(encoded).map(|credentials| (credentials, true)).ok_or(Flaw::Client).map_err(refused(true))
        }
        None => {
            let client_id = parameters.text("client_id").ok().flatten();
            let client_secret = parameters.secret("client_secret").ok().flatten();
            match (client_id, client_secret) {
                (Some(client_id), Some(client_secret)) => Ok((ClientCredentials { client_id, client_secret }, false)),
                _ => Err(refused(false)(Flaw::Client)),
            }
        }
    }
}

/// `base64(id:secret)`, both form-encoded before.
fn decode(encoded: &str) -> Option<ClientCredentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, client_secret) = decoded.split_once(':')?;
    let plain = |part: &str| {
        let pair = format!("p={}", part.replace('&', "%26"));
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
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
        assert_eq!(decoded("no colon"), None);
        assert!(decode("!").is_none());
    }
}
