//! Writing a secret, encrypted for the key of the vault (contract facades, section 4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::call::Call;
use super::error::RobocorpError;
use super::secret::{EXPECTED_SCHEME, SCHEME};
use crate::crypto::{SecretBytes, SecretText, TransitCiphertext};
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::response::uncached;
use crate::text::{single_line, storable};
use crate::vault::item::{CredentialItem, ItemInput};

const EXPECTED_BLOCK: &str = "expected 16 bytes in base64";
const EXPECTED_MEMBERS: &str =
    "expected username, password, hostname, address and port, or name and text, and no other member";

/// A secret to write.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a description; the members are read by name")]
pub(super) struct SecretForm {
    /// As in the path.
    name: String,
    /// Not stored.
    description: Option<String>,
    /// A JSON object of strings, encrypted, in base64: `username`, `password`, `hostname`, `address` and `port`, or `name` and
    /// `text`.
    value: String,
    encryption: EncryptionForm,
}

/// How the value is encrypted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a description; the members are read by name")]
pub(super) struct EncryptionForm {
    /// `robocloud-vault-transit-v2`
    encryption_scheme: String,
    /// The content key, encrypted for the key of the vault, in base64.
    #[schema(rename = "encryptedAES")]
    encrypted_aes: String,
    /// 16 bytes in base64.
    auth_tag: String,
    /// 16 bytes in base64.
    iv: String,
}

/// A written secret, without its value.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedSecret {
    name: String,
    /// Always empty.
    description: &'static str,
}

/// `GET /secrets-v1/workspaces/{workspace}/secrets/publicKey`
pub(super) async fn public_key(call: Call) -> Result<HttpResponse, RobocorpError> {
    let key = call.vault.transit_public_key(call.permit).await?;
    Ok(uncached(StatusCode::OK).insert_header(ContentType::plaintext()).body(STANDARD.encode(key)))
}

/// `PUT /secrets-v1/workspaces/{workspace}/secrets/{name}`
pub(super) async fn save(mut call: Call) -> Result<HttpResponse, RobocorpError> {
    let name = call.secret_name();
    let read = match call.json().await {
        Ok(body) => sent(&body, &name),
        Err(error) => Err(error),
    };
    let sent = match read {
        Ok(sent) => sent,
        Err(error) => return Err(call.refuse(error).await),
    };
    let input = match call.vault.decrypt_transit(sent).await? {
        Some(text) => item_input(&text),
        None => Err(InputError::parameter("value", "expected what is encrypted for the publicKey of this vault")),
    };
    let input = match input {
        Ok(input) => input,
        Err(error) => return Err(call.refuse(error).await),
    };
    call.vault.save_item(call.permit, name.clone(), input).await?;
    Ok(uncached(StatusCode::OK).json(SavedSecret { name, description: "" }))
}

/// Reads the encrypted secret of a body.
fn sent(body: &JsonObject, name: &str) -> Result<TransitCiphertext, InputError> {
    body.repeated.require_none()?;
    if required(&body.members, "name", "name")? != name {
        return Err(InputError::parameter("name", "expected the name in the path"));
    }
    text(&body.members, "description", "description")?;
    let Some(Value::Object(encryption)) = body.members.get("encryption") else {
        return Err(InputError::parameter("encryption", "expected an object"));
    };
    if required(encryption, "encryptionScheme", "encryption.encryptionScheme")? != SCHEME {
        return Err(InputError::parameter("encryption.encryptionScheme", EXPECTED_SCHEME));
    }
    Ok(TransitCiphertext {
        content: base64(&body.members, "value", "value")?,
        tag: block(encryption, "authTag", "encryption.authTag")?.to_vec(),
        iv: block(encryption, "iv", "encryption.iv")?,
        wrapped_key: base64(encryption, "encryptedAES", "encryption.encryptedAES")?,
    })
}

/// Reads a decrypted secret. Its members are named in errors as below `value`.
fn item_input(decrypted: &SecretBytes) -> Result<ItemInput, InputError> {
    let object = std::str::from_utf8(decrypted.expose()).ok().and_then(|text| JsonObject::parse(text).ok());
    let object = object.ok_or_else(|| InputError::parameter("value", "expected an encrypted JSON object"))?;
    fields(&object)
}

fn fields(object: &JsonObject) -> Result<ItemInput, InputError> {
    object.repeated.require_none()?;
    let members = &object.members;
    if members.contains_key("text") {
        require_only(members, &["name", "text"])?;
        let name = line(members, "name", "value.name")?;
        return Ok(ItemInput::Information { name, text: secret(members, "text", "value.text")? });
    }
    require_only(members, &["username", "password", "hostname", "address", "port"])?;
    Ok(ItemInput::Credential(CredentialItem {
        username: line(members, "username", "value.username")?,
        password: secret(members, "password", "value.password")?,
        hostname: line(members, "hostname", "value.hostname")?,
        address: line(members, "address", "value.address")?,
        port: line(members, "port", "value.port")?,
    }))
}

