//! The endpoint table of this family.

use std::future::Future;

use actix_web::HttpResponse;
use actix_web::http::Method;

use super::call::Call;
use super::error::DsmError;
use super::requests::{RegistrationRequest, SecretRequest, VariablesRequest};
use super::wire::{ApplicationBody, ErrorBody, RegistrationBody, SecretsBody};
use super::{registration, save, secret, variables};
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, IDEMPOTENCY_KEY, RequestBody, TOO_MANY};
use crate::http::schema::{NamedSchema, schema};
use crate::vault::operation::Action;

const TAG: &str = "DevOps secrets";
const APPLICATION: &str = "/iso/dapp/application";
const SECRET: &str = "/iso/sctm/secret";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let application = Answer::new(200, "The application with its secrets", schema::<ApplicationBody>);
    let registered = Answer::new(200, "The authorization, with a secret", schema::<RegistrationBody>);
    let disabled = Answer::new(200, "It is disabled", schema::<ErrorBody>);
    let secrets = Answer::new(200, "The secrets", schema::<SecretsBody>);
    let saved = [
        Answer::new(200, "The updated secret, in its application", schema::<ApplicationBody>),
        Answer::new(201, "The new secret, in its application", schema::<ApplicationBody>),
    ];
    let imported = Answer::new(200, "They are saved", schema::<ErrorBody>);
    vec![
        Endpoint {
            summary: "Read every secret of the authorization, with its application",
            ..endpoint(Method::GET, APPLICATION, Action::APPLICATION_READ, &[application], secret::application)
        },
        Endpoint {
            summary: "Register an application: find or create the authorization for a system and an environment",
            body: body(schema::<RegistrationRequest>),
            ..endpoint(Method::POST, APPLICATION, Action::APPLICATION_REGISTER, &[registered], registration::register)
        },
        Endpoint {
            summary: "Disable the authorization of the caller",
            ..endpoint(
                Method::DELETE,
                "/iso/dapp/application/authorization",
                Action::AUTHORIZATION_DISABLE_OWN,
                &[disabled],
                registration::disable,
            )
        },
        Endpoint {
            summary: "Read every secret of the authorization",
            ..endpoint(Method::GET, SECRET, Action::APPLICATION_READ, &[secrets], secret::secrets)
        },
        Endpoint {
            summary: "Create a secret, or add a version to the one with the same identity",
            body: body(schema::<SecretRequest>),
            ..endpoint(Method::POST, SECRET, Action::APPLICATION_SECRET_SAVE, &saved, save::save)
        },
        Endpoint {
            summary: "Save the variables of a pipeline as secrets",
            body: body(schema::<VariablesRequest>),
            ..endpoint(
                Method::POST,
                "/iso/cicd/variables",
                Action::APPLICATION_SECRET_IMPORT,
                &[imported],
                variables::register,
            )
        },
    ]
}

fn endpoint<H, F>(method: Method, path: &str, action: Action, successes: &[Answer], handler: H) -> Endpoint
where
    H: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, DsmError>> + 'static,
{
    Endpoint {
        tag: TAG,
        bearer: true,
        accept_encryption: true,
        headers: if action.is_idempotent() { &[IDEMPOTENCY_KEY] } else { &[] },
        answers: answers(&method, action, successes),
        ..Endpoint::new(method, path.into(), move || route(action, handler.clone()))
    }
}

fn body(schema: fn() -> NamedSchema) -> Option<RequestBody> {
    Some(RequestBody { media_types: &["application/json", "application/x-www-form-urlencoded"], schema })
}

fn answers(method: &Method, action: Action, successes: &[Answer]) -> Vec<Answer> {
    let mut errors = vec![
        (400, "The request is malformed, or there are too many secrets"),
        (401, "No valid token"),
        (403, "No permission"),
        (429, TOO_MANY),
        (500, "Internal error"),
        (503, "Temporarily unavailable"),
    ];
    if action.is_write() {
        errors.push((412, "The request has If-Match or If-None-Match; these objects have no ETag"));
    }
    if action.is_idempotent() {
        errors.push((409, "The idempotency key was used for another request"));
    }
    // Nothing reads the body of another method.
    if *method == Method::POST {
        errors.push((413, "The body is larger than the settings allow"));
        errors.push((415, "The body has a content coding, a charset other than UTF-8, or is neither JSON nor a form"));
    }
    let error = |(status, meaning)| Answer::new(status, meaning, schema::<ErrorBody>);
    successes.iter().copied().chain(errors.into_iter().map(error)).collect()
}
