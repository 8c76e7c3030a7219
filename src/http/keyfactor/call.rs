//! A permitted request to these routes.

use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::authentication::authenticate;
use super::body::Members;
use super::error::KeyfactorError;
use super::headers;
use super::pagination::{ListParameters, ListTable};
use super::query::Query;
use super::request_error::RequestError;
use super::version::{ApiVersion, Versions};
use crate::http::call;
use crate::http::input_error::InputError;
use crate::http::server::Body;
use crate::text::canonical_number;
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit};
use crate::vault::pagination::{OffsetPage, OffsetQuery};

/// The context of a route, set at registration.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteContext {
    pub(super) versions: Versions,
    pub(super) action: Action,
    /// Whether the header `x-keyfactor-requested-with` is required.
    pub(super) require_requested_with: bool,
    /// Whether the body is a list of objects instead of one.
    pub(super) has_list: bool,
}

/// A permitted request. Its methods record the errors that they return, so a handler passes them on unchanged.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) version: ApiVersion,
    http: HttpRequest,
    body: Members,
}

impl call::Call for Call {
    type Context = RouteContext;
    type Error = KeyfactorError;

    async fn accept(http: HttpRequest, payload: Payload, context: RouteContext) -> Result<Self, KeyfactorError> {
        let (vault, request) = authenticate(&http).await?;
        let permit = vault.authorize(request, context.action).await?;
        match read(&http, payload, context).await {
            Ok((version, body)) => Ok(Self { vault, permit, version, http, body }),
            Err(error) => Err(refuse(&vault, &permit, error).await),
        }
    }

    fn respond(error: &KeyfactorError, _context: &RouteContext) -> HttpResponse {
        error.error_response()
    }
}

impl Call {
    /// Parses the body.
    ///
    /// # Errors
    /// The error of `parse`, or [`InputError::Repeated`], recorded.
    pub(super) async fn parse<T>(
        &self,
        parse: impl FnOnce(&Members) -> Result<T, InputError>,
    ) -> Result<T, KeyfactorError> {
        self.accept(parse(&self.body).and_then(|value| self.body.require_valid().map(|()| value))).await
    }

    /// Parses the query, all of which must be UTF-8, and nothing repeated.
    ///
    /// # Errors
    /// The error of `parse`, [`InputError::NotUtf8`] or [`InputError::Repeated`], recorded.
    pub(super) async fn query<T>(
        &self,
        parse: impl FnOnce(Query<'_>) -> Result<T, InputError>,
    ) -> Result<T, KeyfactorError> {
        let query = Query::new(self.http.query_string());
        self.accept(parse(query).and_then(|value| query.require_valid().map(|()| value))).await
    }

    /// Parses condition, page and order of a list.
    ///
    /// # Errors
    /// The error of [`ListParameters::offset_query`], recorded.
    pub(super) async fn list<T, C: Copy>(&self, table: &ListTable<T, C>) -> Result<OffsetQuery<T, C>, KeyfactorError> {
        let parameters = self.query(ListParameters::from_query).await?;
        self.accept(parameters.offset_query(table)).await
    }

    /// Parses page and order of a list without conditions.
    ///
    /// # Errors
    /// The error of [`ListParameters::page`], recorded.
    pub(super) async fn page<C: Copy>(
        &self,
        default: C,
        columns: &[(&str, C)],
    ) -> Result<OffsetPage<C>, KeyfactorError> {
        let parameters = self.query(ListParameters::from_query).await?;
        self.accept(parameters.page(default, columns)).await
    }

    /// Parses a segment of the path.
    ///
    /// # Errors
    /// [`InputError::Parameter`], recorded.
    pub(super) async fn segment<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<T, KeyfactorError> {
        let parsed = self.http.match_info().query(name).parse();
        self.accept(parsed.map_err(|_| InputError::parameter(name, expected))).await
    }

    /// Parses a segment of the path that is a numeric id, without leading zeros.
    ///
    /// # Errors
    /// [`InputError::Parameter`], recorded.
    pub(super) async fn id<Id: From<i32>>(&self, name: &'static str) -> Result<Id, KeyfactorError> {
        let id = canonical_number(self.http.match_info().query(name)).filter(|id| *id > 0);
        let id = id.ok_or_else(|| InputError::parameter(name, "expected a whole number of 1 or more"));
        self.accept(id).await.map(Id::from)
    }

    async fn accept<T>(&self, parsed: Result<T, impl Into<RequestError>>) -> Result<T, KeyfactorError> {
        match parsed {
            Ok(value) => Ok(value),
            Err(error) => Err(refuse(&self.vault, &self.permit, error.into()).await),
        }
    }
}

/// Checks the headers of a permitted request and reads its body.
async fn read(
    http: &HttpRequest,
    payload: Payload,
    context: RouteContext,
) -> Result<(ApiVersion, Members), RequestError> {
    headers::require_same_site(http)?;
    if context.require_requested_with {
        headers::require_requested_with(http)?;
    }
    let version = context.versions.requested(http)?;
    // Bodies of other methods are ignored, because some clients send them.
    if ![Method::POST, Method::PUT].contains(http.method()) {
        return Ok((version, Members::default()));
    }
    headers::require_json(http)?;
    let body = Body::read(http, payload).await.map_err(InputError::from)?;
    let text = body.text().map_err(InputError::from)?;
    let members = if context.has_list { Members::parse_list(text) } else { Members::parse(text) };
    Ok((version, members?))
}

/// Writes the audit record of a protocol error, and returns the error.
async fn refuse(vault: &Vault, permit: &Permit, error: RequestError) -> KeyfactorError {
    match vault.record_refusal(permit, error.reason()).await {
        Ok(()) => KeyfactorError::Request(error),
        Err(failed) => failed.into(),
    }
}
