//! Checking and inserting a new authorization.

use chrono::{DateTime, Utc};

use super::{AuthorizationRequest, check_expiry, roles_without_resource};
use crate::clock::to_micros;
use crate::store::client::{self, NewAuthorization};
use crate::store::id::AuthorizationId;
use crate::token::SecretHash;
use crate::vault::access::sender_constraint::SenderConstraint;
use crate::vault::access::{AllowedOrigins, Resource, app_id, application};
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError};

/// Inserts an authorization with the hash of its secret. Response key and roles of the request are for the caller.
///
/// # Errors
/// As [`crate::vault::Vault::create_authorization`].
pub(in crate::vault::access) fn insert(
    context: &mut OperationContext<'_>,
    request: &AuthorizationRequest,
    client_id: &str,
    hash: Option<&SecretHash>,
) -> Result<AuthorizationId, VaultError> {
    let restrictions = checked_restrictions(request, context.now())?;
    let resources: Vec<&str> = request.resources.iter().map(|resource| resource.as_str()).collect();
    let (application_id, now) = (application::id_by_name(context, &request.application)?, context.micros());
    let row = NewAuthorization {
        application_id,
        client_id,
        access: request.access.as_str(),
        resources: &resources.join(","),
        allowed_ips: &restrictions.sources,
        referers: &restrictions.referers,
        certificates: &restrictions.certificates,
        sender_constraint: request.sender_constraint.map(SenderConstraint::as_str),
        expires_at: request.expires_at.map(to_micros),
        active: true,
        created_at: now,
    };
    let id = client::insert_authorization(context.connection(), &row)?;
    if let Some(hash) = hash {
        client::insert_client_secret(context.connection(), id, hash.as_bytes(), now)?;
    }
    Ok(id)
}

/// The restrictions of a new authorization, as they are stored.
struct Restrictions {
    sources: String,
    referers: String,
    certificates: String,
}

/// Checks a request. Rejects an empty restriction, as from an unset shell variable: it would mean no restriction.
fn checked_restrictions(request: &AuthorizationRequest, now: DateTime<Utc>) -> Result<Restrictions, VaultError> {
    let lists = [
        (Field::AllowedAddress, &request.allowed_ips),
        (Field::AllowedReferer, &request.allowed_referers),
        (Field::Certificate, &request.certificates),
    ];
    for (field, list) in lists {
        if list.iter().any(|entry| entry.trim().is_empty()) {
            return Err(VaultError::invalid(field, "must not be empty; use * for no restriction"));
        }
    }
    let [sources, referers, certificates] = lists.map(|(_, list)| list.join(","));
    let origins = AllowedOrigins::parse(&sources, &referers, &certificates).map_err(|error| error.into_error())?;
    if request.resources.is_empty() {
        return Err(VaultError::Missing(Field::Resource));
    }
    app_id::require_bound(&request.resources, &origins)?;
    if request.sender_constraint.is_some() && request.resources.contains(&Resource::AppId) {
        let expected = "an authorization with the resource app-id is used without a token, which so cannot be bound";
        return Err(VaultError::invalid(Field::SenderConstraint, expected));
    }
    if !request.roles.is_empty() && !request.resources.contains(&Resource::Administration) {
        return Err(roles_without_resource());
    }
    check_expiry(request.expires_at, now)?;
    Ok(Restrictions { sources, referers, certificates })
}
