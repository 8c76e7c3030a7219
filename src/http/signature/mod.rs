//! Requests signed as in OAuth 1.0 with HMAC-SHA1 (RFC 5849, section 3; contract, section 2.2).

mod base_string;
mod header;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use self::base_string::SignedParameters;
use crate::http::input_error::InputError;
use crate::http::server::{Body, MediaType, Service, base_uris, credentials};
use crate::http::urlencoded;
use crate::vault::access::signature::SignedRequest;

const SCHEME: &str = "OAuth";
const METHOD: &str = "HMAC-SHA1";
const BODY_HASH: &str = "oauth_body_hash";
/// The longest nonce.
const MAX_NONCE: usize = 255;

/// The required parameters, and the message for a request without one.
const REQUIRED: [(&str, &str); 6] = [
    ("oauth_consumer_key", "oauth_consumer_key is required"),
    ("oauth_token", "oauth_token is required"),
    ("oauth_signature_method", "oauth_signature_method is required"),
    ("oauth_signature", "oauth_signature is required"),
    ("oauth_timestamp", "oauth_timestamp is required"),
    ("oauth_nonce", "oauth_nonce is required"),
];

/// Whether a request has an `Authorization: OAuth` header.
pub(crate) fn is_signed(request: &HttpRequest) -> bool {
    let value = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().trim_ascii());
    let scheme = value.and_then(|value| value.split(u8::is_ascii_whitespace).next());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME.as_bytes()))
}

/// Whether a request has the parameters of OAuth 1.0 in its URL, and no header `Authorization`.
pub(crate) fn is_in_url(request: &HttpRequest) -> bool {
    let mut names = urlencoded::pairs(request.query_string()).filter_map(|(name, _)| name.ok());
    !request.headers().contains_key(AUTHORIZATION)
        && names.any(|name| ["oauth_consumer_key", "oauth_signature"].contains(&name.as_str()))
}

/// The protocol parameters of a signed request.
pub(crate) struct Signature {
    parameters: Vec<(String, String)>,
    timestamp: i64,
    signature: Vec<u8>,
}

impl Signature {
    /// Reads the header of a signed request.
    ///
    /// # Errors
    /// [`InputError::Header`] for a malformed header, a missing or repeated parameter, or another signature method.
    pub(crate) fn from_header(request: &HttpRequest) -> Result<Self, InputError> {
        let sent = credentials(request, SCHEME).unwrap_or_default();
        let parameters = header::parse(sent)
            .ok_or(invalid("expected parameters name=\"value\", percent-encoded and separated by commas"))?;
        let find = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        for (name, message) in REQUIRED {
            if find(name).is_none_or(str::is_empty) {
                return Err(invalid(message));
            }
        }
        if find("oauth_signature_method") != Some(METHOD) {
            return Err(invalid("oauth_signature_method must be HMAC-SHA1; PLAINTEXT and RSA-SHA1 are not supported"));
        }
        if find("oauth_version").is_some_and(|version| version != "1.0") {
            return Err(invalid("oauth_version must be 1.0"));
        }
        if find("oauth_nonce").is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return Err(invalid("oauth_nonce must have at most 255 characters"));
        }
        let timestamp = find("oauth_timestamp").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let timestamp = timestamp.and_then(|text| text.parse().ok());
        let timestamp = timestamp.ok_or(invalid("oauth_timestamp must be a number of seconds since 1970"))?;
        let signature = STANDARD.decode(find("oauth_signature").unwrap_or_default());
        let signature = signature.map_err(|_| invalid("oauth_signature must be base64"))?;
        Ok(Self { parameters, timestamp, signature })
    }

    /// Whether the signature covers something of the body: the parameters of a form, or its hash.
    pub(crate) fn covers_body(&self, request: &HttpRequest) -> bool {
        MediaType::from_request(request) == MediaType::Form || self.value(BODY_HASH).is_some()
    }

    /// Returns the request to verify. `body` is needed where the signature covers it.
    ///
    /// # Errors
    /// [`InputError::Header`] for a repeated `oauth_` parameter, also in the query or in a form; the errors of the body.
    pub(crate) fn signed_request(
        self,
        request: &HttpRequest,
        service: &Service,
        body: Option<&Body>,
    ) -> Result<SignedRequest, InputError> {
        let mut parameters = SignedParameters::default();
        for (name, value) in &self.parameters {
            if name != "oauth_signature" {
                parameters.push(name, value);
            }
        }
        parameters.extend_from_form(request.query_string());
        if let Some(form) = body.map(Body::form_text).transpose()?.flatten() {
            parameters.extend_from_form(form);
        }
        self.require_unrepeated(&parameters)?;
        let method = request.method().as_str().to_ascii_uppercase();
        let base_strings = if self.has_hash_of(body) {
            base_uris(request, service).iter().map(|uri| parameters.base_string(&method, uri)).collect()
        } else {
            // A wrong hash of the body is a wrong signature.
            Vec::new()
        };
        let value = |name| self.value(name).unwrap_or_default().to_string();
        Ok(SignedRequest {
            consumer_key: value("oauth_consumer_key"),
            token: value("oauth_token"),
            nonce: value("oauth_nonce"),
            timestamp: self.timestamp,
            signature: self.signature,
            base_strings,
        })
    }

    fn value(&self, wanted: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// Requires that each protocol parameter came once, and in the header (RFC 5849, sections 3.1 and 3.2).
    fn require_unrepeated(&self, all: &SignedParameters) -> Result<(), InputError> {
        let is_protocol = |name: &[u8]| name.starts_with(b"oauth_");
        let mut names: Vec<&[u8]> = all.names().filter(|name| is_protocol(name)).collect();
        let sent = self.parameters.iter().filter(|(name, _)| is_protocol(name.as_bytes()));
        let (in_header, signatures) =
            (sent.clone().count(), sent.filter(|(name, _)| name == "oauth_signature").count());
        let everywhere = names.len();
        names.sort_unstable();
        names.dedup();
        if signatures == 1 && everywhere + signatures == in_header && names.len() == everywhere {
            return Ok(());
        }
        Err(invalid("no oauth_ parameter may be repeated, nor be sent outside of the header"))
    }

    /// Whether the hash of the body, if the client sends one, is right (draft-eaton-oauth-bodyhash).
    fn has_hash_of(&self, body: Option<&Body>) -> bool {
        let bytes = body.map_or(&[][..], Body::bytes);
        self.value(BODY_HASH).is_none_or(|hash| hash == STANDARD.encode(Sha1::digest(bytes)))
    }
}

fn invalid(expected: &'static str) -> InputError {
    InputError::header("Authorization", expected)
}

/// Parses the header of a signed request, for [`crate::fuzz`].
pub(super) fn fuzz_header(text: &str) {
    let _ = header::parse(text);
}

#[cfg(test)]
mod tests;
