//! Credentials: one by one, many at once, and in use.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::batch::{self, BatchForm, BatchPayload};
use crate::http::pam::credential;
use crate::http::pam::credential_wire::{
    CredentialForm, CredentialPayload, CredentialsPayload, SavedPayload, TotpPayload,
};
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::pagination;
use crate::http::pam::password_state::FAIL_ON_CHANGE;
use crate::http::pam::use_credential::{self, UseForm, UsePayload};
use crate::http::schema::schema;
use crate::vault::operation::Action;

const CREDENTIALS: &[&str] = &["/pam/credential"];
const CREDENTIAL: &[&str] = &["/pam/credential/{key}"];

const ACCOUNT_NOT_MADE: &str = "The account exists just in time, and was not created on its target";
const BEING_CHANGED: &str = "The password is being changed on its target, and fail_on_change is true";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::GET, CREDENTIALS, Action::CREDENTIAL_LIST, credential::list)
            .summary("List the credentials that the client sees, without secrets")
            .list(pagination::CREDENTIALS)
            .one_by_query()
            .conflict(ACCOUNT_NOT_MADE)
            .conflict(BEING_CHANGED)
            .ok(
                "The active credentials; with credential, that one as GET …/credential/{key} answers it",
                enveloped::<CredentialsPayload>,
            ),
        Row::new(Method::POST, CREDENTIALS, Action::CREDENTIAL_SAVE, credential::save)
            .summary("Create or update a credential, by identifier, else by hostname, ip and username")
            .body(schema::<CredentialForm>)
            .created("Its number and identifier", enveloped::<SavedPayload>),
        Row::new(Method::DELETE, &["/pam/credential/custody/{key}"], Action::CUSTODY_RELEASE, credential::release)
            .summary("Give back a credential")
            .ok("It is no longer in the client's custody", enveloped::<Nothing>),
        Row::new(Method::GET, CREDENTIAL, Action::CREDENTIAL_READ, credential::read)
            .summary("One credential with its password, by number, identifier or username@hostname; takes custody")
            .query(&[(
                FAIL_ON_CHANGE,
                "true: refuse with 409 while a newer password has been sent to its target and is not proved",
            )])
            .conflict(ACCOUNT_NOT_MADE)
            .conflict(BEING_CHANGED)
            .ok("The credential", enveloped::<CredentialPayload>),
        Row::new(Method::DELETE, CREDENTIAL, Action::CREDENTIAL_DEACTIVATE, credential::deactivate)
            .summary("Deactivate a credential")
            .ok("It is inactive", enveloped::<Nothing>),
        Row::new(Method::PUT, CREDENTIAL, Action::CREDENTIAL_ACTIVATE, credential::activate)
            .summary("Activate a credential")
            .ok("It is active", enveloped::<Nothing>),
        Row::new(Method::GET, &["/pam/credential/{key}/totp"], Action::CREDENTIAL_TOTP, credential::totp)
            .summary("The present one-time password of a credential (RFC 6238); the seed stays in the vault")
            .ok("The code", enveloped::<TotpPayload>),
        Row::new(Method::POST, &["/pam/use"], Action::CREDENTIAL_USE, use_credential::use_credential)
            .summary("Find a credential, take it into custody, and have all that a login needs")
            .body(schema::<UseForm>)
            .conflict("Several credentials match; the payload has the candidates")
            .conflict(ACCOUNT_NOT_MADE)
            .ok("Password, one-time password, device", enveloped::<UsePayload>)
            .without_etag(),
        Row::new(Method::POST, &["/pam/credential/batch"], Action::CREDENTIAL_BATCH, batch::batch)
            .summary("Read, create or update up to 500 credentials, each with an answer of its own")
            .body(schema::<BatchForm>)
            .ok("The answers, in the order of the items", enveloped::<BatchPayload>)
            .without_etag(),
    ]
}
