//! The clients and the revoked tokens in memory. Read whole whenever the change mark has risen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::access::{Access, Client, LiveSecret, Resource};
use super::keyfactor::password::Login;
use super::keyfactor::permission::{Grant, Rights};
use super::keyfactor::signature;
use super::origin::AllowedOrigins;
use crate::audit::Signer;
use crate::clock::{from_micros, to_micros};
use crate::store::client::{self, AuthorizationRow, ClientSecretRow};
use crate::store::keyfactor::{identity, role};
use crate::store::response_key::{self as answer_key, ResponseKeyRow as AnswerKeyRow};
use crate::store::{AnyConnection, StoreError, meta};
use crate::token::Verifier;

/// What this node knows about clients, as of one state of the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    /// The change mark at which it was read.
    pub(super) revision: i64,
    clients: HashMap<String, Arc<Client>>,
    revoked: HashSet<String>,
    /// The identities that have a password, by account in lower case.
    logins: HashMap<String, Arc<Login>>,
}

impl Grants {
    /// Reads everything. The mark is read first: a change in between makes the next look read again.
    pub(super) fn read(
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
        identities: &Signer,
    ) -> Result<Self, StoreError> {
        let revision = meta::change_mark(connection)?;
        let applications: HashMap<i32, bool> =
            client::applications(connection)?.into_iter().map(|row| (row.id, row.active)).collect();
        let mut secrets: HashMap<i32, Vec<LiveSecret>> = HashMap::new();
        for row in client::client_secrets(connection)? {
            let owner = row.authorization_id;
            secrets.entry(owner).or_default().extend(live_secret(row));
        }
        let authorizations = client::authorizations(connection)?;
        // After the authorizations: one that is made right now is not to be seen without the key it was made with.
        let mut answer_keys: HashMap<i32, AnswerKeyRow> =
            answer_key::all(connection)?.into_iter().map(|row| (row.authorization_id, row)).collect();
        let roles = grants_of_roles(connection)?;
        let held = grouped(role::of_authorizations(connection)?);
        let clients = authorizations.into_iter().map(|row| {
            let application_active = applications.get(&row.application_id).copied().unwrap_or(false);
            let secrets = secrets.remove(&row.id).unwrap_or_default();
            let answer_key = answer_keys.remove(&row.id);
            let rights = rights_of(&roles, held.get(&row.id), None);
            (row.client_id.clone(), Arc::new(client_of(row, application_active, secrets, answer_key, rights)))
        });
        let clients = clients.collect();
        let revoked = client::revoked_tokens(connection, to_micros(now))?.into_iter().collect();
        let logins = logins(connection, identities, &roles)?;
        Ok(Self { revision, clients, revoked, logins })
    }

    /// The identity of that account, in lower case, if it has a password and is as the vault wrote it.
    pub(super) fn login(&self, account: &str) -> Option<&Arc<Login>> {
        self.logins.get(account)
    }

    /// The client of that name.
    pub(super) fn client(&self, client_id: &str) -> Option<&Arc<Client>> {
        self.clients.get(client_id)
    }

    /// Whether the token of that id was revoked.
    pub(super) fn is_revoked(&self, jti: &str) -> bool {
        self.revoked.contains(jti)
    }
}

/// The identities that may come with a password. One that was changed behind the vault's back may not.
fn logins(
    connection: &mut AnyConnection,
    signer: &Signer,
    roles: &HashMap<i32, Grant>,
) -> Result<HashMap<String, Arc<Login>>, StoreError> {
    let held = grouped(role::of_identities(connection)?);
    let mut logins = HashMap::new();
    for row in identity::with_password(connection)? {
        let numbers = held.get(&row.id);
        if !signature::is_valid(signer, &row, numbers.map_or(&[], Vec::as_slice)) {
            log::error!("identity {} was changed behind the vault's back and is not let in", row.id);
            continue;
        }
        let rights = rights_of(roles, numbers, Some(row.id));
        let client = Arc::new(client_of_identity(row.account_name, rights));
        logins.insert(row.account_key, Arc::new(Login { client, verifier: row.password.unwrap_or_default() }));
    }
    Ok(logins)
}

/// An identity as a client: of the Keyfactor routes alone, where its roles say what it may do. It is no authorization,
/// so its number is none, and nothing is linked to it.
fn client_of_identity(account_name: String, rights: Rights) -> Client {
    Client {
        id: 0,
        client_id: account_name,
        active: true,
        expires_at: None,
        access: Access::ReadWrite,
        resources: vec![Resource::Keyfactor],
        origins: AllowedOrigins::anywhere(),
        secrets: Vec::new(),
        answer_key: None,
        rights,
    }
}

/// What each role grants.
fn grants_of_roles(connection: &mut AnyConnection) -> Result<HashMap<i32, Grant>, StoreError> {
    let sets: HashMap<String, String> =
        role::permission_sets(connection)?.into_iter().map(|row| (row.id, row.permissions)).collect();
    let grant = |row: role::RoleRow| {
        let bound = sets.get(&row.permission_set_id).map_or("", String::as_str);
        (row.id, Grant::of_role(&row.permissions, &row.permission_set_id, bound))
    };
    Ok(role::all(connection)?.into_iter().map(grant).collect())
}

/// The second numbers of all pairs that have the same first one.
fn grouped(pairs: Vec<(i32, i32)>) -> HashMap<i32, Vec<i32>> {
    pairs.into_iter().fold(HashMap::new(), |mut groups, (holder, role)| {
        groups.entry(holder).or_insert_with(Vec::new).push(role);
        groups
    })
}

fn rights_of(roles: &HashMap<i32, Grant>, held: Option<&Vec<i32>>, identity: Option<i32>) -> Rights {
    Rights::of(held.into_iter().flatten().filter_map(|role| roles.get(role)), identity)
}

fn live_secret(row: ClientSecretRow) -> Option<LiveSecret> {
    let verifier = Verifier::from_bytes(&row.hash)?;
    Some(LiveSecret { verifier, expires_at: row.expires_at.map(from_micros) })
}

/// A row that cannot be read in full is a client that can do nothing.
fn client_of(
    row: AuthorizationRow,
    application_active: bool,
    secrets: Vec<LiveSecret>,
    answer_key: Option<AnswerKeyRow>,
    rights: Rights,
) -> Client {
    let origins = AllowedOrigins::parse(&row.allowed_ips, &row.referers, &row.certificates);
    let access = Access::named(&row.access);
    let encrypts = answer_key.is_some();
    let answer_key = answer_key.as_ref().and_then(super::admin::answer_key::of_row).map(Arc::new);
    let sound = origins.is_ok() && access.is_some() && encrypts == answer_key.is_some();
    if !sound {
        log::error!("authorization {} cannot be read and is treated as disabled", row.id);
    }
    Client {
        id: row.id,
        client_id: row.client_id,
        active: row.active && application_active && sound,
        expires_at: row.expires_at.map(from_micros),
        access: access.unwrap_or(Access::ReadOnly),
        resources: row.resources.split(',').filter_map(Resource::named).collect(),
        origins: origins.unwrap_or_else(|_| AllowedOrigins::nowhere()),
        secrets,
        answer_key,
        rights,
    }
}
