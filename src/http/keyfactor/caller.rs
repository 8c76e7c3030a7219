//! Who calls the Keyfactor routes, and in which version.

use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::error::Refused;
use super::version;
use crate::crypto::{SecretBytes, SecretText};
use crate::http::Service;
use crate::http::caller::{bearer, origin};
use crate::vault::keyfactor::listing::Listed;
use crate::vault::keyfactor::{ApiVersion, KeyfactorError};
use crate::vault::{Action, Call, Dialect, InvalidInput, Vault, VaultError};

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-keyfactor-requested-with");
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An authenticated request to the Keyfactor routes, and the way to answer it.
pub(in crate::http) struct Caller {
    pub(super) vault: Vault,
    pub(super) call: Call,
    pub(super) version: ApiVersion,
}

impl Caller {
    /// The caller of this request, whatever else is wrong with it.
    pub(super) async fn authenticated(request: &HttpRequest) -> Result<(Vault, Call), Refused> {
        let Some(service) = request.app_data::<web::Data<Service>>() else {
            return Err(Refused::because(VaultError::NoSuchRoute));
        };
        let (vault, origin) = (service.vault.clone(), origin(request, service));
        let client = match basic(request) {
            Some((account, password)) => vault.authenticate_account(&account, password, origin.source).await,
            None => vault.authenticate(bearer(request), origin.source),
        };
        let client = client.map_err(Refused::unauthenticated)?;
        // The headers that the PAM routes act on mean nothing here.
        Ok((vault, Call::plain(client, origin, Dialect::Modern)))
    }

    async fn of(request: &HttpRequest) -> Result<Self, Refused> {
        let (vault, call) = Self::authenticated(request).await?;
        let strict = vault.settings().keyfactor.require_requested_with;
        let version = match version::of(request) {
            _ if strict && !request.headers().contains_key(REQUESTED_WITH) => Err(KeyfactorError::RequestedWithMissing),
            version => version,
        };
        match version {
            Ok(version) => Ok(Self { vault, call, version }),
            Err(error) => Err(Refused::because(vault.refuse(&call, Action::UnknownRoute, error.into()).await)),
        }
    }

    /// An answer with a body.
    pub(super) fn answer(&self, payload: impl Serialize) -> HttpResponse {
        respond(StatusCode::OK).json(payload)
    }

    /// A part of a list, and how long the whole of it is.
    pub(super) fn list<R, V: Serialize>(&self, listed: Listed<R>, view: impl Fn(R) -> V) -> HttpResponse {
        let rows: Vec<V> = listed.rows.into_iter().map(view).collect();
        respond(StatusCode::OK).insert_header((TOTAL_COUNT, listed.total)).json(rows)
    }

    /// An answer that says that it is done, and nothing more.
    pub(super) fn done(&self) -> HttpResponse {
        HttpResponse::NoContent().insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).finish()
    }
}

impl FromRequest for Caller {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

/// The account and the password of an `Authorization: Basic` header (RFC 7617). A header that cannot be read names an
/// account that nobody has.
fn basic(request: &HttpRequest) -> Option<(String, SecretText)> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| SecretBytes::new(bytes).into_text());
    let pair = decoded.as_ref().and_then(|decoded| decoded.expose().split_once(':'));
    let (account, password) = pair.unwrap_or_default();
    Some((account.into(), SecretText::new(password.into())))
}

/// No answer is to be kept by anyone on the way.
pub(super) fn respond(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).insert_header((CONTENT_TYPE, JSON));
    builder
}

/// A number or a GUID in a path. One that cannot be read is carried along, so that permission is asked for first.
pub(super) fn segment<T: FromStr>(
    text: &str,
    parameter: &'static str,
    expected: &'static str,
) -> Result<T, VaultError> {
    text.parse().map_err(|_| InvalidInput::parameter(parameter, expected))
}

/// The number of a thing in a path.
pub(super) fn number(text: &str, parameter: &'static str) -> Result<i32, VaultError> {
    let expected = "expected a whole number of 1 or more";
    match segment(text, parameter, expected) {
        Ok(number) if number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(InvalidInput::parameter(parameter, expected)),
    }
}
