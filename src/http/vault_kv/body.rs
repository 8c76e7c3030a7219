//! Request bodies: JSON, whatever their type says, because curl sends its form type.

use serde::de::DeserializeOwned;

use super::error::VaultKvError;
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::server::{Body, BodyError};

/// Parses a JSON object without repeated members. `members` are those of `T`, and `expected` is the message for any other
/// body.
pub(super) fn json<T: DeserializeOwned>(
    body: Result<Body, BodyError>,
    members: &[&'static str],
    expected: &'static str,
) -> Result<T, VaultKvError> {
    let body = body.map_err(InputError::from)?;
    let text = body.text().map_err(InputError::from)?;
    // serde reads a struct from an array too.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(VaultKvError::Input(expected));
    }
    let object = JsonObject::parse(text).map_err(|_| VaultKvError::Input(expected))?;
    for member in members {
        object.repeated.require_once(member, str::eq)?;
    }
    object.repeated.require_none()?;
    // The parser's own message repeats the input, so it is dropped.
    T::deserialize(&*object.members).map_err(|_| VaultKvError::Input(expected))
}
