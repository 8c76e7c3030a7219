//! Handlers of the OAuth endpoints.

use actix_web::{HttpRequest, HttpResponse, web};

use super::credentials;
use super::error::{ErrorKind, OAuthError};
use super::form::Form;
use super::grant::Grant;
use super::wire::{self, ACCESS_TOKEN, Metadata, uncached};
use crate::crypto::SecretText;
use crate::http::server::{Body, Service, origin, presented_proof};
use crate::vault::access::client_authentication::ClientAuthentication;
use crate::vault::access::token_endpoint::TokenOptions;

/// The parameters of a request, and how its client authenticates.
struct Call {
    form: Form,
    authentication: ClientAuthentication,
}

impl Call {
    /// Reads body and client authentication.
    async fn read(request: &HttpRequest, payload: web::Payload, service: &Service) -> Result<Self, OAuthError> {
        Self::new(request, read_form(request, payload).await?, service)
    }

    fn new(request: &HttpRequest, form: Form, service: &Service) -> Result<Self, OAuthError> {
        let authentication = credentials::from_request(request, &form)
            .inspect_err(|_| service.vault.note_missing_credentials(&origin(request, service)))?;
        Ok(Self { form, authentication })
    }

    /// Returns the parameter `token`.
    fn token(&self) -> Result<SecretText, OAuthError> {
        self.form.secret("token").ok_or(ErrorKind::TokenMissing.into())
    }
}

/// Reads the body. Refuses credentials in the query, which would end up in logs (RFC 6749, section 2.3.1).
async fn read_form(request: &HttpRequest, payload: web::Payload) -> Result<Form, OAuthError> {
    if credentials::in_query(request) {
        return Err(ErrorKind::CredentialsInQuery.into());
    }
    let body = Body::read_login(request, payload.into_inner()).await.map_err(ErrorKind::from)?;
    Ok(Form::parse(&body)?)
}

/// `POST …/oauth2/token`
pub(super) async fn token(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthError> {
    let form = read_form(&request, payload).await?;
    let grant = Grant::from_form(&form)?;
    let (vault, origin, options) = (&service.vault, origin(&request, &service), options(&request, &form));
    let issued = match &grant {
        Grant::ClientCredentials => {
            let call = Call::new(&request, form, &service)?;
            vault.issue_token(&call.authentication, origin, options).await?
        }
        // The token authenticates the client; a secret beside it would be of no use and may be meant for another endpoint.
        Grant::JwtBearer(_) | Grant::TokenExchange(_) if credentials::are_sent(&request, &form) => {
            return Err(ErrorKind::TwoMethods.into());
        }
        Grant::JwtBearer(login) | Grant::TokenExchange(login) => {
            vault.issue_token_to_workload(login, origin, options).await?
        }
    };
    let kind = matches!(grant, Grant::TokenExchange(_)).then_some(ACCESS_TOKEN);
    Ok(uncached(HttpResponse::Ok().json(wire::token_reply(&issued, kind))))
}

/// What the client wants of its token.
fn options<'a>(request: &'a HttpRequest, form: &Form) -> TokenOptions<'a> {
    TokenOptions {
        tenant: form.get("tenant").map(String::from),
        // A ttl that is not a number is ignored (contract, section 2.1).
        ttl: form.get("ttl").and_then(|ttl| ttl.trim().parse().ok()),
        proof: presented_proof(request),
    }
}

/// `POST …/oauth2/revoke` (RFC 7009)
pub(super) async fn revoke(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthError> {
    let call = Call::read(&request, payload, &service).await?;
    service.vault.revoke_token(&call.authentication, origin(&request, &service), &call.token()?).await?;
    Ok(uncached(HttpResponse::Ok().finish()))
}

/// `POST …/oauth2/introspect` (RFC 7662)
pub(super) async fn introspect(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<HttpResponse, OAuthError> {
    let call = Call::read(&request, payload, &service).await?;
    let found =
        service.vault.introspect_token(&call.authentication, origin(&request, &service), &call.token()?).await?;
    Ok(uncached(HttpResponse::Ok().json(wire::introspection_reply(found.as_ref()))))
}

/// `GET /.well-known/jwks.json`
pub(super) async fn keys(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(service.vault.token_keys())
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414)
pub(super) async fn metadata(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(Metadata::new(&service.vault.issuer()))
}
