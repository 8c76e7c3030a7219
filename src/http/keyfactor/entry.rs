//! `…/PamProviders/Local/{providerId}/Entries` (contract, section 5).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::provider::{Entry, EntryColumn, EntryInput, EntryTest};
use crate::vault::{self, VaultError};

/// The parameter of a deletion, for the description.
pub(super) const SECRET_NAME: &[(&str, &str)] = &[("secretName", "The name of the entry; required")];

/// What is sent to create or update an entry.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct EntryForm {
    /// Unique within the provider, ignoring case.
    secret_name: String,
    /// Cleared by an update without it.
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
        Self { provider_id: row.provider_id.get(), secret_name: row.name, description: row.description }
    }
}

const PROVIDER: &str = "providerId";

const LIST: ListTable<EntryTest, EntryColumn> = ListTable {
    field: |name| match name {
        "secretname" => Some(Field::Text(EntryTest::Name)),
        "description" => Some(Field::Text(EntryTest::Description)),
        _ => None,
    },
    columns: &[("SecretName", EntryColumn::Name), ("Description", EntryColumn::Description)],
    default: EntryColumn::Name,
};

/// `GET …/Entries`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let provider = call.id(PROVIDER).await?;
    let query = call.list(&LIST).await?;
    let list = call.vault.list_entries(call.permit, provider, query).await?;
    Ok(response::list(list, EntryView::from))
}

/// `POST …/Entries`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let provider = call.id(PROVIDER).await?;
    let input = call.parse(input).await?;
    let entry = call.vault.create_entry(call.permit, provider, input).await?;
    Ok(response::ok(EntryView::from(entry)))
}

/// `PUT …/Entries`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let provider = call.id(PROVIDER).await?;
    let input = call.parse(input).await?;
    let entry = call.vault.update_entry(call.permit, provider, input).await?;
    Ok(response::ok(EntryView::from(entry)))
}

/// `DELETE …/Entries?secretName=…`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let provider = call.id(PROVIDER).await?;
    let name = call.query(|query| query.value("secretName")).await?;
    call.vault.delete_entry(call.permit, provider, name).await.map_err(|error| match error {
        // The query and the body spell this name differently.
        VaultError::Missing(vault::Field::SecretName) => {
            KeyfactorError::Request(InputError::parameter("secretName", "required").into())
        }
        error => KeyfactorError::from(error),
    })?;
    Ok(response::no_content())
}

fn input(members: &Members) -> Result<EntryInput, InputError> {
    Ok(EntryInput {
        secret_name: members.text("SecretName")?,
        description: members.text("Description")?,
        secret_value: members.secret("SecretValue")?,
    })
}
