//! Who calls: the bearer token of a request turned into a call, before a handler sees it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, REFERER};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::observe::RequestId;
use super::pam::envelope::{self, Revealed, Said};
use super::pam::error::Refused;
use super::{Service, certificate, conditions, source};
use crate::config::DialectSetting;
use crate::crypto::{AnswerForm, SecretText};
use crate::vault::authentication::AuthenticationFailure;
use crate::vault::origin::Origin;
use crate::vault::{Call, Dialect, Encryption, Vault, VaultError};

/// An authenticated request to the PAM routes, and the way to answer it.
pub(super) struct Caller {
    pub(super) vault: Vault,
    pub(super) call: Call,
}

impl Caller {
    /// The caller of this request.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Refused> {
        let dialect = dialect(request);
        let Some(service) = request.app_data::<web::Data<Service>>() else {
            return Err(Refused::because(VaultError::NoSuchRoute, dialect));
        };
        let origin = origin(request, service);
        let client = service
            .vault
            .authenticate(bearer(request), origin.source)
            .map_err(|failure| Refused::unauthenticated(failure == AuthenticationFailure::TokenMissing, dialect))?;
        let (conditions, encryption) = (conditions::of(request.headers()), encryption(request));
        let call = Call { client, origin, dialect, conditions, encryption };
        Ok(Self { vault: service.vault.clone(), call })
    }

    /// A refusal, in the caller's dialect.
    pub(super) fn refused(&self, error: VaultError) -> Refused {
        Refused::because(error, self.call.dialect).with_setting(self.vault.settings().pam.not_authorized_status)
    }

    /// A secret for the answer, encrypted where this client has a key for its answers; or null.
    pub(super) fn reveal(&self, secret: Option<SecretText>) -> Result<Revealed, Refused> {
        Revealed::to(&self.call, secret).map_err(|error| self.refused(error))
    }

    /// An answer that bears only a message.
    pub(super) fn say(&self, status: StatusCode, message: &str) -> HttpResponse {
        self.answer(status, message, envelope::Nothing {})
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

    /// An answer that bears a message in each language, and may name the tenant.
    pub(super) fn say_with_tenant(&self, status: StatusCode, said: Said<'_>) -> HttpResponse {
        envelope::answer(status, said, self.tenant(), envelope::Nothing {})
    }

    fn tenant(&self) -> Option<&str> {
        (self.call.dialect == Dialect::Modern).then(|| self.vault.settings().tokens.tenant.as_str())
    }
}

impl FromRequest for Caller {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// The token of an `Authorization: Bearer` header; the word may be in any case (contract, section 17).
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// How the secrets in the answer are asked for: `Accept-Encryption: vendor` or `jwe`, once, in any case. A header, since
/// every OAuth or HTTP client can set one for all of its calls, and since the URL and the body are the contract's.
fn encryption(request: &HttpRequest) -> Encryption {
    let mut values = request.headers().get_all("accept-encryption");
    let form = match (values.next(), values.next()) {
        (None, _) => return Encryption::AsAuthorized,
        (Some(value), None) => value.to_str().ok().and_then(|name| AnswerForm::named(&name.trim().to_lowercase())),
        (Some(_), Some(_)) => None,
    };
    form.map_or(Encryption::Unknown, Encryption::Form)
}

/// The dialect of a request: its prefix, unless the settings say one for all.
pub(super) fn dialect(request: &HttpRequest) -> Dialect {
    let setting = request.app_data::<web::Data<Service>>().map(|service| service.vault.settings().pam.dialect);
    match setting {
        Some(DialectSetting::Legacy) => Dialect::Legacy,
        Some(DialectSetting::Modern) => Dialect::Modern,
        Some(DialectSetting::ByPrefix) | None if request.path().starts_with("/api/") => Dialect::Modern,
        Some(DialectSetting::ByPrefix) | None => Dialect::Legacy,
    }
}

/// The id that this request was given.
pub(super) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// Where a request comes from.
pub(super) fn origin(request: &HttpRequest, service: &Service) -> Origin {
    let referer = request.headers().get(REFERER).and_then(|value| value.to_str().ok());
    Origin {
        source: source::of(request, service),
        request_id: request_id(request),
        referer: referer.map(String::from),
        certificate: certificate::of(request, service),
    }
}
