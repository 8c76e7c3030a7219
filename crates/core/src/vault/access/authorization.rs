//! Authorizations: the API clients of applications, their secrets and roles.

mod insert;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::security_claim::roles_of_clients;
use super::sender_constraint::SenderConstraint;
use super::{ClientAccess, Resource, response_key, role};
use crate::clock::{from_micros, to_micros};
use crate::crypto::{ResponseKey, random_bytes};
use crate::store::client::{self, AuthorizationRow};
use crate::store::id::AuthorizationId;
use crate::store::lock::lock_name;
use crate::store::meta;
use crate::store::role as role_store;
use crate::token::ClientSecret;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

pub(super) use insert::insert;

/// Parameters of a request to create an authorization.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Its application.
    pub application: String,
    /// Resources that it may call.
    pub resources: Vec<Resource>,
    /// Read or write access.
    pub access: ClientAccess,
    /// Allowed source addresses: addresses, ranges, or `*` alone. Empty: any.
    pub allowed_ips: Vec<String>,
    /// Allowed referers: hosts, `*.domain`, URLs, or `*` alone. Empty: any.
    pub allowed_referers: Vec<String>,
    /// SHA-256 fingerprints of the accepted client certificates. Empty: no certificate is required.
    pub certificates: Vec<String>,
    /// How its tokens have to be bound; `None`: bearer tokens will do.
    pub sender_constraint: Option<SenderConstraint>,
    /// Whether it gets a secret. Without one it authenticates by other means, such as its own key.
    pub has_secret: bool,
    /// Time of expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// The public key under which the secrets in its responses are encrypted.
    pub response_key: Option<Arc<ResponseKey>>,
    /// Its roles, by name.
    pub roles: Vec<String>,
}

impl AuthorizationRequest {
    /// An authorization without restrictions: from anywhere, without expiry, with plain secrets.
    pub fn new(application: &str, resources: Vec<Resource>, access: ClientAccess) -> Self {
        Self {
            application: application.into(),
            resources,
            access,
            allowed_ips: Vec::new(),
            allowed_referers: Vec::new(),
            certificates: Vec::new(),
            sender_constraint: None,
            has_secret: true,
            expires_at: None,
            response_key: None,
            roles: Vec::new(),
        }
    }
}

/// A client with its new secret.
#[derive(Debug)]
pub struct NewClient {
    /// The public name.
    pub client_id: String,
    /// The secret; the vault stores only its hash. `None` for a client without one.
    pub client_secret: Option<ClientSecret>,
}

/// An authorization, without its secrets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuthorizationSummary {
    pub application: String,
    pub client_id: String,
    pub resources: String,
    pub roles: Vec<String>,
    pub access: String,
    pub allowed_ips: String,
    pub referers: String,
    pub certificates: String,
    pub sender_constraint: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub active: bool,
    /// The number of live secrets.
    pub secrets: usize,
}

