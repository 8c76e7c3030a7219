//! Changes of passwords and SSH keys on their targets.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::envelope::enveloped;
use crate::http::pam::rotation::{self, DecisionForm, RotationPayload, UnverifiedKeysPayload, UnverifiedPayload};
use crate::http::schema::schema;
use crate::vault::operation::Action;
use crate::vault::rotation::Rotatable;

/// The paths of a noun: the request, the state, a decision.
type Paths = [&'static [&'static str]; 3];

const CREDENTIAL: Paths = [
    &["/pam/credential/{key}/rotate"],
    &["/pam/credential/{key}/rotation"],
    &["/pam/credential/{key}/rotation/decision"],
];
const SSH_KEY: Paths =
    [&["/pam/key/{key}/rotate"], &["/pam/key/{key}/rotation"], &["/pam/key/{key}/rotation/decision"]];

pub(super) fn rows() -> Vec<Row> {
    let nouns = [(Rotatable::Credential, CREDENTIAL), (Rotatable::SshKey, SSH_KEY)];
    let mut rows: Vec<Row> = nouns.into_iter().flat_map(|(noun, paths)| rotations(noun, paths)).collect();
    let passwords = &["/pam/credential/{key}/rotation/passwords"];
    let keys = &["/pam/key/{key}/rotation/passwords"];
    rows.extend([
        Row::new(Method::GET, passwords, Action::ROTATION_RECOVER, rotation::recover_passwords)
            .summary("Both values of a password while its change is not proved; takes custody")
            .ok("The current value and the candidate", enveloped::<UnverifiedPayload>)
            .without_etag(),
        Row::new(Method::GET, keys, Action::ROTATION_RECOVER, rotation::recover_keys)
            .summary("Both values of an SSH key while its change is not proved")
            .ok("The current key and the candidate, each with its passphrase", enveloped::<UnverifiedKeysPayload>)
            .without_etag(),
    ]);
    rows
}

fn rotations(noun: Rotatable, [rotate, state, decision]: Paths) -> [Row; 3] {
    [
        Row::new(Method::POST, rotate, Action::ROTATION_REQUEST, move |call| rotation::request(call, noun))
            .summary("Change the secret on its target, in the background; GET …/rotation tells how far it is")
            .created("The state of the rotation", enveloped::<RotationPayload>),
        Row::new(Method::GET, state, Action::ROTATION_STATUS, move |call| rotation::status(call, noun))
            .summary("The state of the change of a secret, without values")
            .ok("The state", enveloped::<RotationPayload>)
            .without_etag(),
        Row::new(Method::POST, decision, Action::ROTATION_DECIDE, move |call| rotation::decide(call, noun))
            .summary("Decide a rotation that does not go on by itself")
            .body(schema::<DecisionForm>)
            .created("The state of the rotation", enveloped::<RotationPayload>),
    ]
}
