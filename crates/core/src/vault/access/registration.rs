//! Registration of applications by programs: pipelines that make an authorization for each system and environment.
//!
//! An authorization finds only what it has registered itself, and its own: another one of the same application is none of its
//! business, and whether there is one is not told. What is registered sees its own secrets alone, cannot register more, and is
//! restricted as its registrar is.

mod derived;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Client, application, authorization, response_key};
use crate::clock::to_micros;
use crate::crypto::{SecretText, random_bytes};
use crate::store::client::{self, AuthorizationRow};
use crate::store::id::AuthorizationId;
use crate::store::lock::lock_name;
use crate::store::registration::{self, RegistrationChanges, RegistrationRow};
use crate::store::{StoreError, meta};
use crate::text::{self, comma_separated, single_line};
use crate::token::{ClientSecret, SecretHash};
use crate::vault::operation::{Done, OperationContext, Permit, Principal, Subject};
use crate::vault::{DenyReason, Field, Noun, Vault, VaultError};

/// Lifetime of a further secret of an authorization, long enough for a pipeline.
const SECRET_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// The most further secrets of an authorization that are valid at once.
const MAX_SECRETS: usize = 32;
/// The most authorizations that one registers. All of them are in memory.
const MAX_REGISTRATIONS: i64 = 1000;

/// Parameters of a request to register an application. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 4")]
pub struct RegistrationRequest {
    pub application: String,
    pub system: String,
    pub environment: String,
    pub unique_key: Option<String>,
    pub description: Option<String>,
    pub tags: Option<Vec<String>>,
    /// For a new authorization: narrower than those of the caller, which it has without them.
    pub allowed_ips: Option<Vec<String>>,
    pub allowed_referers: Option<Vec<String>>,
    pub certificates: Option<Vec<String>>,
    /// For a new authorization; never later than the expiry of the caller.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A registered authorization.
#[derive(Debug)]
pub struct Registered {
    /// Its id.
    pub authorization: AuthorizationId,
    /// Whether it is new.
    pub created: bool,
    /// Its client id with a secret; `None` for the authorization of the caller, which knows its own.
    pub client: Option<RegisteredClient>,
}

/// A client that was registered.
#[derive(Debug)]
pub struct RegisteredClient {
    /// The public name.
    pub client_id: String,
    /// The secret, written by the response key of the caller, if it has one.
    pub secret: SecretText,
}

/// The authorization that a rule has found or created.
struct Outcome {
    row: AuthorizationRow,
    created: bool,
    is_own: bool,
}

impl Vault {
    /// Finds the authorization that the caller has registered for a system and an environment of an application, or creates it,
    /// with the application if there is none.
    ///
    /// # Errors
    /// [`VaultError::Invalid`], [`VaultError::Missing`]; [`VaultError::TooMany`]; [`VaultError::NoAccess`] for one that is disabled or
    /// expired, or whose application is disabled.
    pub async fn register_application(
        &self,
        permit: Permit,
        request: RegistrationRequest,
    ) -> Result<Registered, VaultError> {
        let (client_id, client_secret) = (hex::encode(random_bytes::<20>()), ClientSecret::generate());
        let secret = match permit.secret_writer().write(client_secret.text().clone()) {
            Ok(secret) => secret,
            Err(error) => return Err(self.refuse(&permit, error).await),
        };
        let hash = client_secret.hash();
        let rule = move |context: &mut OperationContext<'_>| {
            let outcome = register(context, &request, &client_id, &hash)?;
            if !outcome.is_own {
                meta::increment_change_mark(context.connection())?;
            }
            Ok(Done::new(Subject::Authorization(outcome.row.id), outcome))
        };
        let Outcome { row, created, is_own } = self.execute_and_refresh(permit, rule).await?;
        let client = RegisteredClient { client_id: row.client_id, secret };
        Ok(Registered { authorization: row.id, created, client: (!is_own).then_some(client) })
    }

