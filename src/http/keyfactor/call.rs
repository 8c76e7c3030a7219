//! An authenticated request to these routes, and the adapter that turns an actix route into a call of a handler.

use std::future::Future;
use std::str::FromStr;

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, ResponseError, Route, web};

use super::authentication::authenticate;
use super::body::Members;
use super::error::KeyfactorError;
use super::query::Query;
use super::version::Versions;
use crate::http::server::Body;
use crate::vault::keyfactor::{ApiVersion, KeyfactorError as RuleError};
use crate::vault::{self, Action, InvalidInput, Vault, VaultError};

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-keyfactor-requested-with");

/// What a route knows about itself before any request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteContext {
    pub(super) versions: Versions,
    /// Whether the header `x-keyfactor-requested-with` is required.
    pub(super) require_requested_with: bool,
}

/// An authenticated request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) request: vault::Call,
    pub(super) version: ApiVersion,
    http: HttpRequest,
    body: Result<Members, VaultError>,
}

/// Makes an actix route of a handler: authentication, version, body, and the rendering of its error.
pub(super) fn route<H, F>(context: RouteContext, handler: H) -> Route
where
    H: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, KeyfactorError>> + 'static,
{
    web::to(move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            let answered = match Call::from_request(request, payload, context).await {
                Ok(call) => handler(call).await,
                Err(error) => Err(error),
            };
            answered.unwrap_or_else(|error| error.error_response())
        }
    })
}

impl Call {
    async fn from_request(
        http: HttpRequest,
        payload: web::Payload,
        context: RouteContext,
    ) -> Result<Self, KeyfactorError> {
        let (vault, request) = authenticate(&http).await?;
        let version = if context.require_requested_with && !http.headers().contains_key(REQUESTED_WITH) {
            Err(RuleError::RequestedWithMissing)
        } else {
            context.versions.requested(&http)
        };
        let version = match version {
            Ok(version) => version,
            Err(error) => return Err(vault.refuse(&request, Action::UnknownRoute, error.into()).await.into()),
        };
        // Clients send bodies with other methods, too; they mean nothing.
        let body = if [Method::POST, Method::PUT].contains(http.method()) {
            let read = Body::read(&http, payload.into_inner()).await.map_err(InvalidInput::from);
            read.and_then(|body| Members::parse(body.bytes())).map_err(VaultError::from)
        } else {
            Ok(Members::default())
        };
        Ok(Self { vault, request, version, http, body })
    }

    /// Parses the body. The vault takes an error in place of the input, so that it checks permission first and records
    /// the refusal.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&Members) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.body.as_ref().map_err(Clone::clone).and_then(parse)
    }

    /// Returns the query parameters.
    pub(super) fn query(&self) -> Query<'_> {
        Query::new(self.http.query_string())
    }

    /// Parses a segment of the path.
    pub(super) fn segment<T: FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, VaultError> {
        self.http.match_info().query(name).parse().map_err(|_| InvalidInput::parameter(name, expected))
    }

    /// Parses a segment of the path that is a numeric id.
    pub(super) fn id(&self, name: &'static str) -> Result<i32, VaultError> {
        const EXPECTED: &str = "expected a whole number of 1 or more";
        let is_digits = self.http.match_info().query(name).bytes().all(|byte| byte.is_ascii_digit());
        match self.segment(name, EXPECTED) {
            Ok(number) if number > 0 && is_digits => Ok(number),
            _ => Err(InvalidInput::parameter(name, EXPECTED)),
        }
    }
}
