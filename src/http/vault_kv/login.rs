//! `AppRole` login: the role id is a client id, the secret id a client secret (contract facades, section 2.2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body;
use super::call::check_not_wrapped;
use super::error::VaultKvError;
use super::wire::{Auth, Envelope, Metadata, POLICIES};
use crate::crypto::SecretText;
use crate::http::server::{Body, Service, origin, presented_proof, request_id};
use crate::vault::access::client_authentication::ClientCredentials;
use crate::vault::access::token_endpoint::{IssuedToken, TokenOptions};

/// The body of a login, JSON whatever its type says.
#[derive(Deserialize, ToSchema)]
pub(super) struct Login {
    /// The client id.
    role_id: Option<String>,
    /// The client secret.
    #[schema(value_type = Option<String>)]
    secret_id: Option<SecretText>,
}

/// `POST` and `PUT /v1/auth/approle/login`
pub(super) async fn login(http: HttpRequest, payload: web::Payload, service: web::Data<Service>) -> HttpResponse {
    match token(&http, payload, &service).await {
        Ok(auth) => Envelope::auth(&request_id(&http), auth).respond(StatusCode::OK),
        Err(error) => error.respond(),
    }
}

async fn token(http: &HttpRequest, payload: web::Payload, service: &Service) -> Result<Auth, VaultKvError> {
    check_not_wrapped(http)?;
    let origin = origin(http, service);
    let note_missing = || service.vault.note_missing_credentials(&origin);
    let expected = "expected a JSON object with the strings role_id and secret_id";
    let body = Body::read_login(http, payload.into_inner()).await;
    let Login { role_id, secret_id } = body::json(body, &["role_id", "secret_id"], expected)?;
    let secret = secret_id.filter(|secret| !secret.is_empty());
    let Some(client_id) = role_id.filter(|id| !id.is_empty()) else {
        note_missing();
        return Err(VaultKvError::Input("missing role_id"));
    };
    let Some(client_secret) = secret else {
        note_missing();
        return Err(VaultKvError::InvalidLogin);
    };
    let credentials = ClientCredentials { client_id, client_secret };
    let options = TokenOptions { proof: presented_proof(http), ..TokenOptions::default() };
    auth(service, &service.vault.issue_token(&credentials.into(), origin, options).await?)
}

/// Describes a new token.
pub(super) fn auth(service: &Service, issued: &IssuedToken) -> Result<Auth, VaultKvError> {
    let token = service.vault.access_token(&issued.token)?;
    Ok(Auth {
        client_token: issued.token.clone(),
        accessor: token.id().into(),
        policies: POLICIES.into(),
        token_policies: POLICIES.into(),
        metadata: Metadata::from(&token),
        lease_duration: issued.expires_in,
        renewable: false,
        entity_id: "",
        token_type: "service",
        orphan: true,
        mfa_requirement: None,
        num_uses: 0,
    })
}
