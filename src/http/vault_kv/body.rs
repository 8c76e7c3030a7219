//! Request bodies: JSON, whatever their type says, because curl sends its form type.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use serde::de::DeserializeOwned;

use super::error::VaultKvError;
use crate::http::server::{Body, BodyError};

/// Reads a JSON object. `expected` is the message for any other body.
pub(super) async fn json<T: DeserializeOwned>(
    http: &HttpRequest,
    payload: Payload,
    expected: &'static str,
) -> Result<T, VaultKvError> {
    let body = Body::read(http, payload).await.map_err(|error| match error {
        BodyError::TooLarge => VaultKvError::TooLarge,
        BodyError::Unreadable => VaultKvError::Input("the request body cannot be read"),
    })?;
    // serde reads a struct from an array too.
    if body.bytes().trim_ascii_start().first() != Some(&b'{') {
        return Err(VaultKvError::Input(expected));
    }
    // The parser's own message repeats the input, so it is dropped.
    serde_json::from_slice(body.bytes()).map_err(|_| VaultKvError::Input(expected))
}
