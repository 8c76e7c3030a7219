//! An authenticated request to these routes, and the adapter that turns an actix route into a call of a handler.

use std::future::Future;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, web};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::dialect::Rendering;
use super::envelope::{self, Message, Nothing, Revealed};
use super::error::PamError;
use super::parameters::{self, Parameters};
use super::preconditions;
use crate::crypto::{AnswerForm, SecretText};
use crate::http::server::{Body, Service, bearer_token, origin};
use crate::vault::authentication::AuthenticationFailure;
use crate::vault::{self, Action, Conditions, Dialect, Encryption, InvalidInput, Once, Vault, VaultError};

/// What a route knows about itself before any request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteContext {
    pub(super) action: Action,
    pub(super) rendering: Rendering,
}

/// An authenticated request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) request: vault::Call,
    pub(super) context: RouteContext,
    pub(super) http: HttpRequest,
    /// The query; for a `POST`, with the body over it.
    parameters: Result<Parameters, VaultError>,
}

/// Makes an actix route of a handler: authentication, request headers, parameters, and the rendering of its error.
pub(super) fn route<H, F>(context: RouteContext, handler: H) -> Route
where
    H: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, PamError>> + 'static,
{
    web::to(move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            let answered = match Call::from_request(request, payload.into_inner(), context).await {
                Ok(call) => handler(call).await,
                Err(error) => Err(error),
            };
            answered.unwrap_or_else(|error| error.respond(context.rendering))
        }
    })
}

impl Call {
    async fn from_request(http: HttpRequest, payload: Payload, context: RouteContext) -> Result<Self, PamError> {
        let service = Service::from_request(&http).ok_or(VaultError::NoSuchRoute)?;
        let (vault, origin) = (service.vault.clone(), origin(&http, service));
        let client = vault.authenticate(bearer_token(&http), origin.source).map_err(|failure| match failure {
            AuthenticationFailure::TokenMissing => PamError::TokenMissing,
            _ => PamError::InvalidToken,
        })?;
        let (conditions, encryption) = (preconditions::from_headers(http.headers()), encryption(&http));
        let request = vault::Call { client, origin, dialect: context.rendering.dialect, conditions, encryption };
        let parameters = Ok(parameters::from_query(&http));
        let call = Self { vault, request, context, http, parameters };
        if call.http.method() == Method::POST { Ok(call.with_body(payload).await) } else { Ok(call) }
    }

    /// Reads the body of a `POST` over the query, and its idempotency key. An error is kept, so that the vault checks
    /// permission first and records the refusal.
    async fn with_body(mut self, payload: Payload) -> Self {
        self.parameters = self.read(payload).await.map_err(VaultError::from);
        if let Some(once) = self.once().transpose() {
            let conditions = self.request.conditions;
            self.request.conditions = conditions.and_then(|known| Ok(Conditions { once: Some(once?), ..known }));
        }
        self
    }

    async fn read(&self, payload: Payload) -> Result<Parameters, InvalidInput> {
        let body = Body::read(&self.http, payload).await?;
        let mut parameters = parameters::from_query(&self.http);
        parameters.extend(parameters::from_body(&self.http, body).await?);
        Ok(parameters)
    }

    /// Returns the idempotency key, bound to what was sent under it. That has to be readable, even where it is ignored.
    fn once(&self) -> Result<Option<Once>, VaultError> {
        let Some(key) = preconditions::idempotency_key(self.http.headers())? else { return Ok(None) };
        let parameters = self.parameters.as_ref().map_err(Clone::clone)?;
        Ok(Some(self.vault.once(key, self.http.method().as_str(), self.http.path(), parameters)))
    }

    /// The dialect of the route.
    pub(super) fn dialect(&self) -> Dialect {
        self.context.rendering.dialect
    }

    /// Parses the parameters. The vault takes an error in place of the input, so that it checks permission first and
    /// records the refusal.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&Parameters) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.parameters.as_ref().map_err(Clone::clone).and_then(parse)
    }

    /// Returns the variable segments of the path, decoded.
    pub(super) fn path<T: DeserializeOwned + 'static>(&self) -> Result<T, PamError> {
        let path = web::Path::<T>::from_request(&self.http, &mut Payload::None).into_inner();
        Ok(path.map_err(|_| VaultError::NoSuchRoute)?.into_inner())
    }

    /// Records a refusal that the handler decides, and returns it.
    pub(super) async fn refuse(&self, action: Action, error: VaultError) -> PamError {
        self.vault.refuse(&self.request, action, error).await.into()
    }

    /// Prepares a secret for the answer: encrypted where the client has a key for its answers.
    pub(super) fn reveal(&self, secret: Option<SecretText>) -> Result<Revealed, PamError> {
        Ok(Revealed::new(&self.request, secret)?)
    }

    /// An answer with a message and no payload.
    pub(super) fn message(&self, status: StatusCode, message: &str) -> HttpResponse {
        self.answer(status, message, Nothing {})
    }

    /// An answer with a payload.
    pub(super) fn answer(&self, status: StatusCode, message: &str, payload: impl Serialize) -> HttpResponse {
        envelope::answer(status, message.into(), None, payload)
    }

    /// An answer with a payload that also names the tenant, as some modern ones do.
    pub(super) fn answer_with_tenant(
        &self,
        status: StatusCode,
        message: &str,
        payload: impl Serialize,
    ) -> HttpResponse {
        envelope::answer(status, message.into(), self.tenant(), payload)
    }

    /// An answer with a message in each language, which may name the tenant.
    pub(super) fn message_with_tenant(&self, status: StatusCode, message: Message<'_>) -> HttpResponse {
        envelope::answer(status, message, self.tenant(), Nothing {})
    }

    fn tenant(&self) -> Option<&str> {
        (self.dialect() == Dialect::Modern).then(|| self.vault.settings().tokens.tenant.as_str())
    }
}

/// Reads the header `Accept-Encryption`: `vendor` or `jwe`, once, case-insensitive. A header, since every OAuth or HTTP
/// client can set one for all of its requests, and since the URL and the body are the contract's.
fn encryption(request: &HttpRequest) -> Encryption {
    let mut values = request.headers().get_all("accept-encryption");
    let form = match (values.next(), values.next()) {
        (None, _) => return Encryption::AsAuthorized,
        (Some(value), None) => value.to_str().ok().and_then(|name| AnswerForm::named(&name.trim().to_lowercase())),
        (Some(_), Some(_)) => None,
    };
    form.map_or(Encryption::Unknown, Encryption::Form)
}
