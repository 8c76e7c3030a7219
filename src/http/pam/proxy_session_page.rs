//! The page behind the URL of a proxy session. A browser opens it, without a token of the service.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};

use super::dialect::Rendering;
use super::error::PamError;
use super::parameters;
use crate::crypto::SecretText;
use crate::http::server::{Service, origin};
use crate::vault::proxy_session::{URL_PARAMETER, URL_PATH};
use crate::vault::{Noun, VaultError};

/// The path of the page.
pub(super) const PATH: &str = URL_PATH;

const NO_ENGINE: &str = include_str!("pages/no_engine.html");
const NOT_VALID: &str = include_str!("pages/not_valid.html");

/// `GET /modulos/auth?_sr=…`. Every invalid URL gets the same page, whatever the reason.
pub(super) async fn open(request: HttpRequest, service: web::Data<Service>, rendering: Rendering) -> HttpResponse {
    let token = parameters::from_query(&request).and_then(|sent| sent.secret(URL_PARAMETER)).ok().flatten();
    let token = token.unwrap_or_else(|| SecretText::new(String::new()));
    match service.vault.open_proxy_session(&token, origin(&request, &service)).await {
        Ok(()) => page(StatusCode::NOT_IMPLEMENTED, NO_ENGINE),
        Err(VaultError::NotFound(Noun::ProxySessionUrl) | VaultError::NoAccess(_) | VaultError::Denied(_)) => {
            page(StatusCode::NOT_FOUND, NOT_VALID)
        }
        Err(error) => PamError::from(error).respond(rendering),
    }
}

/// Renders the page. It may not be cached, and may not load or send anything: its URL contains the token.
fn page(status: StatusCode, html: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(ContentType::html())
        .body(html)
}
