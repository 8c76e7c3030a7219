//! In-memory snapshot of clients, accounts and revoked tokens. Reloaded when the change mark has changed; revoked tokens
//! are added to it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::granted::with_grants;
use super::guessing::Generation;
use super::password::Login;
use super::permission::{Grant, Rights};
use super::request_signing_key::{LiveSigningKey, live_keys};
use super::revoked::RevokedTokens;
use super::security_claim::roles_of_clients;
use super::sender_constraint::SenderConstraint;
use super::{
    Account, AllowedOrigins, Client, ClientAccess, LiveSecret, LiveStaticToken, Resource, check, identity_mac,
    response_key, workload,
};
use crate::audit::RowMac;
use crate::clock::from_micros;
use crate::store::client::{self, ApplicationRow, AuthorizationRow, ClientSecretRow};
use crate::store::client_key;
use crate::store::id::{ApplicationId, AuthorizationId, RoleId};
use crate::store::response_key::ResponseKeyRow;
use crate::store::static_token::{self, StaticTokenRow};
use crate::store::{AnyConnection, StoreError, meta};
use crate::store::{identity, role};
use crate::text::case_folded;
use crate::token::{SecretHash, VerifyingKey};
use crate::vault::keys::DataKeys;
use crate::vault::operation::{Action, Principal, Request};
use crate::vault::secrets::HeadMac;
use crate::vault::{DenyReason, VaultError};

/// Clients, accounts and revoked tokens, as of one state of the database.
#[derive(Clone, Debug, Default)]
pub(in crate::vault) struct Grants {
    /// The change mark at the time of loading.
    pub(in crate::vault) revision: i64,
    clients: HashMap<String, Arc<Client>>,
    /// The clients with the resource [`Resource::AppId`], by the name of their application.
    app_ids: HashMap<String, Vec<Arc<Client>>>,
    pub(in crate::vault) revoked: Arc<RevokedTokens>,
    /// The static tokens by hash, expired ones included.
    static_tokens: HashMap<SecretHash, Arc<LiveStaticToken>>,
    /// The keys by which clients sign requests by token, expired ones included.
    signing_keys: HashMap<String, Arc<LiveSigningKey>>,
    /// Shared, so that a request keeps its issuers while it waits for keys.
    pub(super) issuers: Arc<workload::LiveIssuers>,
    /// The accounts with a password, by name in lower case.
    logins: HashMap<String, Arc<Login>>,
}

/// The keys that verify and open what is loaded.
#[derive(Clone, Copy)]
pub(in crate::vault) struct GrantKeys<'a> {
    pub(in crate::vault) identity_mac: &'a RowMac,
    pub(in crate::vault) secret_heads: &'a HeadMac,
    pub(in crate::vault) data_keys: &'a DataKeys,
}

impl Grants {
    /// Loads everything. Reads the change mark first, so that a concurrent change makes the next refresh load again.
    pub(in crate::vault) fn read(
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
        keys: GrantKeys<'_>,
    ) -> Result<Self, StoreError> {
        let revoked = Arc::new(RevokedTokens::read(connection, now)?);
        Self::read_with(connection, keys, revoked)
    }

    /// Loads everything but the revoked tokens, which stay.
    pub(in crate::vault) fn read_with(
        connection: &mut AnyConnection,
        keys: GrantKeys<'_>,
        revoked: Arc<RevokedTokens>,
    ) -> Result<Self, StoreError> {
        let revision = meta::change_mark(connection)?;
        let applications: HashMap<ApplicationId, ApplicationRow> =
            client::applications(connection)?.into_iter().map(|row| (row.id, row)).collect();
        let mut secrets: HashMap<AuthorizationId, Vec<LiveSecret>> = HashMap::new();
        for row in client::client_secrets(connection)? {
            let owner = row.authorization_id;
            secrets.entry(owner).or_default().extend(live_secret(row));
        }
        let authorizations = client::authorizations(connection)?;
        // Read after the authorizations, so that a concurrently inserted authorization is not seen without its key.
        let mut response_keys: HashMap<AuthorizationId, ResponseKeyRow> =
            crate::store::response_key::all(connection)?.into_iter().map(|row| (row.authorization_id, row)).collect();
        let mut client_keys = client_keys(connection)?;
        let roles = grants_of_roles(connection)?;
        let by_claim = roles_of_clients(connection)?;
        let held = grouped(role::authorization_roles(connection)?.into_iter().chain(by_claim).collect());
        let clients = authorizations.into_iter().map(|row| {
            let application = applications.get(&row.application_id);
            let secrets = secrets.remove(&row.id).unwrap_or_default();
            let response_key = response_keys.remove(&row.id);
            let rights = rights_of(&roles, held.get(&row.id));
            let keys = client_keys.remove(&row.id).unwrap_or_default();
            let client = client_from_row(row, application, response_key, rights);
            let generation = Generation::of_client(&secrets, &keys);
            (client.client_id.clone(), Arc::new(Client { secrets, keys, generation, ..client }))
        });
        let clients: HashMap<String, Arc<Client>> = clients.collect();
        let app_ids = app_ids(&clients);
        let client_ids: HashMap<AuthorizationId, &String> =
            clients.values().map(|client| (client.id, &client.client_id)).collect();
        let static_tokens = static_tokens(connection, &client_ids)?;
        let issuers = Arc::new(workload::read(connection, &client_ids)?);
        let signing_keys = live_keys(connection, keys, &clients)?;
        let logins = logins(connection, keys.identity_mac, &roles)?;
        Ok(Self { revision, clients, app_ids, revoked, static_tokens, signing_keys, issuers, logins })
    }

