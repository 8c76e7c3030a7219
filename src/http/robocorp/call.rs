//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::error::RobocorpError;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::server::{Body, Service, origin, presented_token, record_refused_route};
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit, RequestOptions};

/// The error of a client whose authorization has a response key.
const RESPONSE_KEY: InputError = InputError::Parameter {
    name: "encryptionScheme",
    expected: "cannot be met by an authorization with a response key",
};

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) http: HttpRequest,
    payload: Payload,
}

impl call::Call for Call {
    type Context = Action;
    type Error = RobocorpError;

    async fn accept(http: HttpRequest, payload: Payload, action: Action) -> Result<Self, RobocorpError> {
        let service = Service::from_request(&http).ok_or(RobocorpError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        let request = vault.authenticate(presented_token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(RobocorpError::from)?, action).await?;
        let mut call = Self { vault, permit, http, payload };
        let response_encryption = match response_encryption(&call.http) {
            Ok(encryption) => encryption,
            Err(error) => return Err(call.refuse(error).await),
        };
        let options = RequestOptions { response_encryption, ..RequestOptions::default() };
        call.permit = call.vault.accept(call.permit, options).await?;
        if call.permit.secret_writer().encrypts() {
            // No client of this protocol could decrypt it: a robot would type the JWE as the password.
            return Err(call.refuse(RESPONSE_KEY).await);
        }
        Ok(call)
    }

    fn respond(error: &RobocorpError, _action: &Action) -> HttpResponse {
        error.respond()
    }
}

impl Call {
    /// Returns the name of the secret in the path, decoded. A name that is not UTF-8 names nothing.
    pub(super) fn secret_name(&self) -> String {
        call::path_key(&self.http).unwrap_or_default()
    }

    /// Reads the body as a JSON object.
    pub(super) async fn json(&mut self) -> Result<JsonObject, InputError> {
        let payload = std::mem::replace(&mut self.payload, Payload::None);
        let body = Body::read(&self.http, payload).await?;
        JsonObject::parse(body.text()?)
    }

    /// Records an input error, and returns it.
    pub(super) async fn refuse(&self, error: InputError) -> RobocorpError {
        match self.vault.record_refusal(&self.permit, error.reason()).await {
            Ok(()) => error.into(),
            Err(failed) => failed.into(),
        }
    }
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`RobocorpError::NotAuthorized`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), RobocorpError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    let authenticated = service.vault.authenticate(presented_token(request), origin(request, service));
    let authenticated = authenticated.map_err(RobocorpError::from)?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
