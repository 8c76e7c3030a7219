//! The header `Accept-Encryption`, for the families whose responses contain secrets.

use actix_web::HttpRequest;

use super::input_error::InputError;
use crate::crypto::ResponseEncryption;

/// Parses the header `Accept-Encryption`: `vendor` or `jwe`, once, ignoring case. It is a header because any
/// client can set one for all of its requests, and because the contract defines URL and body.
pub(crate) fn response_encryption(request: &HttpRequest) -> Result<Option<ResponseEncryption>, InputError> {
    let mut values = request.headers().get_all("accept-encryption");
    let encryption = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => {
            value.to_str().ok().and_then(|name| name.trim().to_lowercase().parse::<ResponseEncryption>().ok())
        }
        (Some(_), Some(_)) => None,
    };
    encryption.map(Some).ok_or_else(|| InputError::header("Accept-Encryption", "expected vendor or jwe"))
}
