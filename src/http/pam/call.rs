//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::authentication::{Received, authenticate};
use super::dialect::{Dialect, Rendering};
use super::envelope::{self, Message, Nothing, Revealed};
use super::error::PamError;
use super::parameters::{self, Parameters};
use crate::crypto::SecretText;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::input_error::InputError;
use crate::http::preconditions;
use crate::http::server::Service;
use crate::vault::operation::{Action, IdempotencyKey, Permit, RequestOptions};
use crate::vault::{Vault, VaultError};

/// The header of a response whose secrets are encrypted under the response key of the client: `vendor` or `jwe`.
const SECRET_ENCRYPTION: HeaderName = HeaderName::from_static("secret-encryption");

/// The context of a route, set at registration.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteContext {
    pub(super) action: Action,
    pub(super) rendering: Rendering,
}

/// A permitted request. A handler parses, executes and renders it; parse errors are recorded here.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) context: RouteContext,
    pub(super) http: HttpRequest,
    /// Parameters of the query and, for a `POST`, of the body, which takes precedence.
    parameters: Parameters,
}

impl call::Call for Call {
    type Context = RouteContext;
    type Error = PamError;

    async fn accept(http: HttpRequest, payload: Payload, context: RouteContext) -> Result<Self, PamError> {
        let service = Service::from_request(&http).ok_or(PamError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        let (request, received) = authenticate(service, &http, payload).await?;
        let permit = vault.authorize(request, context.action).await?;
        let mut call = Self { vault, permit, context, parameters: Parameters::default(), http };
        call.parameters = match call.read(received).await {
            Ok(parameters) => parameters,
            Err(error) => return Err(call.refuse(error).await),
        };
        let options = match call.options() {
            Ok(options) => options,
            Err(error) => return Err(call.refuse(error).await),
        };
        call.permit = call.vault.accept(call.permit, options).await?;
        Ok(call)
    }

    fn respond(error: &PamError, context: &RouteContext) -> HttpResponse {
        error.respond(context.rendering)
    }
}

impl Call {
    /// Reads the query and, for a `POST`, the body, which takes precedence.
    async fn read(&self, received: Received) -> Result<Parameters, InputError> {
        // A key with a replacement character in it would name another object.
        percent_decode_str(self.http.uri().path()).decode_utf8().map_err(|_| InputError::NotUtf8("path"))?;
        let mut parameters = parameters::from_query(&self.http)?;
        if self.http.method() == Method::POST {
            let body = received.into_body(&self.http).await?;
            parameters.extend(parameters::from_body(&self.http, body).await?);
        }
        Ok(parameters)
    }

    fn options(&self) -> Result<RequestOptions, InputError> {
        let preconditions = preconditions::from_headers(self.http.headers())?;
        if preconditions.any() && self.context.action == Action::CREDENTIAL_BATCH {
            return Err(InputError::header("If-Match or If-None-Match", "this request takes none"));
        }
        Ok(RequestOptions {
            preconditions,
            idempotency_key: self.idempotency_key()?,
            response_encryption: response_encryption(&self.http)?,
            representation: self.dialect().as_str(),
            reason: String::new(),
        })
    }

    /// Returns the idempotency key of a `POST`, bound to path and parameters. Other methods are idempotent anyway.
    fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, InputError> {
        if self.http.method() != Method::POST {
            return Ok(None);
        }
        let Some(key) = preconditions::idempotency_key(self.http.headers())? else { return Ok(None) };
        let (method, path) = (self.http.method().as_str(), self.http.path());
        Ok(Some(self.vault.idempotency_key(key, method, path, &self.parameters)))
    }

    /// Returns the dialect of the route.
    pub(super) fn dialect(&self) -> Dialect {
        self.context.rendering.dialect
    }

    /// Parses the parameters, all of which must be UTF-8, and none repeated. An error is recorded.
    pub(super) async fn parse<T>(
        &self,
        parse: impl FnOnce(&Parameters) -> Result<T, InputError>,
    ) -> Result<T, PamError> {
        let parsed = parse(&self.parameters).and_then(|input| self.parameters.require_valid().map(|()| input));
        match parsed {
            Ok(input) => Ok(input),
            Err(error) => Err(self.refuse(error).await),
        }
    }

    /// Returns the variable segments of the path, decoded.
    pub(super) fn path<T: DeserializeOwned + 'static>(&self) -> Result<T, PamError> {
        let path = web::Path::<T>::from_request(&self.http, &mut Payload::None).into_inner();
        path.map(web::Path::into_inner).map_err(|_| PamError::Unserved(Unserved::UnknownPath))
    }

    /// Authorizes the request for an action other than that of its route.
    pub(super) async fn permit_for(&self, action: Action) -> Result<Permit, PamError> {
        Ok(self.vault.authorize_as(&self.permit, action).await?)
    }

    /// Records a parse error, and returns it.
    async fn refuse(&self, error: InputError) -> PamError {
        match self.vault.record_refusal(&self.permit, error.reason()).await {
            Ok(()) => error.into(),
            Err(failed) => failed.into(),
        }
    }

    /// Records an error that the handler found, and returns it.
    pub(super) async fn refuse_with(&self, error: VaultError) -> PamError {
        self.vault.refuse(&self.permit, error).await.into()
    }

    /// Prepares a secret for the response: encrypted where the client has a response key.
    pub(super) fn reveal(&self, secret: Option<SecretText>) -> Result<Revealed, PamError> {
        Ok(Revealed::new(&self.permit.secret_writer(), secret)?)
    }

    /// Creates a response with a message and no payload.
    pub(super) fn message(&self, status: StatusCode, message: &str) -> HttpResponse {
        self.answer(status, message, Nothing {})
    }

    /// Creates a response with a payload.
    pub(super) fn answer(&self, status: StatusCode, message: &str, payload: impl Serialize) -> HttpResponse {
        self.respond(status, message.into(), None, payload)
    }

    /// Creates a response with a payload and the tenant, as some endpoints of the modern dialect do.
    pub(super) fn answer_with_tenant(
        &self,
        status: StatusCode,
        message: &str,
        payload: impl Serialize,
    ) -> HttpResponse {
        self.respond(status, message.into(), self.tenant(), payload)
    }

    /// Creates a response with a message in each language, and the tenant where the dialect has it.
    pub(super) fn message_with_tenant(&self, status: StatusCode, message: Message<'_>) -> HttpResponse {
        self.respond(status, message, self.tenant(), Nothing {})
    }

    /// Creates a response. A header says that its secrets are encrypted: nothing else tells them from plain ones.
    fn respond(
        &self,
        status: StatusCode,
        message: Message<'_>,
        tenant: Option<&str>,
        payload: impl Serialize,
    ) -> HttpResponse {
        let mut response = envelope::answer(status, message, tenant, payload);
        if let Some(encryption) = self.permit.secret_writer().encryption() {
            response.headers_mut().insert(SECRET_ENCRYPTION, HeaderValue::from_static(encryption.as_str()));
        }
        response
    }

    fn tenant(&self) -> Option<&str> {
        (self.dialect() == Dialect::Modern).then(|| self.vault.settings().tokens.tenant.as_str())
    }
}
