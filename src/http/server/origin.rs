//! The origin of a request, and its bearer token.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::{AUTHORIZATION, REFERER};
use actix_web::{HttpMessage, HttpRequest};

use super::service::Service;
use super::{certificate, request_id, source};
use crate::vault::access::Origin;

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

/// Returns the token of an `Authorization: Bearer` header. The scheme is case-insensitive (RFC 9110, section 11.1).
pub(crate) fn bearer_token(request: &HttpRequest) -> Option<&str> {
    credentials(request, "bearer").filter(|token| !token.is_empty())
}

/// Returns the credentials of a scheme in the `Authorization` header, trimmed.
pub(crate) fn credentials<'a>(request: &'a HttpRequest, scheme: &str) -> Option<&'a str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (sent, credentials) = value.trim().split_once(' ')?;
    sent.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}
