//! The entries of local PAM providers, as an application reads them: an addition to the contract, by which what was
//! written on the Keyfactor routes is read here.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::Revealed;
use super::error::Refused;
use crate::http::caller::Caller;

/// The payload of one entry.
#[derive(Serialize, ToSchema)]
pub struct EntryPayload {
    entry: ShownEntry,
}

/// An entry with its secret.
#[derive(Serialize, ToSchema)]
pub struct ShownEntry {
    /// The number of the provider.
    provider: String,
    name: String,
    description: Option<String>,
    #[schema(value_type = String)]
    content: Revealed,
}

/// `GET …/pam/provider/{id}/entry/{name}`
pub(in crate::http) async fn read(caller: Caller, path: web::Path<(String, String)>) -> Result<HttpResponse, Refused> {
    let (provider, name) = path.into_inner();
    let read = caller.vault.read_entry(&caller.call, provider.parse().ok(), name).await;
    let (row, secret) = read.map_err(|error| caller.refused(error))?;
    let message = format!("Entry {}", row.name);
    let entry = ShownEntry {
        provider: row.provider_id.to_string(),
        name: row.name,
        description: row.description,
        content: caller.reveal(Some(secret))?,
    };
    Ok(caller.answer(StatusCode::OK, &message, EntryPayload { entry }))
}