    /// The login of an account by its name in lower case, if it has a password and its MAC verifies.
    pub(in crate::vault) fn login(&self, account: &str) -> Option<&Arc<Login>> {
        self.logins.get(account)
    }

    /// The client with this id.
    pub(in crate::vault) fn client(&self, client_id: &str) -> Option<&Arc<Client>> {
        self.clients.get(client_id)
    }

    /// The static token with this hash, if it has not been revoked. It may have expired.
    pub(in crate::vault) fn static_token(&self, hash: &SecretHash) -> Option<&Arc<LiveStaticToken>> {
        self.static_tokens.get(hash)
    }

    /// The signing key with this token, if it has not been revoked. It may have expired.
    pub(in crate::vault) fn signing_key(&self, token: &str) -> Option<&Arc<LiveSigningKey>> {
        self.signing_keys.get(token)
    }

    /// The clients that an AppID names and that have the resource [`Resource::AppId`]: the one of this id, or those of the
    /// application of this name.
    pub(in crate::vault) fn clients_of_app_id(&self, app_id: &str) -> &[Arc<Client>] {
        match self.clients.get(app_id) {
            Some(client) if client.resources.contains(&Resource::AppId) => std::slice::from_ref(client),
            _ => self.app_ids.get(app_id).map_or(&[], Vec::as_slice),
        }
    }

    /// Whether the token with this id was revoked.
    pub(in crate::vault) fn is_revoked(&self, jti: &str) -> bool {
        self.revoked.contains(jti)
    }

