//! Reading an item, and listing names (contract facades, sections 2.3 and 2.4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::call::Call;
use super::error::VaultKvError;
use super::wire::{Envelope, Keys, VersionMetadata, VersionedFields};
use crate::http::family::Unserved;
use crate::http::item::Fields;
use crate::http::repeated::only_value;
use crate::http::server::request_id;
use crate::vault::item::ItemName;

const VERSION: VaultKvError = VaultKvError::Input("version must be a whole number of 0 or more");
const LIST: VaultKvError = VaultKvError::Input("metadata can be listed: send LIST, or GET with list=true");

const UNVERSIONED: &str = "Invalid path for a versioned K/V secrets engine. Read items below data/, and list them below \
                           metadata/; on the command line, use 'kv get' and 'kv list'.";

/// `GET /v1/{mount}/data/{path}`; `version=0` is the current version.
pub(super) async fn read(call: Call) -> Result<HttpResponse, VaultKvError> {
    let version = match parameter(&call, "version").await?.as_deref() {
        None | Some("") => None,
        Some(number) => match number.parse::<i32>() {
            Ok(number) if number >= 0 => Some(number).filter(|number| *number > 0),
            _ => return Err(call.refuse(VERSION).await),
        },
    };
    let name = call.item_name();
    let item = call.vault.read_item(call.permit, name, version).await?;
    let inactive = item.version.inactive_since.is_some();
    let data = VersionedFields {
        data: (!inactive).then_some(Fields(item.fields)),
        metadata: VersionMetadata::from(item.version),
    };
    let status = if inactive { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(Envelope::data(&request_id(&call.http), data).respond(status))
}

/// `GET /v1/{mount}/metadata/{path}?list=true`
pub(super) async fn get_list(call: Call) -> Result<HttpResponse, VaultKvError> {
    match parameter(&call, "list").await?.as_deref() {
        Some("true" | "1") => list(call).await,
        _ => Err(call.refuse(LIST).await),
    }
}

/// `LIST /v1/{mount}/metadata/{path}`
pub(super) async fn list(call: Call) -> Result<HttpResponse, VaultKvError> {
    let folder = call.item_name();
    let names = call.vault.list_items(call.permit, folder).await?;
    let key = |name| match name {
        ItemName::Item(name) => name,
        ItemName::Folder(name) => format!("{name}/"),
    };
    let mut keys: Vec<String> = names.into_iter().map(key).collect();
    keys.sort();
    Ok(Envelope::data(&request_id(&call.http), Keys { keys }).respond(StatusCode::OK))
}

/// `GET` and `LIST /v1/{mount}/{path}`, the routes of version 1: 404 with a warning that says so.
pub(super) async fn unversioned(call: Call) -> Result<HttpResponse, VaultKvError> {
    call.vault.record_refusal(&call.permit, Unserved::UnknownPath.reason()).await?;
    Ok(Envelope::warning(&request_id(&call.http), UNVERSIONED).respond(StatusCode::NOT_FOUND))
}

/// Returns the value of a parameter of the query. A repeated one is recorded as an error.
async fn parameter(call: &Call, name: &'static str) -> Result<Option<String>, VaultKvError> {
    match only_value(call.http.query_string(), name) {
        // A value that is not UTF-8 is no number and no flag.
        Ok(found) => Ok(found.map(|value| value.unwrap_or_else(|_| "?".into()))),
        Err(error) => Err(call.refuse(error.into()).await),
    }
}
