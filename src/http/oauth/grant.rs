//! The grants of the token endpoint: a client's own credentials, or the token of a workload as an assertion (RFC 7523, section
//! 2.1) or in exchange (RFC 8693).

use super::error::ErrorKind;
use super::form::Form;
use super::wire::{ACCESS_TOKEN, CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE};
use crate::crypto::SecretText;
use crate::vault::access::workload::login::WorkloadLogin;

/// The types of a workload's token.
const SUBJECT_TYPES: [&str; 2] = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

/// A grant.
pub(super) enum Grant {
    /// A client authenticates.
    ClientCredentials,
    /// A workload sends its token.
    JwtBearer(WorkloadLogin),
    /// The same, and the answer names the type of the issued token.
    TokenExchange(WorkloadLogin),
}

impl Grant {
    /// Reads the grant.
    ///
    /// # Errors
    /// [`ErrorKind::GrantTypeMissing`], [`ErrorKind::GrantTypeUnsupported`], [`ErrorKind::GrantParameter`]
    pub(super) fn from_form(form: &Form) -> Result<Self, ErrorKind> {
        match form.get("grant_type") {
            None => Err(ErrorKind::GrantTypeMissing),
            Some(CLIENT_CREDENTIALS) => Ok(Self::ClientCredentials),
            Some(JWT_BEARER) => {
                let token = form.secret("assertion").ok_or(ErrorKind::GrantParameter("assertion is missing"))?;
                Ok(Self::JwtBearer(login(form, token)))
            }
            Some(TOKEN_EXCHANGE) => Self::exchange(form),
            Some(_) => Err(ErrorKind::GrantTypeUnsupported),
        }
    }

    fn exchange(form: &Form) -> Result<Self, ErrorKind> {
        let wrong = |message| Err(ErrorKind::GrantParameter(message));
        let Some(token) = form.secret("subject_token") else { return wrong("subject_token is missing") };
        if !form.get("subject_token_type").is_some_and(|kind| SUBJECT_TYPES.contains(&kind)) {
            return wrong(
                "subject_token_type must be urn:ietf:params:oauth:token-type:jwt or \
                 urn:ietf:params:oauth:token-type:id_token",
            );
        }
        if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return wrong("requested_token_type must be urn:ietf:params:oauth:token-type:access_token");
        }
        if form.get("actor_token").is_some() {
            return wrong("actor_token is not supported");
        }
        Ok(Self::TokenExchange(login(form, token)))
    }
}

/// The login of a workload, which may name its client.
fn login(form: &Form, token: SecretText) -> WorkloadLogin {
    WorkloadLogin { token, role: form.get("client_id").map(String::from) }
}
