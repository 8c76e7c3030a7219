//! The endpoint table of this family.

use actix_web::http::Method;

use super::account::{self, Account};
use super::call::Call;
use super::error::ErrorBody;
use super::path::ACCOUNTS;
use crate::config::CcpSettings;
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, TOO_MANY};
use crate::http::schema::schema;
use crate::vault::operation::Action;

pub(super) fn endpoints(settings: &CcpSettings) -> Vec<Endpoint> {
    settings.sites.iter().map(|site| accounts(site)).collect()
}

fn accounts(site: &str) -> Endpoint {
    Endpoint {
        tag: "Central Credential Provider",
        summary: "Read the only account that has the properties",
        accept_encryption: true,
        query: account::QUERY,
        answers: vec![
            Answer::new(200, "The account", schema::<Account>),
            Answer::new(400, "A malformed request, several accounts, or the vault is unavailable", schema::<ErrorBody>),
            Answer::new(403, "The AppID is unknown, or not proven by address or certificate", schema::<ErrorBody>),
            Answer::new(404, "There is no such account, or the client may not read it", schema::<ErrorBody>),
            Answer::new(429, TOO_MANY, schema::<ErrorBody>),
            Answer::new(500, "The password is being changed, and the request is to fail then", schema::<ErrorBody>),
            Answer::new(500, "Internal error", schema::<ErrorBody>),
            Answer::new(503, "The vault is sealed", schema::<ErrorBody>),
        ],
        ..Endpoint::new(Method::GET, format!("/{site}{ACCOUNTS}"), || {
            route::<Call, _, _>(Action::ITEM_SEARCH, account::get_password)
        })
    }
}
