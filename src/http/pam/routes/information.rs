//! Protected information.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::information::{
    self, InformationForm, InformationListPayload, InformationPayload, SavedInformationPayload,
};
use crate::http::pam::pagination;
use crate::http::schema::schema;
use crate::vault::operation::Action;

const LIST: &[&str] = &["/pam/info"];
const ITEM: &[&str] = &["/pam/info/{key}"];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::GET, LIST, Action::INFORMATION_LIST, information::list)
            .summary("List the protected information that the client sees, without texts")
            .list(pagination::INFORMATION)
            .ok("The active information", enveloped::<InformationListPayload>),
        Row::new(Method::POST, LIST, Action::INFORMATION_SAVE, information::save)
            .summary("Create a protected-information record, or update the one of that identifier")
            .body(schema::<InformationForm>)
            .created("The record", enveloped::<SavedInformationPayload>),
        Row::new(Method::GET, ITEM, Action::INFORMATION_READ, information::read)
            .summary("One protected-information record with its text, by number or identifier")
            .ok("The record", enveloped::<InformationPayload>),
        Row::new(Method::DELETE, ITEM, Action::INFORMATION_DEACTIVATE, information::deactivate)
            .summary("Deactivate a protected-information record")
            .ok("It is inactive", enveloped::<Nothing>),
        Row::new(Method::PUT, ITEM, Action::INFORMATION_ACTIVATE, information::activate)
            .summary("Activate a protected-information record")
            .ok("It is active", enveloped::<Nothing>),
    ]
}
