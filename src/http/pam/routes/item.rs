//! Items, by name.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::envelope::enveloped;
use crate::http::pam::item::{self, ItemPayload};
use crate::vault::operation::Action;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::GET, &["/pam/item/{key}"], Action::ITEM_READ, item::read)
            .summary("One credential, SSH key or protected-information record by name, without custody")
            .ok("The item with its secrets", enveloped::<ItemPayload>)
            .without_etag(),
    ]
}
