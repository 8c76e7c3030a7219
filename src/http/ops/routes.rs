//! The endpoint table of operations.

use actix_web::http::Method;
use actix_web::{Route, web};

use super::health::{self, Health};
use super::unseal::{self, Entry, SealView};
use crate::http::endpoint::{Answer, Endpoint, RequestBody};
use crate::http::schema::schema;

const TAG: &str = "Operations";

/// The endpoints of an open vault.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint("/health/live", "Whether the process answers", Answer::new(200, "It does", schema::<Health>), || {
            web::to(health::live)
        }),
        endpoint(
            "/health/ready",
            "Whether the database answers and the keys work",
            Answer::new(200, "They do; 503 otherwise", schema::<Health>),
            || web::to(health::ready),
        ),
        endpoint("/metrics", "Metrics for Prometheus", Answer::empty(200, "OpenMetrics text"), || {
            web::to(health::metrics)
        }),
        seal_status(|| web::to(unseal::unsealed)),
        enter_share(|| web::to(unseal::unsealed)),
    ]
}

/// The endpoints of a sealed vault.
pub(super) fn sealed_endpoints() -> Vec<Endpoint> {
    let get =
        |path: &str, route: fn() -> Route| Endpoint { head: true, ..Endpoint::new(Method::GET, path.into(), route) };
    vec![
        get("/health/live", || web::to(health::live)),
        get("/health/ready", || web::to(unseal::ready)),
        get("/metrics", || web::to(unseal::metrics)),
        seal_status(|| web::to(unseal::status)),
        enter_share(|| web::to(unseal::enter)),
    ]
}

fn endpoint(path: &str, summary: &'static str, answer: Answer, route: fn() -> Route) -> Endpoint {
    Endpoint { tag: TAG, head: true, summary, answers: vec![answer], ..Endpoint::new(Method::GET, path.into(), route) }
}

fn seal_status(route: fn() -> Route) -> Endpoint {
    let answer = Answer::new(200, "The seal, and how far an unsealing is", schema::<SealView>);
    endpoint("/unseal", "Whether the vault is sealed", answer, route)
}

fn enter_share(route: fn() -> Route) -> Endpoint {
    Endpoint {
        tag: TAG,
        summary: "Enter a share of the root key; without effect on an open vault",
        body: Some(RequestBody { media_types: &["application/json"], schema: schema::<Entry> }),
        answers: vec![
            Answer::new(200, "The share is one of the root key, or the vault is open", schema::<SealView>),
            Answer::new(400, "It is not, or the body has another form; nothing has changed", schema::<Health>),
        ],
        ..Endpoint::new(Method::POST, "/unseal".into(), route)
    }
}
