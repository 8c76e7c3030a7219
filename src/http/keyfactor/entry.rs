//! `…/PamProviders/Local/{providerId}/Entries` (contract, section 5).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::response;
use crate::vault::VaultError;
use crate::vault::keyfactor::entry::{Entry, EntryInput};

/// The parameter of a deletion, for the description.
pub(super) const SECRET_NAME: &[(&str, &str)] = &[("secretName", "Which entry; required")];

/// What is sent to create or update an entry.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct EntryForm {
    /// Unique within the provider, in any case.
    secret_name: String,
    /// Cleared by an update that does not hold it.
    description: Option<String>,
    /// Never in an answer. Required for a new entry; an update without it keeps the secret.
    secret_value: Option<String>,
}

/// An entry, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EntryView {
    provider_id: i32,
    secret_name: String,
    description: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(row: Entry) -> Self {
        Self { provider_id: row.provider_id, secret_name: row.name, description: row.description }
    }
}

const PROVIDER: &str = "providerId";

/// `GET …/Entries`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let listed = call.vault.list_entries(&call.request, call.id(PROVIDER), call.query().list()).await?;
    Ok(response::list(listed, EntryView::from))
}

/// `POST …/Entries`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input);
    let entry = call.vault.create_entry(&call.request, call.id(PROVIDER), input).await?;
    Ok(response::ok(EntryView::from(entry)))
}

/// `PUT …/Entries`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input);
    let entry = call.vault.update_entry(&call.request, call.id(PROVIDER), input).await?;
    Ok(response::ok(EntryView::from(entry)))
}

/// `DELETE …/Entries?secretName=…`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let name = call.query().value("secretName");
    call.vault.delete_entry(&call.request, call.id(PROVIDER), name).await?;
    Ok(response::no_content())
}

fn input(members: &Members) -> Result<EntryInput, VaultError> {
    Ok(EntryInput {
        secret_name: members.text("SecretName")?,
        description: members.text("Description")?,
        secret_value: members.secret("SecretValue")?,
    })
}
