//! History and undo over HTTP: additions to the contract, alike for credentials, information and SSH keys.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::credential::seconds;
use super::envelope::Revealed;
use super::error::PamError;
use crate::text::canonical_number;
use crate::vault::history::{Version, Versioned};
use crate::vault::{Noun, VaultError};

/// The payload of a history.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionsPayload {
    versions: Vec<VersionRowView>,
}

/// A version in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionRowView {
    version: i32,
    /// When it was made, UTC.
    created: String,
    /// Whether it is the one that counts.
    current: bool,
}

/// The payload of one version.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionPayload {
    version: VersionView,
}

/// A version with its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionView {
    /// The number of the item.
    id: String,
    version: i32,
    #[schema(value_type = String)]
    content: Revealed,
}

impl From<Version> for VersionRowView {
    fn from(version: Version) -> Self {
        Self { version: version.number, created: seconds(version.created_at), current: version.current }
    }
}

/// `GET …/{key}/versions`
pub(super) async fn list(call: Call, noun: Versioned) -> Result<HttpResponse, PamError> {
    let history = call.vault.list_versions(call.permit.clone(), noun, call.path()?).await?;
    let message = format!("{} versions found", history.versions.len());
    let payload = VersionsPayload { versions: history.versions.into_iter().map(VersionRowView::from).collect() };
    Ok(call.answer(StatusCode::OK, &message, payload))
}

/// `GET …/{key}/versions/{version}`
pub(super) async fn read(call: Call, noun: Versioned) -> Result<HttpResponse, PamError> {
    let (key, version) = path(&call).await?;
    let read = call.vault.read_version(call.permit.clone(), noun, key, version).await?;
    let view = VersionView { id: read.owner.to_string(), version, content: call.reveal(Some(read.content))? };
    Ok(call.answer(StatusCode::OK, &format!("Version {version}"), VersionPayload { version: view }))
}

/// `POST …/{key}/versions/{version}/restore`
pub(super) async fn restore(call: Call, noun: Versioned) -> Result<HttpResponse, PamError> {
    let (key, version) = path(&call).await?;
    call.vault.restore_version(call.permit.clone(), noun, key, version).await?;
    Ok(call.message(StatusCode::CREATED, &format!("Version {version} restored")))
}

/// Returns key and version. A version that is not a number without leading zeros does not exist.
async fn path(call: &Call) -> Result<(String, i32), PamError> {
    let (key, version) = call.path::<(String, String)>()?;
    match canonical_number(&version) {
        Some(version) => Ok((key, version)),
        None => Err(call.refuse_with(VaultError::NotFound(Noun::Version)).await),
    }
}
