//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::error::{ApiError, Failure};
use super::query::Query;
use crate::http::family::Unserved;
use crate::http::server::{Service, origin, presented_token, record_refused_route, request_id};
use crate::http::{call, preconditions, rate_limit};
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::operation::{Action, Permit, Request, RequestOptions};
use crate::vault::{Vault, VaultError};

/// What the endpoint table says about a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteContext {
    pub(super) action: Action,
    pub(super) requests_per_minute: u32,
}

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    http: HttpRequest,
}

impl call::Call for Call {
    type Context = RouteContext;
    type Error = Failure;

    async fn accept(http: HttpRequest, _payload: Payload, context: RouteContext) -> Result<Self, Failure> {
        let request_id = request_id(&http);
        Self::permitted(http, context).await.map_err(|error| Failure { error, request_id })
    }

    fn respond(failure: &Failure, _context: &RouteContext) -> HttpResponse {
        failure.error.respond(&failure.request_id)
    }
}

impl Call {
    async fn permitted(http: HttpRequest, context: RouteContext) -> Result<Self, ApiError> {
        let service = Service::from_request(&http).ok_or(ApiError::Unserved(Unserved::UnknownPath))?;
        let request = authenticate(&http, service, context.requests_per_minute)?.map_err(ApiError::from)?;
        let vault = service.vault.clone();
        let permit = vault.authorize(request, context.action).await?;
        let mut call = Self { vault, permit, http };
        let preconditions = match preconditions::from_headers(call.http.headers()) {
            Ok(preconditions) => preconditions,
            Err(error) => return Err(call.refuse(error.into()).await),
        };
        let options = RequestOptions { preconditions, ..RequestOptions::default() };
        call.permit = call.vault.accept(call.permit, options).await?;
        Ok(call)
    }

    /// Parses the query. An error is recorded.
    pub(super) async fn parse<T>(&self, parse: impl FnOnce(&Query) -> Result<T, ApiError>) -> Result<T, Failure> {
        match Query::parse(self.http.query_string()).and_then(|query| parse(&query)) {
            Ok(parsed) => Ok(parsed),
            Err(error) => Err(self.failure(self.refuse(error).await)),
        }
    }

    /// Returns the key in the path, decoded; `None` for one that is not UTF-8 and so names nothing.
    pub(super) fn key(&self) -> Option<String> {
        call::path_key(&self.http)
    }

    /// Records an error that the handler found, and returns it.
    pub(super) async fn refuse_with(&self, error: VaultError) -> Failure {
        let error = self.vault.refuse(&self.permit, error).await;
        self.failure(error.into())
    }

    /// Returns an error that is recorded already, with the id of the request.
    pub(super) fn failure(&self, error: ApiError) -> Failure {
        Failure { error, request_id: request_id(&self.http) }
    }

    async fn refuse(&self, error: ApiError) -> ApiError {
        match self.vault.record_refusal(&self.permit, error.reason()).await {
            Ok(()) => error,
            Err(failed) => failed.into(),
        }
    }
}

/// Authenticates and counts a request. The outer error is the limit.
fn authenticate(
    http: &HttpRequest,
    service: &Service,
    limit: u32,
) -> Result<Result<Request, AuthenticationFailure>, ApiError> {
    let authenticated = service.vault.authenticate(presented_token(http), origin(http, service));
    let window = rate_limit::count(http, service, authenticated.as_ref().ok(), limit);
    if window.is_exceeded {
        let seconds = (window.resets_at - service.vault.now()).num_seconds().max(1);
        return Err(ApiError::TooManyRequests { seconds });
    }
    Ok(authenticated)
}

/// Records a request that no endpoint serves if it is authenticated.
///
/// # Errors
/// [`ApiError::TooManyRequests`]; an error of the vault when it could not be recorded.
pub(super) async fn record_unserved(http: &HttpRequest, unserved: Unserved, limit: u32) -> Result<(), ApiError> {
    let Some(service) = Service::from_request(http) else { return Ok(()) };
    match authenticate(http, service, limit)? {
        Ok(request) => Ok(record_refused_route(&service.vault, request, unserved).await?),
        Err(_) => Ok(()),
    }
}
