//! The calls about a client's own token (contract facades, section 2.5).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};

use super::call::Call;
use super::error::VaultKvError;
use super::wire::{Envelope, Metadata, POLICIES, TokenProperties, rfc3339};
use crate::crypto::SecretText;
use crate::http::response::uncached;
use crate::http::server::request_id;
use crate::vault::access::AccessToken;

/// `GET /v1/auth/token/lookup-self`
pub(super) async fn lookup_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    let token = call.vault.access_token(&SecretText::new(call.token().into()))?;
    call.vault.acknowledge(call.permit.clone()).await?;
    let issued_at = token.issued_at();
    let seconds_from = |start: DateTime<Utc>| token.expires_at().map_or(0, |end| (end - start).num_seconds().max(0));
    let (display_name, path) = match token {
        AccessToken::Signed(_) => ("approle", "auth/approle/login"),
        AccessToken::Static(_) => ("token", "auth/token/create"),
    };
    let properties = TokenProperties {
        accessor: token.id().into(),
        creation_time: issued_at.timestamp(),
        creation_ttl: seconds_from(issued_at),
        display_name,
        entity_id: "",
        expire_time: token.expires_at().map(rfc3339),
        explicit_max_ttl: 0,
        id: token.id().into(),
        issue_time: rfc3339(issued_at),
        meta: Metadata::from(&token),
        num_uses: 0,
        orphan: true,
        path,
        policies: POLICIES.into(),
        renewable: false,
        ttl: seconds_from(call.vault.now()),
        r#type: "service",
    };
    Ok(Envelope::data(&request_id(&call.http), properties).respond(StatusCode::OK))
}

/// `POST` and `PUT /v1/auth/token/renew-self`: refused. Clients log in again.
pub(super) async fn renew_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    Err(call.refuse(VaultKvError::NotRenewable).await)
}

/// `POST` and `PUT /v1/auth/token/revoke-self`
pub(super) async fn revoke_self(call: Call) -> Result<HttpResponse, VaultKvError> {
    let token = call.vault.access_token(&SecretText::new(call.token().into()))?;
    call.vault.revoke_own_token(call.permit, token).await?;
    Ok(uncached(StatusCode::NO_CONTENT).finish())
}
