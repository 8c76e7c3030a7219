//! The calls about a client's own token (contract facades, section 2.5).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::DateTime;

use super::call::Call;
use super::error::{VaultKvError, response};
use super::wire::{Envelope, Metadata, POLICIES, TokenProperties, rfc3339};
use crate::crypto::SecretText;
use crate::http::server::request_id;

/// `GET /v1/auth/token/lookup-self`
pub(super) async fn lookup_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    let claims = call.vault.token_claims(&SecretText::new(call.token().into()))?;
    call.vault.acknowledge(call.permit.clone()).await?;
    let time = |seconds| DateTime::from_timestamp(seconds, 0).map(rfc3339).unwrap_or_default();
    let properties = TokenProperties {
        accessor: claims.jti.clone(),
        creation_time: claims.iat,
        creation_ttl: claims.exp - claims.iat,
        display_name: "approle",
        entity_id: "",
        expire_time: time(claims.exp),
        explicit_max_ttl: 0,
        id: claims.jti.clone(),
        issue_time: time(claims.iat),
        meta: Metadata::from(claims.as_ref()),
        num_uses: 0,
        orphan: true,
        path: "auth/approle/login".into(),
        policies: POLICIES.into(),
        renewable: false,
        ttl: (claims.exp - call.vault.now().timestamp()).max(0),
        r#type: "service",
    };
    Ok(Envelope::data(&request_id(&call.http), properties).respond(StatusCode::OK))
}

/// `POST` and `PUT /v1/auth/token/renew-self`: refused, because a token is stateless. Clients log in again.
pub(super) async fn renew_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    Err(call.refuse(VaultKvError::NotRenewable).await)
}

/// `POST` and `PUT /v1/auth/token/revoke-self`
pub(super) async fn revoke_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    let claims = call.vault.token_claims(&SecretText::new(call.token().into()))?;
    call.vault.revoke_own_token(call.permit, claims).await?;
    Ok(response(StatusCode::NO_CONTENT).finish())
}
