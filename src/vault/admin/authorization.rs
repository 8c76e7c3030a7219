//! Authorizations, the clients, from the command line: what they may do, their secrets, their roles.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::application::application;
use super::{AdminError, answer_key};
use crate::clock::{from_micros, to_micros};
use crate::crypto::{AnswerKey, random_bytes};
use crate::store::AnyConnection;
use crate::store::client::{self, AuthorizationRow, NewAuthorization};
use crate::store::keyfactor::role;
use crate::token::ClientSecret;
use crate::vault::Vault;
use crate::vault::access::{Access, Resource};
use crate::vault::origin::AllowedOrigins;

const ROLES_WITHOUT_RESOURCE: &str = "roles are for the resource keyfactor, which the authorization lacks";

/// What a new authorization may do.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The application that it belongs to.
    pub application: String,
    /// What it may call.
    pub resources: Vec<Resource>,
    /// What it may change.
    pub access: Access,
    /// Where it may call from: addresses, ranges, `*`. Empty is anywhere.
    pub allowed_ips: Vec<String>,
    /// What may refer to it: hosts, `*.domain`, addresses, `*`. Empty is anything.
    pub allowed_referers: Vec<String>,
    /// The certificates of which the client has to show one, by SHA-256 fingerprint. Empty is none.
    pub certificates: Vec<String>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the secrets in its answers are encrypted under, if at all.
    pub answer_key: Option<Arc<AnswerKey>>,
    /// The roles that it holds on the Keyfactor routes, by name.
    pub roles: Vec<String>,
}

impl AuthorizationRequest {
    /// A request without conditions: from anywhere, for ever, for plain secrets.
    pub fn new(application: &str, resources: Vec<Resource>, access: Access) -> Self {
        Self {
            application: application.into(),
            resources,
            access,
            allowed_ips: Vec::new(),
            allowed_referers: Vec::new(),
            certificates: Vec::new(),
            expires_at: None,
            answer_key: None,
            roles: Vec::new(),
        }
    }
}

/// A client at the moment of its creation, or of a new secret.
#[derive(Debug)]
pub struct NewClient {
    /// The public name.
    pub client_id: String,
    /// The secret; it is not kept, and cannot be shown again.
    pub client_secret: ClientSecret,
}

/// An authorization, without its secrets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuthorizationSummary {
    pub application: String,
    pub client_id: String,
    pub resources: String,
    /// On the Keyfactor routes, by name.
    pub roles: Vec<String>,
    pub access: String,
    pub allowed_ips: String,
    pub referers: String,
    pub certificates: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub active: bool,
    /// How many secrets live.
    pub secrets: usize,
}

impl Vault {
    /// Makes a client of an application.
    pub async fn create_authorization(&self, request: AuthorizationRequest) -> Result<NewClient, AdminError> {
        let allowed_ips = request.allowed_ips.join(",");
        let referers = request.allowed_referers.join(",");
        let certificates = request.certificates.join(",");
        AllowedOrigins::parse(&allowed_ips, &referers, &certificates)
            .map_err(|error| AdminError::Invalid(error.to_string()))?;
        if request.resources.is_empty() {
            return Err(AdminError::Invalid("an authorization needs a resource".into()));
        }
        if !request.roles.is_empty() && !request.resources.contains(&Resource::Keyfactor) {
            return Err(AdminError::Invalid(ROLES_WITHOUT_RESOURCE.into()));
        }
        let resources = request.resources.iter().map(|resource| resource.name()).collect::<Vec<_>>().join(",");
        let (client_id, client_secret) = (hex::encode(random_bytes::<20>()), ClientSecret::generate());
        let verifier = client_secret.verifier();
        let change = {
            let client_id = client_id.clone();
            move |connection: &mut AnyConnection, now: i64| {
                let row = NewAuthorization {
                    application_id: application(connection, &request.application)?,
                    client_id: &client_id,
                    access: request.access.name(),
                    resources: &resources,
                    allowed_ips: &allowed_ips,
                    referers: &referers,
                    certificates: &certificates,
                    expires_at: request.expires_at.map(to_micros),
                    active: true,
                    created_at: now,
                };
                let id = client::insert_authorization(connection, &row)?;
                client::insert_client_secret(connection, id, verifier.as_bytes(), now)?;
                if let Some(key) = &request.answer_key {
                    answer_key::put(connection, id, key, now)?;
                }
                for name in &request.roles {
                    let role = role_named(connection, name)?;
                    role::give_to_authorization(connection, id, role)?;
                }
                Ok(((), format!("authorization:{id}")))
            }
        };
        self.administer("authorization.create", change).await?;
        Ok(NewClient { client_id, client_secret })
    }

