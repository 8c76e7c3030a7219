//! The endpoint table of operations.

use actix_web::http::Method;
use actix_web::{Route, web};

use super::health::{self, Health};
use crate::http::endpoint::{Answer, Endpoint};
use crate::http::schema::schema;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let endpoint = |path: &str, summary, answer, route: fn() -> Route| Endpoint {
        tag: "Operations",
        head: true,
        summary,
        answers: vec![answer],
        ..Endpoint::new(Method::GET, path.into(), route)
    };
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
    ]
}
