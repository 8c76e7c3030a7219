//! Client credentials: HTTP Basic or in the body (RFC 6749, section 2.3.1).

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::ErrorKind;
use super::form::Form;
use crate::crypto::SecretText;
use crate::http::server;
use crate::vault::access::authentication::ClientCredentials;

/// Whether the query contains credentials or a token. Empty parameters count as absent, as in the body.
pub(super) fn in_query(request: &HttpRequest) -> bool {
    let mut sent = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(_, value)| !value.is_empty());
    sent.any(|(name, _)| ["client_secret", "client_assertion", "token"].contains(&name.as_ref()))
}

/// Returns the credentials of a request.
///
/// # Errors
/// [`ErrorKind::TwoMethods`], [`ErrorKind::InvalidClient`]
pub(super) fn from_request(request: &HttpRequest, form: &Form) -> Result<ClientCredentials, ErrorKind> {
    match (server::credentials(request, "basic"), form.get("client_id"), form.secret("client_secret")) {
        (Some(_), _, Some(_)) => Err(ErrorKind::TwoMethods),
        (Some(encoded), _, None) => decode(encoded).ok_or(ErrorKind::InvalidClient),
        (None, Some(client_id), Some(client_secret)) => {
            Ok(ClientCredentials { client_id: client_id.into(), client_secret })
        }
        (None, _, _) => Err(ErrorKind::InvalidClient),
    }
}

/// Decodes `base64(id:secret)`, where id and secret are form-encoded.
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
