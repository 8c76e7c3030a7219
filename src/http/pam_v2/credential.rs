//! Credentials without their secrets (contract senhasegura-v2, sections 5 and 6).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::call::Call;
use super::conventions::{self, PAGING};
use super::error::{ApiError, Failure};
use super::fields::Projection;
use super::filter::{self, FILTERS};
use super::pagination;
use super::wire::CredentialDocument;
use crate::http::preconditions::WithETag;
use crate::http::response::uncached;
use crate::text::canonical_number;
use crate::vault::credential::Represented;
use crate::vault::id::CredentialId;
use crate::vault::{Noun, VaultError};

/// `GET /api/v2/pam/credentials`
pub(super) async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let parsed = call.parse(|query| {
        query.require_known(&[FILTERS, PAGING])?;
        Ok((filter::selection(query)?, pagination::paging(query)?))
    });
    let (selection, paging) = parsed.await?;
    let (offset, limit) = paging.bounds();
    let represent = move |page: &_| conventions::list(page, paging);
    let listed = call.vault.list_credential_metadata(call.permit.clone(), selection, offset, limit, represent).await;
    listed.map(respond).map_err(|error| call.failure(error.into()))
}

/// `GET /api/v2/pam/credentials/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, Failure> {
    let projection = call.parse(Projection::parse).await?;
    // Only numbers: an identifier of digits must not name another credential.
    let Some(id) = call.key().as_deref().and_then(canonical_number) else {
        return Err(call.refuse_with(VaultError::NotFound(Noun::Credential)).await);
    };
    let represent = move |metadata: &_| {
        let document = serde_json::to_value(CredentialDocument::from(metadata));
        projection.apply(document.unwrap_or_default())
    };
    let read = call.vault.read_credential_metadata(call.permit.clone(), CredentialId::new(id), represent).await;
    read.map(respond).map_err(|error| call.failure(ApiError::from(error)))
}

fn respond(found: Represented) -> HttpResponse {
    uncached(StatusCode::OK).json(found.body).with_etag(Some(&found.etag))
}