    /// All authorizations.
    pub async fn authorizations(&self) -> Result<Vec<AuthorizationSummary>, AdminError> {
        let now = to_micros(self.0.clock.now());
        let read = move |connection: &mut AnyConnection| {
            let applications = client::applications(connection)?;
            let secrets = client::client_secrets(connection)?;
            let (roles, held) = (role::all(connection)?, role::of_authorizations(connection)?);
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
                expires_at: row.expires_at.map(from_micros),
                active: row.active,
            };
            Ok(client::authorizations(connection)?.into_iter().map(summary).collect())
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Switches a client off. Its tokens stop working within a second.
    pub async fn disable_authorization(&self, client_id: &str) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            client::set_authorization_active(connection, row.id, false)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.disable", change).await
    }

    /// Gives a client a new secret. The one before it works on until `old_until`; older ones end now, so that never
    /// more than two live.
    pub async fn rotate_secret(&self, client_id: &str, old_until: DateTime<Utc>) -> Result<NewClient, AdminError> {
        let client_secret = ClientSecret::generate();
        let verifier = client_secret.verifier();
        let name = client_id.to_string();
        let change = move |connection: &mut AnyConnection, now: i64| {
            let row = authorization(connection, &name)?;
            let mut secrets = client::client_secrets_of(connection, row.id)?;
            if let Some(newest) = secrets.pop() {
                let end = newest.expires_at.map_or(to_micros(old_until), |end| end.min(to_micros(old_until)));
                client::set_secret_expiry(connection, newest.id, end)?;
            }
            for older in secrets {
                client::delete_client_secret(connection, older.id)?;
            }
            client::insert_client_secret(connection, row.id, verifier.as_bytes(), now)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.rotate-secret", change).await?;
        Ok(NewClient { client_id: client_id.into(), client_secret })
    }

    /// Gives a client a role on the Keyfactor routes.
    pub async fn grant_role(&self, client_id: &str, name: &str) -> Result<(), AdminError> {
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            if !row.resources.split(',').any(|resource| resource == Resource::Keyfactor.name()) {
                return Err(AdminError::Invalid(ROLES_WITHOUT_RESOURCE.into()));
            }
            let role = role_named(connection, &name)?;
            role::give_to_authorization(connection, row.id, role)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.grant-role", change).await
    }

    /// Takes a role from a client.
    pub async fn revoke_role(&self, client_id: &str, name: &str) -> Result<(), AdminError> {
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            let role = role_named(connection, &name)?;
            match role::take_from_authorization(connection, row.id, role)? {
                true => Ok(((), format!("authorization:{}", row.id))),
                false => Err(AdminError::Unknown(format!("role {name} of authorization {client_id}"))),
            }
        };
        self.administer("authorization.revoke-role", change).await
    }
}

/// The authorization of that client.
pub(super) fn authorization(connection: &mut AnyConnection, client_id: &str) -> Result<AuthorizationRow, AdminError> {
    let row = client::authorization_by_client(connection, client_id)?;
    row.ok_or_else(|| AdminError::Unknown(format!("authorization {client_id}")))
}

/// The number of the role of that name, in any case.
pub(in crate::vault) fn role_named(connection: &mut AnyConnection, name: &str) -> Result<i32, AdminError> {
    let row = role::by_name(connection, name)?;
    row.map(|row| row.id).ok_or_else(|| AdminError::Unknown(format!("role {name}")))
}
