//! Calls made for robots: everything in one. Additions to the contract.

use actix_web::http::Method;
use actix_web::web;

use super::{Row, ok};
use crate::http::described::{described, enveloped};
use crate::http::pam::batch::{self, BatchForm, BatchPayload};
use crate::http::pam::using::{self, UseForm, UsePayload};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            method: Method::POST,
            paths: &["/pam/use"],
            summary: "Find a credential, take it into custody, and have all that a login needs",
            query: &[],
            body: Some(described::<UseForm>),
            success: ok(
                "Password, one-time password, device; 409 with candidates when several match",
                enveloped::<UsePayload>,
            ),
            route: || web::to(using::use_credential),
        },
        Row {
            method: Method::POST,
            paths: &["/pam/credential/batch"],
            summary: "Read, create or update up to 500 credentials, each with an answer of its own",
            query: &[],
            body: Some(described::<BatchForm>),
            success: ok("The answers, in the order of the items", enveloped::<BatchPayload>),
            route: || web::to(batch::batch),
        },
    ]
}
