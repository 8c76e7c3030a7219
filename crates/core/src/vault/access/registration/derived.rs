//! A new authorization, derived from that of its registrar: it may be used from nowhere else, no longer, and no less securely.

use super::RegistrationRequest;
use crate::clock::from_micros;
use crate::store::StoreError;
use crate::store::client::AuthorizationRow;
use crate::text::comma_separated;
use crate::vault::access::authorization::AuthorizationRequest;
use crate::vault::access::sender_constraint::SenderConstraint;
use crate::vault::access::{AllowedOrigins, Client, ClientAccess, Resource};
use crate::vault::{Field, VaultError};

/// Returns the request for a new authorization. It has the restrictions of the caller, whose row is `own`; a list that is sent can
/// only be narrower.
///
/// # Errors
/// [`VaultError::Invalid`] for a list that allows more.
pub(super) fn derived(
    caller: &Client,
    own: &AuthorizationRow,
    request: &RegistrationRequest,
) -> Result<AuthorizationRequest, VaultError> {
    let new = AuthorizationRequest::new(&request.application, vec![Resource::Dsm], ClientAccess::ReadWrite);
    let new = AuthorizationRequest {
        allowed_ips: narrower(&request.allowed_ips, &own.allowed_ips),
        allowed_referers: narrower(&request.allowed_referers, &own.referers),
        certificates: narrower(&request.certificates, &own.certificates),
        sender_constraint: own.sender_constraint.as_deref().map(stored_constraint).transpose()?,
        expires_at: [own.expires_at.map(from_micros), request.expires_at].into_iter().flatten().min(),
        response_key: caller.response_key.clone(),
        ..new
    };
    let lists = [&new.allowed_ips, &new.allowed_referers, &new.certificates].map(|list| list.join(","));
    let [sources, referers, certificates] = lists;
    let origins = AllowedOrigins::parse(&sources, &referers, &certificates).map_err(|error| error.into_error())?;
    origins.check_within(&caller.origins).map_err(wider)?;
    Ok(new)
}

fn wider(field: Field) -> VaultError {
    VaultError::invalid(field, "must be within what the caller's authorization allows")
}

/// Returns the list that is sent, or that of the caller in place of one that restricts nothing.
fn narrower(sent: &Option<Vec<String>>, own: &str) -> Vec<String> {
    match sent {
        Some(list) if !list.iter().all(|entry| entry.trim() == "*") => list.clone(),
        _ => comma_separated(own).map(String::from).collect(),
    }
}

fn stored_constraint(name: &str) -> Result<SenderConstraint, VaultError> {
    name.parse().map_err(|_| StoreError::Query("an unknown sender constraint").into())
}
