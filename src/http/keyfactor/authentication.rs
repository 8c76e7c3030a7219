//! Authentication: HTTP Basic with an account, or a bearer token.

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::KeyfactorError;
use crate::crypto::{SecretBytes, SecretText};
use crate::http::family::Unserved;
use crate::http::server::{Service, credentials, origin, presented_token};
use crate::vault::Vault;
use crate::vault::operation::Request;

/// Authenticates a request, before all other checks.
///
/// # Errors
/// [`KeyfactorError`], 401 or 429.
pub(super) async fn authenticate(request: &HttpRequest) -> Result<(Vault, Request), KeyfactorError> {
    let service = Service::from_request(request).ok_or(KeyfactorError::Unserved(Unserved::UnknownPath))?;
    let (vault, origin) = (service.vault.clone(), origin(request, service));
    let authenticated = match basic(request) {
        Some((account, password)) => vault.authenticate_account(&account, password, origin).await?,
        None => vault.authenticate(presented_token(request), origin).map_err(KeyfactorError::from_token_failure)?,
    };
    Ok((vault, authenticated))
}

/// Returns account and password of an `Authorization: Basic` header (RFC 7617). Both are empty if the header is
/// malformed, so authentication fails.
fn basic(request: &HttpRequest) -> Option<(String, SecretText)> {
    let encoded = credentials(request, "basic")?;
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| SecretBytes::new(bytes).into_text());
    let pair = decoded.as_ref().and_then(|decoded| decoded.expose().split_once(':'));
    let (account, password) = pair.unwrap_or_default();
    Some((account.into(), SecretText::new(password.into())))
}