impl Vault {
    /// Creates an authorization of an application.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for an invalid or empty restriction; [`VaultError::NotFound`] for an unknown
    /// application or role.
    pub async fn create_authorization(
        &self,
        permit: Permit,
        request: AuthorizationRequest,
    ) -> Result<NewClient, VaultError> {
        let client_id = hex::encode(random_bytes::<20>());
        let client_secret = request.has_secret.then(ClientSecret::generate);
        let hash = client_secret.as_ref().map(ClientSecret::hash);
        let name = client_id.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let id = insert(context, &request, &name, hash.as_ref())?;
            if let Some(key) = &request.response_key {
                response_key::store(context, id, key)?;
            }
            for name in &request.roles {
                let role = role::id_by_name(context, name)?;
                role_store::assign_to_authorization(context.connection(), id, role)?;
            }
            changed(context, id)
        };
        self.execute_and_refresh(permit, rule).await?;
        Ok(NewClient { client_id, client_secret })
    }

    /// Lists all authorizations.
    pub async fn authorizations(&self, permit: Permit) -> Result<Vec<AuthorizationSummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let now = context.micros();
            let applications = client::applications(context.connection())?;
            let secrets = client::client_secrets(context.connection())?;
            let roles = role_store::all(context.connection())?;
            let mut held = role_store::authorization_roles(context.connection())?;
            held.extend(roles_of_clients(context.connection())?);
            let summary = |row: AuthorizationRow| AuthorizationSummary {
                roles: roles
                    .iter()
                    .filter(|role| held.contains(&(row.id, role.id)))
                    .map(|role| role.name.clone())
                    .collect(),
                application: applications
                    .iter()
                    .find(|application| application.id == row.application_id)
                    .map(|application| application.name.clone())
                    .unwrap_or_default(),
                secrets: secrets
                    .iter()
                    .filter(|secret| secret.authorization_id == row.id)
                    .filter(|secret| secret.expires_at.is_none_or(|end| end > now))
                    .count(),
                client_id: row.client_id,
                resources: row.resources,
                access: row.access,
                allowed_ips: row.allowed_ips,
                referers: row.referers,
                certificates: row.certificates,
                sender_constraint: row.sender_constraint,
                expires_at: row.expires_at.map(from_micros),
                active: row.active,
            };
            let summaries = client::authorizations(context.connection())?.into_iter().map(summary).collect();
            Ok(Done::new(Subject::Collection, summaries))
        };
        self.query(permit, list).await
    }

    /// Disables a client. Its tokens stop working within a second, and its custodies end.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn disable_authorization(&self, permit: Permit, client_id: &str) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            client::set_authorization_active(context.connection(), row.id, false)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Rotates the secret of a client. The previous secret stays valid until `old_until`, or its own expiry if that comes first;
    /// older ones expire now, so that at most two are live. Returns the new secret and the end of the previous one.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn rotate_secret(
        &self,
        permit: Permit,
        client_id: &str,
        old_until: DateTime<Utc>,
    ) -> Result<(NewClient, Option<DateTime<Utc>>), VaultError> {
        let client_secret = ClientSecret::generate();
        let hash = client_secret.hash();
        let name = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &name)?;
            lock_name(context.connection(), &format!("client-secrets/{}", row.id))?;
            let mut secrets = client::client_secrets_by_authorization(context.connection(), row.id)?;
            let mut old_end = None;
            if let Some(newest) = secrets.pop() {
                let end = newest.expires_at.map_or(to_micros(old_until), |end| end.min(to_micros(old_until)));
                client::set_secret_expiry(context.connection(), newest.id, end)?;
                old_end = Some(from_micros(end));
            }
            for older in secrets {
                client::delete_client_secret(context.connection(), older.id)?;
            }
            let now = context.micros();
            client::insert_client_secret(context.connection(), row.id, hash.as_bytes(), now)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Authorization(row.id), old_end))
        };
        let old_end = self.execute_and_refresh(permit, rule).await?;
        Ok((NewClient { client_id: client_id.into(), client_secret: Some(client_secret) }, old_end))
    }

    /// Grants a client a role.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for a client without the resource that roles are for.
    pub async fn grant_role(&self, permit: Permit, client_id: &str, name: &str) -> Result<(), VaultError> {
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            if !row.resources.split(',').any(|resource| resource == Resource::Administration.as_str()) {
                return Err(roles_without_resource());
            }
            let role = role::id_by_name(context, &name)?;
            role_store::assign_to_authorization(context.connection(), row.id, role)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Revokes a role from a client.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn revoke_role(&self, permit: Permit, client_id: &str, name: &str) -> Result<(), VaultError> {
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            let role = role::id_by_name(context, &name)?;
            if !role_store::remove_from_authorization(context.connection(), row.id, role)? {
                return Err(VaultError::NotFound(Noun::Role));
            }
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Checks a time of expiry.
///
/// # Errors
/// [`VaultError::Invalid`] for a time that is past.
pub(super) fn check_expiry(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), VaultError> {
    match expires_at {
        Some(end) if end <= now => Err(VaultError::invalid(Field::Expiry, "must be in the future")),
        _ => Ok(()),
    }
}

fn roles_without_resource() -> VaultError {
    VaultError::invalid(Field::Roles, "roles need the resource administration, which the authorization lacks")
}

/// Notifies every node of a changed authorization.
pub(super) fn changed(context: &mut OperationContext<'_>, id: AuthorizationId) -> Result<Done<()>, VaultError> {
    meta::increment_change_mark(context.connection())?;
    Ok(Done::new(Subject::Authorization(id), ()))
}

/// Finds the authorization of a client.
pub(super) fn existing(context: &mut OperationContext<'_>, client_id: &str) -> Result<AuthorizationRow, VaultError> {
    let row = client::authorization_by_client(context.connection(), client_id)?;
    let row = row.ok_or(VaultError::NotFound(Noun::Authorization))?;
    context.found(Subject::Authorization(row.id));
    Ok(row)
}
