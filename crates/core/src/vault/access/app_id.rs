//! Authentication by AppID: a program names its authorization, and only its source address or its certificate prove it.
//!
//! An AppID is no secret. An authorization is therefore found by it only if the operator has granted it the resource
//! [`Resource::AppId`] and it is bound to addresses or certificates. All failures are one error, and
//! failed attempts of a network are limited, so that AppIDs cannot be tried out; programs that were proven from there before
//! are let in nevertheless.

use std::sync::Arc;

use super::authentication::AuthenticationFailure;
use super::guessing::LoginAttempt;
use super::sender_constraint::PresentedToken;
use super::{AllowedOrigins, Client, Origin, Resource};
use crate::vault::operation::{Principal, Request};
use crate::vault::{Field, Vault, VaultError};

/// Requires that an authorization which is found by its AppID is bound to addresses or certificates.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(super) fn require_bound(resources: &[Resource], origins: &AllowedOrigins) -> Result<(), VaultError> {
    if !resources.contains(&Resource::AppId) || origins.are_bound() {
        return Ok(());
    }
    let expected = "the resource app-id needs --allow-ip narrower than everything, or --certificate-fingerprint";
    Err(VaultError::invalid(Field::AllowedAddress, expected))
}

impl Vault {
    /// Authenticates a request by an AppID: the client id of an authorization, or the name of its application. With a token,
    /// the AppID must name the token's authorization.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log and, without a token, against the source.
    pub fn authenticate_app_id(
        &self,
        app_id: &str,
        token: Option<PresentedToken<'_>>,
        origin: Origin,
    ) -> Result<Request, AuthenticationFailure> {
        let failed = |origin: &Origin, known: &str, failure| {
            self.note_failure(origin, known, failure);
            Err(failure)
        };
        if token.is_some() {
            let request = self.authenticate(token, origin)?;
            return match request.principal() {
                Principal::Client(client)
                    if [&client.client_id, &client.application].contains(&&app_id.to_string()) =>
                {
                    Ok(request)
                }
                principal => failed(request.origin(), principal.actor(), AuthenticationFailure::AppIdOfAnother),
            };
        }
        let grants = self.0.grants.load();
        let named = grants.clients_of_app_id(app_id);
        let attempt = LoginAttempt::of_app_id(origin.source, app_id, named);
        let limited = self.check_attempt(&attempt);
        match limited.and_then(|()| self.proven(named, &origin)) {
            Ok(client) => {
                self.remember_place(&attempt);
                Ok(Request::new(Principal::Client(client), origin))
            }
            Err(failure @ AuthenticationFailure::TooManyAttempts { .. }) => failed(&origin, "", failure),
            Err(failure) => {
                self.count_failed_attempt(&attempt);
                let known = if let [only] = named { only.client_id.as_str() } else { "" };
                failed(&origin, known, failure)
            }
        }
    }

    /// Returns the only client of an AppID that the origin proves.
    fn proven(&self, named: &[Arc<Client>], origin: &Origin) -> Result<Arc<Client>, AuthenticationFailure> {
        let now = self.0.clock.now();
        let check = |client: &Client| {
            if !client.origins.are_bound() || client.sender_constraint.is_some() {
                return Err(AuthenticationFailure::AppIdNotAllowed);
            }
            if !client.is_live(now) {
                return Err(AuthenticationFailure::ClientNotLive);
            }
            client.origins.admit(origin).map_err(AuthenticationFailure::OriginNotAllowed)
        };
        let mut admitted = named.iter().filter(|client| check(client).is_ok());
        match (admitted.next(), admitted.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (Some(_), Some(_)) => Err(AuthenticationFailure::AppIdAmbiguous),
            (None, _) => {
                // The same work as for an AppID that exists.
                let _ = AllowedOrigins::nowhere().admit(origin);
                let first = named.first().and_then(|client| check(client).err());
                Err(first.unwrap_or(AuthenticationFailure::UnknownClient))
            }
        }
    }
}
