//! Items: credentials, SSH keys and protected information under one name. An addition to the contract, for programs that
//! read a secret without taking custody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::PamError;
use crate::http::item::Fields;
use crate::vault::{Noun, VaultError};

/// The payload of one item.
#[derive(Serialize, ToSchema)]
pub(super) struct ItemPayload {
    item: ItemView,
}

/// An item with its secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct ItemView {
    name: String,
    /// The version of its secret; 0 without one.
    version: i32,
    /// `username`, `password`, `hostname`, `address` and `port`; `private_key`, `public_key` and `passphrase` of an SSH key;
    /// `name` and `text` of protected information. What is not set is left out.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    fields: Fields,
}

/// `GET …/pam/item/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let name = call.path::<String>()?;
    let item = call.vault.read_item(call.permit.clone(), name.clone(), None).await?;
    if item.version.inactive_since.is_some() {
        return Err(VaultError::NotFound(Noun::Item).into());
    }
    let view = ItemView { name, version: item.version.number, fields: Fields(item.fields) };
    let message = format!("Item {}", view.name);
    Ok(call.answer(StatusCode::OK, &message, ItemPayload { item: view }))
}
