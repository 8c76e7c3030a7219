//! The origin of a request, and its access token.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::{AUTHORIZATION, HeaderName, REFERER};
use actix_web::{HttpMessage, HttpRequest};

use super::base_uri::original_path;
use super::service::Service;
use super::{certificate, request_id, source};
use crate::vault::access::Origin;
use crate::vault::access::sender_constraint::{PresentedProof, PresentedToken};

/// The header of proofs.
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The name of the family that answers a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct FamilyName(pub(super) &'static str);

/// Returns the origin of a request: source address, request id, family, referer, client certificate.
pub(crate) fn origin(request: &HttpRequest, service: &Service) -> Origin {
    // A request without a source was refused before it was routed.
    let source = source::source_address(request, service).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let referer = request.headers().get(REFERER).and_then(|value| value.to_str().ok());
    Origin {
        source,
        request_id: request_id::request_id(request),
        family: request.extensions().get::<FamilyName>().map_or("", |family| family.0),
        referer: referer.map(String::from),
        certificate: certificate::client_certificate(request, service),
    }
}

/// Returns the access token of an `Authorization` header: `Bearer` (RFC 6750), or `DPoP` with a proof (RFC 9449, section 7.1).
pub(crate) fn presented_token(request: &HttpRequest) -> Option<PresentedToken<'_>> {
    let (scheme, token) = authorization(request)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(PresentedToken::bearer(token));
    }
    scheme.eq_ignore_ascii_case("dpop").then(|| PresentedToken { token, proof: Some(proof(request)) })
}

/// Returns the DPoP proof of a request to the token endpoint, if it has the header.
pub(crate) fn presented_proof(request: &HttpRequest) -> Option<PresentedProof<'_>> {
    request.headers().contains_key(DPOP).then(|| proof(request))
}

/// Returns the proof of a request: an empty one if the header is missing, repeated or no text.
fn proof(request: &HttpRequest) -> PresentedProof<'_> {
    let mut values = request.headers().get_all(DPOP);
    let value = match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().unwrap_or_default(),
        _ => "",
    };
    PresentedProof { proof: value, method: request.method().as_str(), path: original_path(request) }
}

/// Returns the credentials of a scheme in the `Authorization` header, trimmed.
pub(crate) fn credentials<'a>(request: &'a HttpRequest, scheme: &str) -> Option<&'a str> {
    let (sent, credentials) = authorization(request)?;
    sent.eq_ignore_ascii_case(scheme).then_some(credentials)
}

/// Returns the scheme of the `Authorization` header and its credentials, trimmed.
fn authorization(request: &HttpRequest) -> Option<(&str, &str)> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.trim().split_once(' ')?;
    Some((scheme, credentials.trim()))
}