    /// Disables the authorization of the caller. Its custodies end.
    pub async fn disable_own_authorization(&self, permit: Permit) -> Result<(), VaultError> {
        let rule = |context: &mut OperationContext<'_>| {
            let id = context.authorization()?;
            client::set_authorization_active(context.connection(), id, false)?;
            authorization::changed(context, id)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

fn register(
    context: &mut OperationContext<'_>,
    request: &RegistrationRequest,
    client_id: &str,
    hash: &SecretHash,
) -> Result<Outcome, VaultError> {
    let Principal::Client(caller) = context.principal().clone() else {
        return Err(VaultError::Denied(DenyReason::Resource));
    };
    let request = checked(request)?;
    // One at a time: two first calls of a pipeline register one authorization.
    lock_name(context.connection(), &format!("registration/{}", caller.id))?;
    require_application(context, &request.application)?;
    if let Some(found) = find(context, &caller, &request)? {
        update(context, found.authorization_id, &request)?;
        let row = existing(context, found.authorization_id)?;
        let is_expired = row.expires_at.is_some_and(|end| end <= context.micros());
        if is_expired || !row.active {
            return Err(VaultError::NoAccess(Noun::Authorization));
        }
        let is_own = row.id == caller.id;
        if !is_own {
            add_secret(context, row.id, hash)?;
        }
        return Ok(Outcome { row, created: false, is_own });
    }
    if registration::count(context.connection(), caller.id)? >= MAX_REGISTRATIONS {
        return Err(VaultError::TooMany(Noun::Authorization));
    }
    let own = existing(context, caller.id)?;
    let new = derived::derived(&caller, &own, &request)?;
    let id = authorization::insert(context, &new, client_id, Some(hash))?;
    if let Some(key) = &new.response_key {
        response_key::store(context, id, key)?;
    }
    insert(context, id, &caller, &request)?;
    Ok(Outcome { row: existing(context, id)?, created: true, is_own: false })
}

/// Checks the texts of a request, and trims them.
fn checked(request: &RegistrationRequest) -> Result<RegistrationRequest, VaultError> {
    let line = |field: Field, text: &str| {
        single_line(text).map(str::to_string).map_err(|error| VaultError::invalid(field, error.expected()))
    };
    let required = |field: Field, text: &str| match line(field, text)? {
        empty if empty.is_empty() => Err(VaultError::Missing(field)),
        text => Ok(text),
    };
    let optional = |field: Field, text: &Option<String>| text.as_ref().map(|text| line(field, text)).transpose();
    let tags = request.tags.as_ref().map(|tags| text::tags(&tags.join(","))).transpose();
    let tags = tags.map_err(|error| VaultError::invalid(Field::Tags, error.expected()))?;
    if request.application.trim().is_empty() {
        return Err(VaultError::Missing(Field::Name));
    }
    Ok(RegistrationRequest {
        application: application::checked_name(&request.application)?.into(),
        system: required(Field::System, &request.system)?,
        environment: required(Field::Environment, &request.environment)?,
        unique_key: optional(Field::UniqueKey, &request.unique_key)?.filter(|key| !key.is_empty()),
        description: optional(Field::Description, &request.description)?,
        tags: tags.map(|tags| comma_separated(&tags).map(String::from).collect()),
        ..request.clone()
    })
}

/// Finds what the caller has registered. Its own authorization is registered by the first request that names its application.
fn find(
    context: &mut OperationContext<'_>,
    caller: &Client,
    request: &RegistrationRequest,
) -> Result<Option<RegistrationRow>, VaultError> {
    let registered = registration::by_registrar(context.connection(), caller.id, &request.application)?;
    let is_same = |row: &RegistrationRow| match &request.unique_key {
        Some(key) => row.unique_key.as_ref() == Some(key),
        None => row.system == request.system && row.environment == request.environment,
    };
    if let Some(found) = registered.into_iter().find(is_same) {
        return Ok(Some(found));
    }
    let own = registration::find(context.connection(), caller.id)?;
    if caller.application != request.application || own.is_some() {
        return Ok(None);
    }
    insert(context, caller.id, caller, request)?;
    Ok(registration::find(context.connection(), caller.id)?)
}

fn insert(
    context: &mut OperationContext<'_>,
    authorization: AuthorizationId,
    caller: &Client,
    request: &RegistrationRequest,
) -> Result<(), VaultError> {
    let row = RegistrationRow {
        authorization_id: authorization,
        registered_by: caller.id,
        system: request.system.clone(),
        environment: request.environment.clone(),
        unique_key: request.unique_key.clone(),
        description: request.description.clone(),
        tags: json_array(request.tags.as_deref().unwrap_or_default()),
    };
    Ok(registration::insert(context.connection(), &row)?)
}

fn update(
    context: &mut OperationContext<'_>,
    authorization: AuthorizationId,
    request: &RegistrationRequest,
) -> Result<(), VaultError> {
    let changes =
        RegistrationChanges { description: request.description.clone(), tags: request.tags.as_deref().map(json_array) };
    Ok(registration::update(context.connection(), authorization, &changes)?)
}

fn json_array(tags: &[String]) -> String {
    serde_json::Value::from_iter(tags.iter().map(String::as_str)).to_string()
}

/// Requires an active application, and creates it if there is none.
fn require_application(context: &mut OperationContext<'_>, name: &str) -> Result<(), VaultError> {
    match client::application_by_name(context.connection(), name)? {
        Some(row) if row.active => Ok(()),
        Some(_) => Err(VaultError::NoAccess(Noun::Application)),
        None => {
            let now = context.micros();
            client::insert_application(context.connection(), name, now)?;
            Ok(())
        }
    }
}

/// Adds a secret of a short life, and deletes expired ones and those beyond [`MAX_SECRETS`].
fn add_secret(
    context: &mut OperationContext<'_>,
    authorization: AuthorizationId,
    hash: &SecretHash,
) -> Result<(), VaultError> {
    let now = context.micros();
    let until = to_micros(context.now() + SECRET_LIFETIME);
    let secrets = client::client_secrets_by_authorization(context.connection(), authorization)?;
    let expiring: Vec<_> = secrets.into_iter().filter(|secret| secret.expires_at.is_some()).collect();
    let beyond = expiring.len().saturating_sub(MAX_SECRETS - 1);
    for (index, secret) in expiring.into_iter().enumerate() {
        if index < beyond || secret.expires_at.is_some_and(|end| end <= now) {
            client::delete_client_secret(context.connection(), secret.id)?;
        }
    }
    Ok(client::insert_expiring_secret(context.connection(), authorization, hash.as_bytes(), Some(until), now)?)
}

fn existing(context: &mut OperationContext<'_>, id: AuthorizationId) -> Result<AuthorizationRow, VaultError> {
    context.found(Subject::Authorization(id));
    let row = client::authorization_by_id(context.connection(), id)?;
    Ok(row.ok_or(StoreError::NotFound)?)
}
