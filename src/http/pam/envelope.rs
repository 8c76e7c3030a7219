//! The envelope of every answer (contract, sections 1.3 and 1.4): each fact twice, in English and in Portuguese.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::AllOfBuilder;
use utoipa::openapi::{Ref, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::candidate::CandidateView;
use crate::crypto::SecretText;
use crate::http::json_body;
use crate::http::response::uncached;
use crate::http::schema::{NamedSchema, schema};
use crate::vault::VaultError;
use crate::vault::operation::SecretWriter;

/// The part that every answer has.
#[derive(Serialize, ToSchema)]
pub(super) struct Response<'a> {
    /// The HTTP status, again.
    status: u16,
    /// What happened.
    message: &'a str,
    /// Whether it is an error.
    error: bool,
    /// 0, or 1 for most errors.
    error_code: u8,
    /// Always empty.
    detail: &'static str,
    /// `message`, again; in Portuguese where a session is dropped.
    mensagem: &'a str,
    /// `error`, again.
    erro: bool,
    /// `error_code`, again.
    cod_erro: u8,
}

impl<'a> Response<'a> {
    fn success(status: StatusCode, message: Message<'a>) -> Self {
        let Message { message, mensagem } = message;
        let status = status.as_u16();
        Self { status, message, error: false, error_code: 0, detail: "", mensagem, erro: false, cod_erro: 0 }
    }

    fn failure(status: StatusCode, message: &'a str, error_code: u8) -> Self {
        Self {
            status: status.as_u16(),
            message,
            error: true,
            error_code,
            detail: "",
            mensagem: message,
            erro: true,
            cod_erro: error_code,
        }
    }
}

/// The message in its two members. They are equal unless the service documents otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) message: &'a str,
    pub(super) mensagem: &'a str,
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(message: &'a str) -> Self {
        Self { message, mensagem: message }
    }
}

/// What stands before the payload.
#[derive(Serialize, ToSchema)]
pub(super) struct EnvelopeHead<'a> {
    /// The HTTP status, again.
    code: u16,
    /// What happened.
    response: Response<'a>,
    /// The tenant's name; on some answers under `/api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
}

/// An answer: the head, and the payload under its own key beside it.
#[derive(Serialize)]
pub(super) struct Envelope<'a, P> {
    #[serde(flatten)]
    head: EnvelopeHead<'a>,
    #[serde(flatten)]
    payload: P,
}

/// The payload of an answer that has none.
#[derive(Serialize, ToSchema)]
pub(super) struct Nothing {}

/// The payload of an error.
#[derive(Serialize, ToSchema)]
pub(super) struct Failure<'a> {
    /// The error by number; absent where the service documents none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exception: Option<Exception<'a>>,
    /// What to choose from, where several credentials match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) candidates: Option<Vec<CandidateView<'a>>>,
}

/// An error by number.
#[derive(Serialize, ToSchema)]
pub(super) struct Exception<'a> {
    /// The number, as documented.
    pub(super) code: u16,
    /// The number and its text.
    pub(super) message: &'a str,
    /// Always null.
    pub(super) detail: Option<&'a str>,
}

/// The only type that serializes a secret into a response. Created only through the [`SecretWriter`] of the request's
/// permit, which encrypts the secret if the client has a response key.
#[derive(Clone)]
pub(super) struct Revealed(Option<SecretText>);

impl Revealed {
    /// Prepares a secret, or null, for a response.
    ///
    /// # Errors
    /// [`VaultError`] when the secret must be encrypted and cannot be.
    pub(super) fn new(writer: &SecretWriter, secret: Option<SecretText>) -> Result<Self, VaultError> {
        secret.map(|secret| writer.write(secret)).transpose().map(Self)
    }
}

impl Serialize for Revealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map(SecretText::expose).serialize(serializer)
    }
}

impl<'a, P: Serialize> Envelope<'a, P> {
    /// Creates the envelope of a success.
    pub(super) fn success(status: StatusCode, message: Message<'a>, tenant: Option<&'a str>, payload: P) -> Self {
        let head = EnvelopeHead { code: status.as_u16(), response: Response::success(status, message), tenant };
        Self { head, payload }
    }

    /// Creates the envelope of an error.
    pub(super) fn failure(status: StatusCode, message: &'a str, error_code: u8, payload: P) -> Self {
        let response = Response::failure(status, message, error_code);
        Self { head: EnvelopeHead { code: status.as_u16(), response, tenant: None }, payload }
    }

    /// Creates the HTTP response.
    pub(super) fn respond(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.head.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json_body::respond(uncached(status), self)
    }
}

/// Creates the response to a successful request.
pub(super) fn answer(
    status: StatusCode,
    message: Message<'_>,
    tenant: Option<&str>,
    payload: impl Serialize,
) -> HttpResponse {
    Envelope::success(status, message, tenant, payload).respond()
}

/// 304: the client has the item already.
pub(super) fn not_modified() -> HttpResponse {
    uncached(StatusCode::NOT_MODIFIED).finish()
}

/// Returns the schema of the envelope around the payload `P`.
pub(super) fn enveloped<P: ToSchema + PartialSchema>() -> NamedSchema {
    let (head, payload) = (schema::<EnvelopeHead<'static>>(), schema::<P>());
    let both = AllOfBuilder::new()
        .item(Ref::from_schema_name(head.name.clone()))
        .item(Ref::from_schema_name(payload.name.clone()));
    let name = format!("Envelope_{}", payload.name);
    let related = [head, payload].into_iter().flat_map(|part| {
        let own = (part.name, part.schema);
        part.related.into_iter().chain([own])
    });
    NamedSchema { name, schema: Schema::from(both.build()).into(), related: related.collect() }
}
