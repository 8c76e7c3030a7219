//! SSH keys.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::pagination;
use crate::http::pam::password_state::FAIL_ON_CHANGE;
use crate::http::pam::ssh_key::{self, SavedSshKeyPayload, SshKeyForm, SshKeyPayload, SshKeysPayload};
use crate::http::schema::schema;
use crate::vault::operation::Action;

const KEYS: &[&str] = &["/pam/key"];
const KEY: &[&str] = &["/pam/key/{key}"];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::GET, KEYS, Action::SSH_KEY_LIST, ssh_key::list)
            .summary("List the SSH keys that the client sees, without private keys")
            .list(pagination::SSH_KEYS)
            .ok("The active keys", enveloped::<SshKeysPayload>),
        Row::new(Method::POST, KEYS, Action::SSH_KEY_SAVE, ssh_key::save)
            .summary("Create an SSH key, or update the one of that identifier")
            .body(schema::<SshKeyForm>)
            .created("Number, identifier, further devices", enveloped::<SavedSshKeyPayload>),
        Row::new(Method::GET, KEY, Action::SSH_KEY_READ, ssh_key::read)
            .summary("One SSH key with its private key, by number or identifier")
            .query(&[(
                FAIL_ON_CHANGE,
                "true: refuse with 409 while a newer key has been sent to its target and is not proved",
            )])
            .conflict("The key is being changed on its target, and fail_on_change is true")
            .ok("The key", enveloped::<SshKeyPayload>),
        Row::new(Method::DELETE, KEY, Action::SSH_KEY_DEACTIVATE, ssh_key::deactivate)
            .summary("Deactivate an SSH key")
            .ok("It is inactive", enveloped::<Nothing>),
        Row::new(Method::PUT, KEY, Action::SSH_KEY_ACTIVATE, ssh_key::activate)
            .summary("Activate an SSH key")
            .ok("It is active", enveloped::<Nothing>),
    ]
}
