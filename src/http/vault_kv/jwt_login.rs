//! Login by the token of a workload, as the methods `jwt` and `kubernetes` send it (contract facades, section 2.2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body;
use super::call::check_not_wrapped;
use super::error::VaultKvError;
use super::login::auth;
use super::wire::{Auth, Envelope};
use crate::crypto::SecretText;
use crate::http::server::{Body, Service, origin, presented_proof, request_id};
use crate::vault::access::token_endpoint::TokenOptions;
use crate::vault::access::workload::login::WorkloadLogin;

/// The body of a login, JSON whatever its type says.
#[derive(Deserialize, ToSchema)]
pub(super) struct JwtLogin {
    /// The client id, or the name of a rule of the token's issuer. Needed only if the token is of several clients.
    role: Option<String>,
    /// The token of the workload.
    jwt: Option<String>,
}

/// `POST` and `PUT /v1/auth/jwt/login`, `/v1/auth/kubernetes/login`
pub(super) async fn login(http: HttpRequest, payload: web::Payload, service: web::Data<Service>) -> HttpResponse {
    match token(&http, payload, &service).await {
        Ok(auth) => Envelope::auth(&request_id(&http), auth).respond(StatusCode::OK),
        Err(error) => error.respond(),
    }
}

async fn token(http: &HttpRequest, payload: web::Payload, service: &Service) -> Result<Auth, VaultKvError> {
    check_not_wrapped(http)?;
    let expected = "expected a JSON object with the strings role and jwt";
    let body = Body::read_login(http, payload.into_inner()).await;
    let JwtLogin { role, jwt } = body::json(body, &["role", "jwt"], expected)?;
    let origin = origin(http, service);
    let Some(token) = jwt.map(SecretText::new).filter(|token| !token.is_empty()) else {
        service.vault.note_missing_credentials(&origin);
        return Err(VaultKvError::Input("missing jwt"));
    };
    let login = WorkloadLogin { token, role: role.filter(|role| !role.is_empty()) };
    let options = TokenOptions { proof: presented_proof(http), ..TokenOptions::default() };
    let issued = service.vault.issue_token_to_workload(&login, origin, options).await?;
    auth(service, &issued)
}
