//! Reading an account (contract facades, section 3.3).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::ser::{Serialize, SerializeMap, Serializer};
use utoipa::ToSchema;

use super::call::Call;
use super::error::CcpError;
use super::search;
use crate::crypto::SecretText;
use crate::http::response::uncached;
use crate::vault::item::{ItemField, SearchedItem};
use crate::vault::{Noun, VaultError};

/// An account, as the OpenAPI description shows it.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the answer is written property by property")]
pub(super) struct Account {
    /// The password, the private key, or the text.
    content: String,
    /// The username.
    user_name: Option<String>,
    /// The address of the device, or its hostname if it has none.
    address: Option<String>,
    /// The additional information of the credential.
    database: Option<String>,
    /// The safe of the request.
    safe: Option<String>,
    /// `Root`
    folder: String,
    /// The name of the item.
    name: Option<String>,
    /// The type of the device.
    #[schema(rename = "PolicyID")]
    policy_id: Option<String>,
    /// The port of the device.
    port: Option<String>,
    /// The passphrase of an SSH key.
    passphrase: Option<String>,
    /// `True` while a newer password was sent to its target and is not proved
    password_change_in_process: String,
}

/// Properties as a JSON object of strings; an empty one is left out, except the content. The only type of this family that
/// serializes a secret; the vault has written the secrets by the response key of the client, if it has one.
struct Properties(Vec<(&'static str, SecretText)>);

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter().filter(|(name, value)| *name == CONTENT || !value.is_empty()) {
            map.serialize_entry(name, value.expose())?;
        }
        map.end()
    }
}

const CONTENT: &str = "Content";

/// `GET /{site}/api/Accounts`
pub(super) async fn get_password(call: Call) -> Result<HttpResponse, CcpError> {
    let search = match search::parse(&call.parameters) {
        Ok(Some(search)) => search,
        Ok(None) => return Err(call.refuse(CcpError::Vault(VaultError::NotFound(Noun::Item))).await),
        Err(error) => return Err(call.refuse(error).await),
    };
    let safe = search.tag.clone().unwrap_or_default();
    let found = call.vault.search_item(call.permit, search).await?;
    Ok(uncached(StatusCode::OK).json(properties(found, safe)))
}

/// Returns the properties of an item under their names in this protocol.
fn properties(found: SearchedItem, safe: String) -> Properties {
    let (mut content, mut properties) = (SecretText::new(String::new()), Vec::new());
    let (mut hostname, mut address) = (None, None);
    for ItemField { name, value } in found.item.fields {
        match name {
            "password" | "private_key" | "text" => content = value,
            "username" => properties.push(("UserName", value)),
            "hostname" => hostname = Some(value),
            "address" => address = Some(value).filter(|address| !address.is_empty()),
            "port" => properties.push(("Port", value)),
            "passphrase" => properties.push(("Passphrase", value)),
            _ => {}
        }
    }
    properties.insert(0, (CONTENT, content));
    properties.extend(address.or(hostname).map(|address| ("Address", address)));
    for (name, value) in [
        ("Database", found.additional),
        ("Safe", safe),
        ("Folder", "Root".into()),
        ("Name", found.name.unwrap_or_default()),
        ("PolicyID", found.device_type),
        ("PasswordChangeInProcess", if found.is_doubted { "True".into() } else { "False".into() }),
    ] {
        properties.push((name, SecretText::new(value)));
    }
    Properties(properties)
}

/// The parameters in the OpenAPI description.
pub(super) const QUERY: &[(&str, &str)] = &[
    ("AppID", "The client id of an authorization with the resource app-id, or the name of its application"),
    ("Safe", "A tag of the credential or its device"),
    ("Folder", "Root"),
    ("Object", "The identifier, or hostname/username of a password without one"),
    ("UserName", "The username"),
    ("Address", "The address or the hostname of the device"),
    ("Database", "The additional information"),
    ("PolicyID", "The type of the device"),
    ("Query", "Name=Value pairs with semicolons, in place of the properties above"),
    ("QueryFormat", "Exact, or Regexp for a query with Safe"),
    ("Reason", "The reason of the request"),
    ("ConnectionTimeout", "Ignored"),
    (
        "FailRequestOnPasswordChange",
        "true: refuse with 500 APPAP282E while the password is being changed on its target",
    ),
];
