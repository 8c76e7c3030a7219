//! The endpoint table of this family.

use actix_web::Route;
use actix_web::http::Method;

use super::call::Call;
use super::secret;
use super::wire::{ApplicationBody, ErrorBody, SecretsBody};
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint};
use crate::http::schema::schema;
use crate::vault::operation::Action;

const TAG: &str = "DevOps secrets";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint {
            summary: "Read every secret of the authorization, with its application",
            answers: answers(Answer::new(200, "The application with its secrets", schema::<ApplicationBody>)),
            ..endpoint("/iso/dapp/application", || route::<Call, _, _>(Action::APPLICATION_READ, secret::application))
        },
        Endpoint {
            summary: "Read every secret of the authorization",
            answers: answers(Answer::new(200, "The secrets", schema::<SecretsBody>)),
            ..endpoint("/iso/sctm/secret", || route::<Call, _, _>(Action::APPLICATION_READ, secret::secrets))
        },
    ]
}

fn endpoint(path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { tag: TAG, bearer: true, ..Endpoint::new(Method::GET, path.into(), route) }
}

fn answers(answer: Answer) -> Vec<Answer> {
    vec![
        answer,
        Answer::new(400, "The request is malformed, or there are too many secrets", schema::<ErrorBody>),
        Answer::new(401, "No valid token", schema::<ErrorBody>),
        Answer::new(403, "No permission", schema::<ErrorBody>),
        Answer::new(503, "Temporarily unavailable", schema::<ErrorBody>),
    ]
}
