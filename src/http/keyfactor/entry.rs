//! `…/PamProviders/Local/{providerId}/Entries` (contract, section 5).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Members, Sent};
use super::caller::{Caller, number};
use super::error::Refused;
use super::query;
use crate::vault::VaultError;
use crate::vault::keyfactor::entry::{Entry, EntryInput};

/// The parameter of a deletion, for the description.
pub(in crate::http) const SECRET_NAME: &[(&str, &str)] = &[("secretName", "Which entry; required")];

/// What is sent to create or update an entry.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct EntryForm {
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
pub struct EntryView {
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
pub(in crate::http) async fn list(
    caller: Caller,
    provider: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let provider = number(&provider, PROVIDER);
    let listed = caller.vault.list_entries(&caller.call, provider, query::list(&request)).await?;
    Ok(caller.list(listed, EntryView::from))
}

/// `POST …/Entries`
pub(in crate::http) async fn create(
    caller: Caller,
    provider: web::Path<String>,
    sent: Sent,
) -> Result<HttpResponse, Refused> {
    let input = sent.0.and_then(|members| input(&members));
    let entry = caller.vault.create_entry(&caller.call, number(&provider, PROVIDER), input).await?;
    Ok(caller.answer(EntryView::from(entry)))
}

/// `PUT …/Entries`
pub(in crate::http) async fn update(
    caller: Caller,
    provider: web::Path<String>,
    sent: Sent,
) -> Result<HttpResponse, Refused> {
    let input = sent.0.and_then(|members| input(&members));
    let entry = caller.vault.update_entry(&caller.call, number(&provider, PROVIDER), input).await?;
    Ok(caller.answer(EntryView::from(entry)))
}

/// `DELETE …/Entries?secretName=…`
pub(in crate::http) async fn delete(
    caller: Caller,
    provider: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let name = query::value(&request, "secretName");
    caller.vault.delete_entry(&caller.call, number(&provider, PROVIDER), name).await?;
    Ok(caller.done())
}

fn input(members: &Members) -> Result<EntryInput, VaultError> {
    Ok(EntryInput {
        secret_name: members.text("SecretName")?,
        description: members.text("Description")?,
        secret_value: members.secret("SecretValue")?,
    })
}
