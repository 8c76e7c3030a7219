//! Reading a secret (contract facades, section 4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::call::Call;
use super::error::RobocorpError;
use crate::crypto::{SealError, TransitCiphertext, TransitKey};
use crate::http::input_error::InputError;
use crate::http::item::Fields;
use crate::http::repeated::only_value;
use crate::http::response::uncached;
use crate::vault::VaultError;

/// The only encryption of secrets in responses.
pub(super) const SCHEME: &str = "robocloud-vault-transit-v2";
pub(super) const EXPECTED_SCHEME: &str = "expected robocloud-vault-transit-v2";
const EXPECTED_KEY: &str =
    "expected an RSA key of 2048 to 8192 bits with the exponent 65537: SubjectPublicKeyInfo, DER, in base64";
/// The greatest length of a key in base64: an RSA key of 8192 bits has 1,404 characters.
const MAX_KEY_LENGTH: usize = 2048;

/// An encrypted secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Secret {
    name: String,
    /// Always empty.
    description: &'static str,
    /// A JSON object of strings, encrypted, in base64.
    value: String,
    encryption: Encryption,
}

/// What the client decrypts the value with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Encryption {
    encryption_scheme: &'static str,
    /// The content key under the key of the request, in base64.
    #[serde(rename = "encryptedAES")]
    encrypted_aes: String,
    /// In base64.
    auth_tag: String,
    /// In base64.
    iv: String,
}

impl Secret {
    fn new(name: String, sent: &TransitCiphertext) -> Self {
        let encryption = Encryption {
            encryption_scheme: SCHEME,
            encrypted_aes: STANDARD.encode(&sent.wrapped_key),
            auth_tag: STANDARD.encode(&sent.tag),
            iv: STANDARD.encode(sent.iv),
        };
        Self { name, description: "", value: STANDARD.encode(&sent.content), encryption }
    }
}

/// `GET /secrets-v1/workspaces/{workspace}/secrets/{name}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, RobocorpError> {
    let key = match request_key(call.http.query_string()) {
        Ok(key) => key,
        Err(error) => return Err(call.refuse(error).await),
    };
    let name = call.secret_name();
    let item = call.vault.read_item(call.permit, name.clone(), None).await?;
    if item.version.inactive_since.is_some() {
        return Err(RobocorpError::NotFound);
    }
    let fields = Zeroizing::new(serde_json::to_vec(&Fields(item.fields)).map_err(|_| VaultError::from(SealError))?);
    let sent = key.encrypt(&fields).map_err(VaultError::from)?;
    Ok(uncached(StatusCode::OK).json(Secret::new(name, &sent)))
}

/// Parses the key that the response is encrypted for.
fn request_key(query: &str) -> Result<TransitKey, InputError> {
    if parameter(query, "encryptionScheme")?.as_deref() != Some(SCHEME) {
        return Err(InputError::parameter("encryptionScheme", EXPECTED_SCHEME));
    }
    let key = parameter(query, "publicKey")?.filter(|text| text.len() <= MAX_KEY_LENGTH);
    let der = key.and_then(|text| STANDARD.decode(text).ok());
    let key = der.and_then(|der| TransitKey::from_der(&der).ok());
    key.ok_or_else(|| InputError::parameter("publicKey", EXPECTED_KEY))
}

/// Returns the value of a parameter of the query.
fn parameter(query: &str, name: &'static str) -> Result<Option<String>, InputError> {
    only_value(query, name)?.transpose().map_err(|_| InputError::not_utf8(name))
}

/// Parses the query of a read, for [`crate::fuzz`].
pub(super) fn fuzz(query: &str) {
    let _ = request_key(query);
}