/// Requires that every member has a place: what is not stored must not seem to be.
fn require_only(members: &Map<String, Value>, known: &[&str]) -> Result<(), InputError> {
    for (name, label) in
        [("private_key", "value.private_key"), ("public_key", "value.public_key"), ("passphrase", "value.passphrase")]
    {
        if members.contains_key(name) {
            return Err(InputError::parameter(label, "an SSH key cannot be written here"));
        }
    }
    let is_known = |name: &String| known.contains(&name.as_str());
    if members.keys().all(is_known) { Ok(()) } else { Err(InputError::parameter("value", EXPECTED_MEMBERS)) }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str, label: &'static str) -> Result<Option<&'a str>, InputError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => match storable(text) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(InputError::parameter(label, error.expected())),
        },
        Some(_) => Err(InputError::parameter(label, "expected a string")),
    }
}

fn required<'a>(members: &'a Map<String, Value>, name: &str, label: &'static str) -> Result<&'a str, InputError> {
    text(members, name, label)?.ok_or_else(|| InputError::parameter(label, "required"))
}

fn secret(members: &Map<String, Value>, name: &str, label: &'static str) -> Result<SecretText, InputError> {
    let secret = text(members, name, label)?.filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| InputError::parameter(label, "required: a write replaces the whole secret"))?;
    Ok(SecretText::new(secret.into()))
}

fn line(members: &Map<String, Value>, name: &str, label: &'static str) -> Result<Option<String>, InputError> {
    let Some(text) = text(members, name, label)? else { return Ok(None) };
    single_line(text).map(|line| Some(line.into())).map_err(|error| InputError::parameter(label, error.expected()))
}

fn base64(members: &Map<String, Value>, name: &str, label: &'static str) -> Result<Vec<u8>, InputError> {
    let decoded = STANDARD.decode(required(members, name, label)?);
    decoded.map_err(|_| InputError::parameter(label, "expected base64"))
}

fn block(members: &Map<String, Value>, name: &str, label: &'static str) -> Result<[u8; 16], InputError> {
    let bytes = base64(members, name, label)?;
    bytes.try_into().map_err(|_| InputError::parameter(label, EXPECTED_BLOCK))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<ItemInput, InputError> {
        item_input(&SecretBytes::new(value.to_string().into_bytes()))
    }

    fn refused(value: &Value) -> String {
        read(value).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_is_a_password_or_a_text() {
        let credential = json!({ "username": " u ", "password": " p ", "hostname": "h", "address": "a", "port": "22" });
        let Ok(ItemInput::Credential(item)) = read(&credential) else { panic!("no credential") };
        assert_eq!((item.username.as_deref(), item.password.expose()), (Some("u"), " p "));
        assert_eq!(
            (item.hostname.unwrap(), item.address.unwrap(), item.port.unwrap()),
            ("h".into(), "a".into(), "22".into())
        );
        assert!(matches!(read(&json!({ "password": "p" })), Ok(ItemInput::Credential(_))));
        let Ok(ItemInput::Information { name, text }) = read(&json!({ "text": "t\nu" })) else { panic!("no text") };
        assert_eq!((name, text.expose()), (None, "t\nu"));
    }

    #[test]
    fn what_has_no_place_is_refused_by_its_name_and_not_repeated() {
        for (value, name) in [
            (json!({}), "value.password: required"),
            (json!({ "password": "" }), "value.password: required"),
            (json!({ "password": 5 }), "value.password: expected a string"),
            (json!({ "password": null }), "value.password: expected a string"),
            (json!({ "password": "hidden\0" }), "value.password"),
            (json!({ "password": "p", "username": ["hidden"] }), "value.username: expected a string"),
            (json!({ "password": "p", "username": "hid\nden" }), "value.username"),
            (json!({ "password": "p", "port": 22 }), "value.port: expected a string"),
            (json!({ "password": "p", "hidden": "x" }), "value: expected username, password"),
            (json!({ "password": "p", "text": "x" }), "value: expected username, password"),
            (json!({ "private_key": "hidden", "username": "u" }), "value.private_key"),
            (json!({ "password": "p", "passphrase": "hidden" }), "value.passphrase"),
            (json!(["hidden"]), "value: expected an encrypted JSON object"),
        ] {
            let message = refused(&value);
            assert!(message.contains(name) && !message.contains("hid"), "{value}: {message}");
        }
        let twice = SecretBytes::new(br#"{"password":"a","password":"b"}"#.to_vec());
        assert_eq!(item_input(&twice).map(drop), Err(InputError::Repeated));
        assert!(item_input(&SecretBytes::new(b"\xff".to_vec())).is_err());
    }
}
