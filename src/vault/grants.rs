//! The clients and the revoked tokens in memory. Read whole whenever the change mark has risen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::access::{Access, Client, LiveSecret, Resource};
use super::origin::AllowedOrigins;
use crate::clock::{from_micros, to_micros};
use crate::store::answer_key::{self, AnswerKeyRow};
use crate::store::client::{self, AuthorizationRow, ClientSecretRow};
use crate::store::{AnyConnection, StoreError, meta};
use crate::token::Verifier;

/// What this node knows about clients, as of one state of the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    /// The change mark at which it was read.
    pub(super) revision: i64,
    clients: HashMap<String, Arc<Client>>,
    revoked: HashSet<String>,
}

impl Grants {
    /// Reads everything. The mark is read first: a change in between makes the next look read again.
    pub(super) fn read(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<Self, StoreError> {
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
        let clients = authorizations.into_iter().map(|row| {
            let application_active = applications.get(&row.application_id).copied().unwrap_or(false);
            let secrets = secrets.remove(&row.id).unwrap_or_default();
            let answer_key = answer_keys.remove(&row.id);
            (row.client_id.clone(), Arc::new(client_of(row, application_active, secrets, answer_key)))
        });
        let clients = clients.collect();
        let revoked = client::revoked_tokens(connection, to_micros(now))?.into_iter().collect();
        Ok(Self { revision, clients, revoked })
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

fn live_secret(row: ClientSecretRow) -> Option<LiveSecret> {
    let verifier = Verifier::from_bytes(&row.verifier)?;
    Some(LiveSecret { verifier, expires_at: row.expires_at.map(from_micros) })
}

/// A row that cannot be read in full is a client that can do nothing.
fn client_of(
    row: AuthorizationRow,
    application_active: bool,
    secrets: Vec<LiveSecret>,
    answer_key: Option<AnswerKeyRow>,
) -> Client {
    let origins = AllowedOrigins::parse(&row.allowed_ips, &row.referers, &row.certificates);
    let access = Access::named(&row.access);
    let encrypts = answer_key.is_some();
    let answer_key = answer_key.as_ref().and_then(super::answer_key::of_row).map(Arc::new);
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
    }
}
