//! The endpoint table of this family.

use actix_web::Route;
use actix_web::http::Method;

use super::call::Call;
use super::requests::{RegistrationRequest, SecretRequest, VariablesRequest};
use super::wire::{ApplicationBody, ErrorBody, RegistrationBody, SecretsBody};
use super::{registration, save, secret, variables};
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, RequestBody, TOO_MANY};
use crate::http::schema::{NamedSchema, schema};
use crate::vault::operation::Action;

const TAG: &str = "DevOps secrets";
const APPLICATION: &str = "/iso/dapp/application";
const SECRET: &str = "/iso/sctm/secret";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint {
            summary: "Read every secret of the authorization, with its application",
            answers: answers(vec![Answer::new(200, "The application with its secrets", schema::<ApplicationBody>)]),
            ..endpoint(Method::GET, APPLICATION, || route::<Call, _, _>(Action::APPLICATION_READ, secret::application))
        },
        Endpoint {
            summary: "Register an application: find or create the authorization for a system and an environment",
            answers: answers(vec![Answer::new(200, "The authorization, with a secret", schema::<RegistrationBody>)]),
            body: body(schema::<RegistrationRequest>),
            ..endpoint(Method::POST, APPLICATION, || {
                route::<Call, _, _>(Action::APPLICATION_REGISTER, registration::register)
            })
        },
        Endpoint {
            summary: "Disable the authorization of the caller",
            answers: answers(vec![Answer::new(200, "It is disabled", schema::<ErrorBody>)]),
            ..endpoint(Method::DELETE, "/iso/dapp/application/authorization", || {
                route::<Call, _, _>(Action::AUTHORIZATION_DISABLE_OWN, registration::disable)
            })
        },
        Endpoint {
            summary: "Read every secret of the authorization",
            answers: answers(vec![Answer::new(200, "The secrets", schema::<SecretsBody>)]),
            ..endpoint(Method::GET, SECRET, || route::<Call, _, _>(Action::APPLICATION_READ, secret::secrets))
        },
        Endpoint {
            summary: "Create a secret, or add a version to the one with the same identity",
            answers: answers(vec![
                Answer::new(200, "The updated secret, in its application", schema::<ApplicationBody>),
                Answer::new(201, "The new secret, in its application", schema::<ApplicationBody>),
            ]),
            body: body(schema::<SecretRequest>),
            ..endpoint(Method::POST, SECRET, || route::<Call, _, _>(Action::APPLICATION_SECRET_SAVE, save::save))
        },
        Endpoint {
            summary: "Save the variables of a pipeline as secrets",
            answers: answers(vec![Answer::new(200, "They are saved", schema::<ErrorBody>)]),
            body: body(schema::<VariablesRequest>),
            ..endpoint(Method::POST, "/iso/cicd/variables", || {
                route::<Call, _, _>(Action::APPLICATION_SECRET_IMPORT, variables::register)
            })
        },
    ]
}

fn endpoint(method: Method, path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { tag: TAG, bearer: true, accept_encryption: true, ..Endpoint::new(method, path.into(), route) }
}

fn body(schema: fn() -> NamedSchema) -> Option<RequestBody> {
    Some(RequestBody { media_types: &["application/json", "application/x-www-form-urlencoded"], schema })
}

fn answers(successes: Vec<Answer>) -> Vec<Answer> {
    let errors = [
        Answer::new(400, "The request is malformed, or there are too many secrets", schema::<ErrorBody>),
        Answer::new(401, "No valid token", schema::<ErrorBody>),
        Answer::new(403, "No permission", schema::<ErrorBody>),
        Answer::new(429, TOO_MANY, schema::<ErrorBody>),
        Answer::new(503, "Temporarily unavailable", schema::<ErrorBody>),
    ];
    successes.into_iter().chain(errors).collect()
}
