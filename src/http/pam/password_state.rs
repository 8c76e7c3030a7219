//! Reads of a password or an SSH key while a newer one may be in force: additions to the contract.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::call::Call;
use super::error::PamError;

/// The header of a password or key while a newer one may be in force: `unverified`.
const PASSWORD_STATE: HeaderName = HeaderName::from_static("password-state");

/// The query parameter that refuses a read while its password or key may not be in force.
pub(super) const FAIL_ON_CHANGE: &str = "fail_on_change";

/// Whether a read asks for no value that may not be in force.
pub(super) async fn fail_on_change(call: &Call) -> Result<bool, PamError> {
    // A query that does not ask for it, not even with escapes, is not looked at further.
    let query = percent_decode_str(call.http.query_string()).decode_utf8_lossy();
    if !query.contains(FAIL_ON_CHANGE) {
        return Ok(false);
    }
    Ok(call.parse(|parameters| parameters.flag(FAIL_ON_CHANGE)).await?.unwrap_or(false))
}

/// Returns the response of a read, which says whether a newer value may be in force.
pub(super) fn with_state(mut response: HttpResponse, is_doubted: bool) -> HttpResponse {
    if is_doubted {
        response.headers_mut().insert(PASSWORD_STATE, HeaderValue::from_static("unverified"));
    }
    response
}
