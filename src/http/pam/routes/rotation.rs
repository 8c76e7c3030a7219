//! Changes of passwords on their targets.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::envelope::enveloped;
use crate::http::pam::rotation::{self, DecisionForm, RotationPayload, UnverifiedPayload};
use crate::http::schema::schema;
use crate::vault::operation::Action;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::POST, &["/pam/credential/{key}/rotate"], Action::ROTATION_REQUEST, rotation::request)
            .summary("Change the password on its target, in the background; GET …/rotation tells how far it is")
            .created("The state of the rotation", enveloped::<RotationPayload>),
        Row::new(Method::GET, &["/pam/credential/{key}/rotation"], Action::ROTATION_STATUS, rotation::status)
            .summary("The state of the change of a password, without values")
            .ok("The state", enveloped::<RotationPayload>)
            .without_etag(),
        Row::new(
            Method::GET,
            &["/pam/credential/{key}/rotation/passwords"],
            Action::ROTATION_RECOVER,
            rotation::recover,
        )
        .summary("Both values of a password while its change is not proved; takes custody")
        .ok("The current value and the candidate", enveloped::<UnverifiedPayload>)
        .without_etag(),
        Row::new(Method::POST, &["/pam/credential/{key}/rotation/decision"], Action::ROTATION_DECIDE, rotation::decide)
            .summary("Decide a rotation that does not go on by itself")
            .body(schema::<DecisionForm>)
            .created("The state of the rotation", enveloped::<RotationPayload>),
    ]
}
