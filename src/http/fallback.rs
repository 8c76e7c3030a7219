//! What is not served: unknown paths and wrong methods.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, Route, web};

use super::caller::{Caller, dialect};
use super::keyfactor;
use super::pam::error::Refused;
use crate::vault::{Action, VaultError};

/// 404. A call that bears a good token leaves its record here as everywhere.
pub(super) async fn unknown_route(request: HttpRequest) -> HttpResponse {
    refuse(&request, VaultError::NoSuchRoute).await
}

/// 405, with the methods that the path knows.
pub(super) fn wrong_method(allowed: String) -> Route {
    web::to(move |request: HttpRequest| {
        let allowed = allowed.clone();
        async move {
            let mut response = refuse(&request, VaultError::NoSuchMethod).await;
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(ALLOW, allowed);
            }
            response
        }
    })
}

async fn refuse(request: &HttpRequest, error: VaultError) -> HttpResponse {
    if keyfactor::serves(request.path()) {
        return keyfactor::refuse(request, error).await;
    }
    let refused = match Caller::of(request) {
        Ok(caller) => caller.refused(caller.vault.refuse(&caller.call, Action::UnknownRoute, error).await),
        Err(_) => Refused::because(error, dialect(request)),
    };
    refused.error_response()
}
