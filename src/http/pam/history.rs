//! History and undo over HTTP: additions to the contract, alike for credentials, information and SSH keys.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::Revealed;
use super::error::Refused;
use crate::http::body::Posted;
use crate::http::caller::Caller;
use crate::vault::history::{Version, Versioned};
use crate::vault::{Action, VaultError};

/// The payload of a history.
#[derive(Serialize, ToSchema)]
pub struct VersionsPayload {
    versions: Vec<ListedVersion>,
}

/// A version in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedVersion {
    version: i32,
    /// When it was made, UTC.
    created: String,
    /// Whether it is the one that counts.
    current: bool,
}

/// The payload of one version.
#[derive(Serialize, ToSchema)]
pub struct VersionPayload {
    version: ShownVersion,
}

/// A version with its secret.
#[derive(Serialize, ToSchema)]
pub struct ShownVersion {
    /// The number of the item.
    id: String,
    version: i32,
    #[schema(value_type = String)]
    content: Revealed,
}

impl From<Version> for ListedVersion {
    fn from(version: Version) -> Self {
        Self {
            version: version.number,
            created: version.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            current: version.current,
        }
    }
}

/// `GET …/{key}/versions`
pub(in crate::http) async fn list(
    caller: Caller,
    request: HttpRequest,
    key: web::Path<String>,
) -> Result<HttpResponse, Refused> {
    let history = caller.vault.list_versions(&caller.call, item(&request), key.into_inner()).await;
    let history = history.map_err(|error| caller.refused(error))?;
    let message = format!("{} versions found", history.versions.len());
    let payload = VersionsPayload { versions: history.versions.into_iter().map(ListedVersion::from).collect() };
    Ok(caller.answer(StatusCode::OK, &message, payload))
}

/// `GET …/{key}/versions/{version}`
pub(in crate::http) async fn read(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Refused> {
    let (key, version) = path.into_inner();
    let version = number(&caller, &version).await?;
    let read = caller.vault.read_version(&caller.call, item(&request), key, version).await;
    let read = read.map_err(|error| caller.refused(error))?;
    let shown = ShownVersion { id: read.id.to_string(), version, content: caller.reveal(Some(read.content))? };
    Ok(caller.answer(StatusCode::OK, &format!("Version {version}"), VersionPayload { version: shown }))
}

/// `POST …/{key}/versions/{version}/restore`
pub(in crate::http) async fn restore(
    Posted { caller, .. }: Posted,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Refused> {
    let (key, version) = path.into_inner();
    let version = number(&caller, &version).await?;
    let restored = caller.vault.restore_version(&caller.call, item(&request), key, version).await;
    restored.map_err(|error| caller.refused(error))?;
    Ok(caller.say(StatusCode::CREATED, &format!("Version {version} restored")))
}

/// A version that is no number is not there.
async fn number(caller: &Caller, version: &str) -> Result<i32, Refused> {
    match version.parse() {
        Ok(number) => Ok(number),
        Err(_) => {
            let error = caller.vault.refuse(&caller.call, Action::HistoryRead, VaultError::VersionNotFound).await;
            Err(caller.refused(error))
        }
    }
}

/// Whose history a path is about: its third segment.
fn item(request: &HttpRequest) -> Versioned {
    match request.path().split('/').nth(3) {
        Some("info") => Versioned::Information,
        Some("key") => Versioned::SshKey,
        _ => Versioned::Credential,
    }
}