    /// Confirms that a principal still has the permission, that its client is live and its token not revoked, and returns its
    /// current state.
    ///
    /// # Errors
    /// [`DenyReason::Revoked`], or the first reason of the permission check.
    pub(in crate::vault) fn confirm(
        &self,
        request: &Request,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<Principal, VaultError> {
        let revoked = || VaultError::Denied(DenyReason::Revoked);
        let current = match request.principal() {
            Principal::Operator | Principal::System => return Ok(request.principal().clone()),
            Principal::Account(account) => {
                let login = self.login(&case_folded(&account.name)).ok_or_else(revoked)?;
                if login.account.identity != account.identity {
                    return Err(revoked());
                }
                Principal::Account(Arc::clone(&login.account))
            }
            Principal::Client(client) => {
                if request.token_id().is_some_and(|jti| self.is_revoked(jti)) {
                    return Err(revoked());
                }
                let current = self.client(&client.client_id).filter(|current| current.is_live(now));
                Principal::Client(Arc::clone(current.ok_or_else(revoked)?))
            }
        };
        check::permitted(&current, action, request.origin())?;
        Ok(current)
    }
}

/// Loads the accounts with a password. Skips accounts whose row was modified outside the vault.
fn logins(
    connection: &mut AnyConnection,
    mac: &RowMac,
    roles: &HashMap<RoleId, Grant>,
) -> Result<HashMap<String, Arc<Login>>, StoreError> {
    let held = grouped(role::identity_roles(connection)?);
    let mut logins = HashMap::new();
    for row in identity::with_password(connection)? {
        let role_ids = held.get(&row.id);
        if !identity_mac::verify(mac, &row, role_ids.map_or(&[], Vec::as_slice)) {
            log::error!("identity {}: MAC mismatch, row was modified outside Chaveiro; login denied", row.id);
            continue;
        }
        let rights = rights_of(roles, role_ids);
        let account = Arc::new(Account { identity: row.id, name: row.account_name, rights });
        let login = Login { account, password_hash: row.password.unwrap_or_default() };
        logins.insert(row.account_key, Arc::new(login));
    }
    Ok(logins)
}

/// Loads the static tokens of these clients. Read after the clients, so that a new one has its client.
fn static_tokens(
    connection: &mut AnyConnection,
    client_ids: &HashMap<AuthorizationId, &String>,
) -> Result<HashMap<SecretHash, Arc<LiveStaticToken>>, StoreError> {
    let live = |row: StaticTokenRow| {
        let client_id = client_ids.get(&row.authorization_id)?.to_string();
        let (created_at, expires_at) = (from_micros(row.created_at), row.expires_at.map(from_micros));
        let hash = SecretHash::from_bytes(&row.hash)?;
        Some((hash, Arc::new(LiveStaticToken { id: row.id, client_id, created_at, expires_at })))
    };
    Ok(static_token::all(connection)?.into_iter().filter_map(live).collect())
}

/// Groups the clients with the resource [`Resource::AppId`] by the name of their application.
fn app_ids(clients: &HashMap<String, Arc<Client>>) -> HashMap<String, Vec<Arc<Client>>> {
    let mut groups: HashMap<String, Vec<Arc<Client>>> = HashMap::new();
    for client in clients.values().filter(|client| client.resources.contains(&Resource::AppId)) {
        groups.entry(client.application.clone()).or_default().push(Arc::clone(client));
    }
    groups
}

/// Loads the grant of each role.
fn grants_of_roles(connection: &mut AnyConnection) -> Result<HashMap<RoleId, Grant>, StoreError> {
    let roles = role::all(connection)?;
    Ok(with_grants(connection, roles)?.into_iter().map(|(row, grant)| (row.id, grant)).collect())
}

/// Groups roles by holder.
fn grouped<Holder: Eq + Hash>(pairs: Vec<(Holder, RoleId)>) -> HashMap<Holder, Vec<RoleId>> {
    pairs.into_iter().fold(HashMap::new(), |mut groups, (holder, role)| {
        groups.entry(holder).or_insert_with(Vec::new).push(role);
        groups
    })
}

fn rights_of(roles: &HashMap<RoleId, Grant>, held: Option<&Vec<RoleId>>) -> Rights {
    held.into_iter().flatten().filter_map(|role| roles.get(role)).collect()
}

/// Loads the public keys of the clients.
fn client_keys(connection: &mut AnyConnection) -> Result<HashMap<AuthorizationId, Vec<Arc<VerifyingKey>>>, StoreError> {
    let mut keys: HashMap<AuthorizationId, Vec<Arc<VerifyingKey>>> = HashMap::new();
    for row in client_key::all(connection)? {
        match VerifyingKey::parse(&row.jwk) {
            Ok(key) => keys.entry(row.authorization_id).or_default().push(Arc::new(key)),
            Err(error) => log::error!("a key of authorization {} cannot be read: {error}", row.authorization_id),
        }
    }
    Ok(keys)
}

fn live_secret(row: ClientSecretRow) -> Option<LiveSecret> {
    let hash = SecretHash::from_bytes(&row.hash)?;
    Some(LiveSecret { hash, expires_at: row.expires_at.map(from_micros) })
}

/// Builds a client without its secrets and keys. A row with an invalid origin list, access, sender constraint or response key
/// becomes an inactive client.
fn client_from_row(
    row: AuthorizationRow,
    application: Option<&ApplicationRow>,
    key_row: Option<ResponseKeyRow>,
    rights: Rights,
) -> Client {
    let origins = AllowedOrigins::parse(&row.allowed_ips, &row.referers, &row.certificates);
    let access = row.access.parse::<ClientAccess>();
    let response_key = key_row.as_ref().map(response_key::from_row);
    let constraint = row.sender_constraint.as_deref().map(str::parse::<SenderConstraint>).transpose();
    let readable =
        origins.is_ok() && access.is_ok() && constraint.is_ok() && response_key.as_ref().is_none_or(Option::is_some);
    if !readable {
        log::error!("authorization {} cannot be read and is treated as disabled", row.id);
    }
    Client {
        id: row.id,
        client_id: row.client_id,
        application: application.map(|application| application.name.clone()).unwrap_or_default(),
        active: row.active && application.is_some_and(|application| application.active) && readable,
        expires_at: row.expires_at.map(from_micros),
        access: access.unwrap_or(ClientAccess::ReadOnly),
        resources: row.resources.split(',').filter_map(|name| name.parse().ok()).collect(),
        origins: origins.unwrap_or_else(|_| AllowedOrigins::nowhere()),
        secrets: Vec::new(),
        keys: Vec::new(),
        generation: Generation::NONE,
        sender_constraint: constraint.unwrap_or(None),
        response_key: response_key.flatten().map(Arc::new),
        rights,
    }
}
