//! The token endpoint and its companions (contract, section 2.1; RFC 6749, 7009, 7662, 8414, 7517).

mod client;
mod error;
mod wire;

pub use error::OAuthRefused;
pub use wire::{Introspected, Metadata, OAuthErrorReply, TokenForm, TokenReply};

use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Service;
use super::body::Body;
use super::caller::origin;
use crate::vault::Parameters;
use crate::vault::authentication::{ClientCredentials, TokenRequest};
use error::Flaw;

/// What a client sends to one of these endpoints.
struct Form {
    parameters: Parameters,
    credentials: ClientCredentials,
    /// Whether the credentials came by HTTP Basic, which a refusal then names.
    basic: bool,
}

impl Form {
    /// Reads body and credentials. The query is no place for either: it ends up in logs (RFC 6749, section 2.3.1).
    async fn read(request: &HttpRequest, payload: Payload, service: &Service) -> Result<Self, OAuthRefused> {
        let refused = |flaw: Flaw| OAuthRefused::flaw(flaw, false);
        if client::in_query(request) {
            return Err(refused(Flaw::CredentialsInQuery));
        }
        let body = Body::read(request, payload).await.map_err(|_| refused(Flaw::Unreadable))?;
        if body.repeated {
            return Err(refused(Flaw::Repeated));
        }
        let (credentials, basic) = client::credentials(request, &body.parameters).inspect_err(|_| {
            service.vault.note_missing_credentials(origin(request, service).source);
        })?;
        Ok(Self { parameters: body.parameters, credentials, basic })
    }

    fn text(&self, parameter: &'static str) -> Result<Option<String>, OAuthRefused> {
        self.parameters.text(parameter).map_err(|_| OAuthRefused::flaw(Flaw::Unreadable, self.basic))
    }
}

/// `POST …/oauth2/token`
pub(super) async fn token(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthRefused> {
    let form = Form::read(&request, payload.into_inner(), &service).await?;
    match form.text("grant_type")?.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(OAuthRefused::flaw(Flaw::GrantType, form.basic)),
        None => return Err(OAuthRefused::flaw(Flaw::GrantTypeMissing, form.basic)),
    }
    let wanted = TokenRequest {
        tenant: form.text("tenant")?.filter(|tenant| !tenant.is_empty()),
        // What is no number is ignored, as the contract has it.
        ttl: form.text("ttl")?.and_then(|ttl| ttl.trim().parse().ok()),
        credentials: form.credentials,
        origin: origin(&request, &service),
    };
    let issued = service.vault.issue_token(wanted).await.map_err(|why| OAuthRefused::by_vault(why, form.basic))?;
    Ok(uncached(HttpResponse::Ok().json(wire::token_reply(&issued))))
}

/// `POST …/oauth2/revoke` (RFC 7009)
pub(super) async fn revoke(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthRefused> {
    let form = Form::read(&request, payload.into_inner(), &service).await?;
    let token = wanted_token(&form)?;
    let revoked = service.vault.revoke_token(&form.credentials, &origin(&request, &service), &token).await;
    revoked.map_err(|why| OAuthRefused::by_vault(why, form.basic))?;
    Ok(uncached(HttpResponse::Ok().finish()))
}

/// `POST …/oauth2/introspect` (RFC 7662)
pub(super) async fn introspect(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthRefused> {
    let form = Form::read(&request, payload.into_inner(), &service).await?;
    let token = wanted_token(&form)?;
    let found = service.vault.introspect_token(&form.credentials, &origin(&request, &service), &token).await;
    let found = found.map_err(|why| OAuthRefused::by_vault(why, form.basic))?;
    Ok(uncached(HttpResponse::Ok().json(wire::introspected(found.as_deref()))))
}

/// `GET /.well-known/jwks.json`
pub(super) async fn keys(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(service.vault.token_keys())
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414)
pub(super) async fn metadata(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(Metadata::of(&service.vault.issuer()))
}

fn wanted_token(form: &Form) -> Result<crate::crypto::SecretText, OAuthRefused> {
    let token = form.parameters.secret("token").ok().flatten();
    token.ok_or_else(|| OAuthRefused::flaw(Flaw::TokenMissing, form.basic))
}

/// Nothing of these answers is to be kept (RFC 6749, section 5.1).
fn uncached(mut response: HttpResponse) -> HttpResponse {
    for (name, value) in [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")] as [(HeaderName, &'static str); 2] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
