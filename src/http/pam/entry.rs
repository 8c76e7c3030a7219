//! Entries of local PAM providers, for applications. An addition to the contract: entries are written on the Keyfactor
//! routes and read here.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::envelope::Revealed;
use super::error::PamError;
use crate::text::canonical_number;
use crate::vault::id::ProviderId;
use crate::vault::{Noun, VaultError};

/// The payload of one entry.
#[derive(Serialize, ToSchema)]
pub(super) struct EntryPayload {
    entry: EntryView,
}

/// An entry with its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct EntryView {
    /// The number of the provider.
    provider: String,
    name: String,
    description: Option<String>,
    #[schema(value_type = String)]
    content: Revealed,
}

/// `GET …/pam/provider/{id}/entry/{name}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let (provider, name) = call.path::<(String, String)>()?;
    let Some(provider) = canonical_number(&provider).map(ProviderId::new) else {
        return Err(call.refuse_with(VaultError::NotFound(Noun::Entry)).await);
    };
    let (row, secret) = call.vault.read_entry(call.permit.clone(), provider, name).await?;
    let message = format!("Entry {}", row.name);
    let entry = EntryView {
        provider: row.provider_id.to_string(),
        name: row.name,
        description: row.description,
        content: call.reveal(Some(secret))?,
    };
    Ok(call.answer(StatusCode::OK, &message, EntryPayload { entry }))
}
