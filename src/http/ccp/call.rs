//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::error::CcpError;
use super::query::{Parameter, Parameters};
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::server::{Service, is_cross_site, origin, presented_token, record_refused_route};
use crate::text::single_line;
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit, RequestOptions};

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) parameters: Parameters,
}

impl call::Call for Call {
    type Context = Action;
    type Error = CcpError;

    async fn accept(http: HttpRequest, _payload: Payload, action: Action) -> Result<Self, CcpError> {
        let service = Service::from_request(&http).ok_or(CcpError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        if is_cross_site(&http) {
            vault.note_missing_credentials(&origin(&http, service));
            return Err(CcpError::NotAuthenticated);
        }
        let (parameters, readable) = Parameters::parse(http.query_string());
        let Some(app_id) = parameters.get(Parameter::AppId) else {
            return Err(without_app_id(&vault, &http, service, action).await);
        };
        let request = vault.authenticate_app_id(app_id, presented_token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(CcpError::from)?, action).await?;
        let mut call = Self { vault, permit, parameters };
        let options = match readable.and_then(|()| options(&http, &call.parameters)) {
            Ok(options) => options,
            Err(error) => return Err(call.refuse(error).await),
        };
        call.permit = call.vault.accept(call.permit, options).await?;
        Ok(call)
    }

    fn respond(error: &CcpError, _action: &Action) -> HttpResponse {
        error.respond()
    }
}

impl Call {
    /// Records an error that the handler found, and returns it.
    pub(super) async fn refuse(&self, error: CcpError) -> CcpError {
        let reason = if let CcpError::Vault(error) = &error { error.reason() } else { "invalid-input".into() };
        match self.vault.record_refusal(&self.permit, &reason).await {
            Ok(()) => error,
            Err(failed) => failed.into(),
        }
    }
}

fn options(http: &HttpRequest, parameters: &Parameters) -> Result<RequestOptions, CcpError> {
    let reason = single_line(parameters.get(Parameter::Reason).unwrap_or_default())
        .map_err(|_| CcpError::Parameter("Reason must be one line of at most 255 characters"))?;
    let response_encryption = response_encryption(http)
        .map_err(|_| CcpError::Parameter("the header Accept-Encryption must be vendor or jwe"))?;
    Ok(RequestOptions { response_encryption, reason: reason.into(), ..RequestOptions::default() })
}

/// Records a request without an AppID if it has a token.
async fn without_app_id(vault: &Vault, http: &HttpRequest, service: &Service, action: Action) -> CcpError {
    let Some(token) = presented_token(http) else { return CcpError::NoAppId };
    let request = match vault.authenticate(Some(token), origin(http, service)) {
        Ok(request) => request,
        Err(failure) => return failure.into(),
    };
    let recorded = match vault.authorize(request, action).await {
        Ok(permit) => vault.record_refusal(&permit, "app-id-missing").await,
        Err(error) => Err(error),
    };
    recorded.map_or_else(CcpError::Vault, |()| CcpError::NoAppId)
}

/// Records a request that no endpoint serves if it has a token.
///
/// # Errors
/// [`CcpError::NotAuthenticated`] for a token that is not valid.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), CcpError> {
    let (Some(service), Some(token)) = (Service::from_request(request), presented_token(request)) else {
        return Ok(());
    };
    let authenticated = service.vault.authenticate(Some(token), origin(request, service));
    let authenticated = authenticated.map_err(CcpError::from)?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
