//! The read call of `CyberArk`'s Central Credential Provider: `GET /AIMWebService/api/Accounts` (contract facades, section 3).
//!
//! Off by default. An item is read without custody (see `vault::item`). The AppID of a request is a name and no secret:
//! `vault::access` proves it by source address or certificate.

mod account;
mod call;
mod error;
mod path;
mod query;
mod routes;
mod search;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved};
use crate::config::CcpSettings;
use error::CcpError;

/// The family.
pub(super) struct Ccp {
    settings: CcpSettings,
}

impl Ccp {
    pub(super) fn new(settings: &CcpSettings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Family for Ccp {
    fn name(&self) -> &'static str {
        "ccp"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(&self.settings)
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        path::normalized(sent, &self.settings.sites).map(Cow::Owned)
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let error = match call::record_unserved(&request, unserved).await {
                Ok(()) => CcpError::Unserved(unserved),
                Err(error) => error,
            };
            error.respond()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        CcpError::from(failure).respond()
    }
}

/// Parses a query, for [`crate::fuzz`].
pub(super) fn fuzz_query(text: &str) {
    let (parameters, _) = query::Parameters::parse(text);
    let _ = search::parse(&parameters);
}
