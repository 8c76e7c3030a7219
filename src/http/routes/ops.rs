//! What the operator sees.

use actix_web::http::Method;
use actix_web::web;

use super::{Answer, Endpoint, Row, ok, plain};
use crate::http::described::described;
use crate::http::ops::{self, Health};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let rows = [
        Row {
            method: Method::GET,
            paths: &["/health/live"],
            summary: "Whether the process answers",
            query: &[],
            body: None,
            success: ok("It does", described::<Health>),
            route: || web::to(ops::live),
        },
        Row {
            method: Method::GET,
            paths: &["/health/ready"],
            summary: "Whether the database answers and the keys work",
            query: &[],
            body: None,
            success: ok("They do; 503 otherwise", described::<Health>),
            route: || web::to(ops::ready),
        },
        Row {
            method: Method::GET,
            paths: &["/metrics"],
            summary: "Figures for Prometheus",
            query: &[],
            body: None,
            success: Answer { status: 200, meaning: "OpenMetrics text", body: None },
            route: || web::to(ops::figures),
        },
    ];
    plain("Operations", &rows, |row| vec![row.success])
}
