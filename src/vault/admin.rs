//! Administration, from the command line: applications, authorizations, their secrets and links, domains,
//! users. Each change is recorded, and raises the mark by which every node notices it within a second.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::access::{Access, Resource};
use super::origin::AllowedOrigins;
use super::{Inner, Vault, answer_key};
use crate::audit::Record;
use crate::clock::{from_micros, to_micros};
use crate::crypto::{AnswerKey, AnswerKeyError, random_bytes};
use crate::store::client::{self, AuthorizationRow, NewAuthorization};
use crate::store::keyfactor::{entry, provider, role};
use crate::store::link::{self, LinkedKind};
use crate::store::lookup::{self, LookupKind};
use crate::store::{AnyConnection, StoreError, Transaction, credential, device, domain, information, meta, user};
use crate::token::ClientSecret;

/// Who the command line is in the audit log.
const ACTOR: &str = "command-line";
const ROLES_WITHOUT_RESOURCE: &str = "roles are for the resource keyfactor, which the authorization lacks";

/// Why a command was not carried out. The texts are for the person at the keyboard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// There is nothing of that name.
    #[error("there is no {0}")]
    Unknown(String),
    /// An argument makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A key cannot be used.
    #[error(transparent)]
    AnswerKey(#[from] AnswerKeyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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

/// An application and how many authorizations it has.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApplicationSummary {
    pub name: String,
    pub active: bool,
    pub authorizations: usize,
}

/// An authorization, without its secrets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuthorizationSummary {
    pub application: String,
    pub client_id: String,
    pub resources: String,
    pub access: String,
    pub allowed_ips: String,
    pub referers: String,
    pub certificates: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub active: bool,
    /// How many secrets live.
    pub secrets: usize,
}

/// What can be linked to an authorization.
#[derive(Clone, Debug)]
pub enum LinkTarget {
    /// A device by its hostname, with all of its credentials.
    Device(String),
    /// A credential by its number or identifier.
    Credential(String),
    /// A protected information by its number or identifier.
    Information(String),
    /// A tag, known or not yet: every device, credential and SSH key that bears it.
    Tag(String),
    /// An entry of a local PAM provider: the provider's number or name, a slash, the entry's name.
    Entry(String),
}

impl Vault {
    /// Registers an application.
    pub async fn create_application(&self, name: &str) -> Result<(), AdminError> {
        let name = named(name, "the application")?;
        let change = move |connection: &mut AnyConnection, now: i64| {
            let id = client::insert_application(connection, &name, now).map_err(exists(&name))?;
            Ok(((), format!("application:{id}")))
        };
        self.administer("application.create", change).await
    }

    /// All applications.
    pub async fn applications(&self) -> Result<Vec<ApplicationSummary>, AdminError> {
        let read = |connection: &mut AnyConnection| {
            let authorizations = client::authorizations(connection)?;
            let of = |id: i32| authorizations.iter().filter(|row| row.application_id == id).count();
            let applications = client::applications(connection)?;
            Ok(applications
                .into_iter()
                .map(|row| ApplicationSummary { authorizations: of(row.id), name: row.name, active: row.active })
                .collect())
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Switches an application off, and with it all of its clients.
    pub async fn disable_application(&self, name: &str) -> Result<(), AdminError> {
        let name = name.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = application(connection, &name)?;
            client::set_application_active(connection, row, false)?;
            Ok(((), format!("application:{row}")))
        };
        self.administer("application.disable", change).await
    }

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
            let summary = |row: AuthorizationRow| AuthorizationSummary {
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

    /// Links an object or a tag to a client, which then sees it.
    pub async fn link(&self, client_id: &str, target: LinkTarget) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            let (kind, id) = linked(connection, &target)?;
            link::insert(connection, row.id, kind, id)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.link", change).await
    }

    /// Takes a link away, also that of an object that the client has made. What the client sees by another link it
    /// goes on seeing.
    ///
    /// # Errors
    /// [`AdminError::Unknown`] when there is no such link.
    pub async fn unlink(&self, client_id: &str, target: LinkTarget) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            let (kind, id) = linked(connection, &target)?;
            match link::delete(connection, row.id, kind, id)? {
                true => Ok(((), format!("authorization:{}", row.id))),
                false => Err(AdminError::Unknown("such link".into())),
            }
        };
        self.administer("authorization.unlink", change).await
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

    /// Registers a domain.
    pub async fn add_domain(&self, name: &str, short_name: Option<&str>) -> Result<(), AdminError> {
        let name = named(name, "the domain")?;
        let short_name = short_name.map(|short| named(short, "the short name")).transpose()?;
        let change = move |connection: &mut AnyConnection, _: i64| {
            domain::insert(connection, &name, short_name.as_deref()).map_err(exists(&name))?;
            Ok(((), format!("domain:{name}")))
        };
        self.administer("domain.add", change).await
    }

    /// All domains: name and short name.
    pub async fn domains(&self) -> Result<Vec<(String, Option<String>)>, AdminError> {
        Ok(self.0.store.read(domain::all).await?)
    }

    /// Registers a person in whose name proxy sessions may be asked for.
    pub async fn add_user(&self, name: &str) -> Result<(), AdminError> {
        let name = named(name, "the user")?;
        let change = move |connection: &mut AnyConnection, now: i64| {
            let id = user::insert(connection, &name, now).map_err(exists(&name))?;
            Ok(((), format!("user:{id}")))
        };
        self.administer("user.add", change).await
    }

    /// The names of all users.
    pub async fn users(&self) -> Result<Vec<String>, AdminError> {
        Ok(self.0.store.read(user::all).await?)
    }

    /// One change: `change` gives its result and the object for the record.
    pub(super) async fn administer<T: Send + 'static>(
        &self,
        action: &'static str,
        change: impl Fn(&mut AnyConnection, i64) -> Result<(T, String), AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let inner: Arc<Inner> = Arc::clone(&self.0);
        let job = move |transaction: &mut Transaction<'_>| {
            let now = inner.clock.now();
            let (value, object) = match change(transaction.connection(), to_micros(now)) {
                Ok(changed) => changed,
                Err(AdminError::Store(error)) => return Err(error),
                Err(refusal) => {
                    transaction.undo()?;
                    return Ok(Err(refusal));
                }
            };
            meta::raise_change_mark(transaction.connection())?;
            inner.record(transaction, &admin_record(now, action, object))?;
            Ok(Ok(value))
        };
        self.0.store.write(job).await?
    }
}

fn admin_record(at: DateTime<Utc>, action: &'static str, object: String) -> Record {
    Record {
        at,
        request_id: String::new(),
        actor: ACTOR.into(),
        source: String::new(),
        action,
        object,
        outcome: "ok",
        times: 1,
    }
}

/// A name that is not empty, has no comma (lists are separated by them) and no control character.
fn named(name: &str, what: &str) -> Result<String, AdminError> {
    let name = name.trim();
    let sound = !name.is_empty() && name.len() <= 255 && !name.contains(',') && !name.chars().any(char::is_control);
    if sound {
        Ok(name.into())
    } else {
        Err(AdminError::Invalid(format!("{what} needs a name of up to 255 characters, without comma")))
    }
}

pub(super) fn exists(name: &str) -> impl FnOnce(StoreError) -> AdminError {
    let name = name.to_string();
    move |error| if error == StoreError::Conflict { AdminError::Exists(name) } else { error.into() }
}

fn application(connection: &mut AnyConnection, name: &str) -> Result<i32, AdminError> {
    let row = client::application_by_name(connection, name)?;
    row.map(|row| row.id).ok_or_else(|| AdminError::Unknown(format!("application {name}")))
}

pub(super) fn authorization(connection: &mut AnyConnection, client_id: &str) -> Result<AuthorizationRow, AdminError> {
    let row = client::authorization_by_client(connection, client_id)?;
    row.ok_or_else(|| AdminError::Unknown(format!("authorization {client_id}")))
}

/// The number of the role of that name, in any case.
pub(super) fn role_named(connection: &mut AnyConnection, name: &str) -> Result<i32, AdminError> {
    let row = role::by_name(connection, name)?;
    row.map(|row| row.id).ok_or_else(|| AdminError::Unknown(format!("role {name}")))
}

fn linked(connection: &mut AnyConnection, target: &LinkTarget) -> Result<(LinkedKind, i32), AdminError> {
    match target {
        LinkTarget::Device(hostname) => {
            let row = device::by_hostname(connection, hostname)?;
            let row = row.ok_or_else(|| AdminError::Unknown(format!("device {hostname}")))?;
            Ok((LinkedKind::Device, row.id))
        }
        LinkTarget::Credential(key) => {
            let by_id = number(key).map(|id| credential::by_id(connection, id)).transpose()?.flatten();
            let row = match by_id {
                Some(row) => Some(row),
                None => credential::by_identifier(connection, key)?,
            };
            let row = row.ok_or_else(|| AdminError::Unknown(format!("credential {key}")))?;
            Ok((LinkedKind::Credential, row.id))
        }
        LinkTarget::Information(key) => {
            let by_id = number(key).map(|id| information::by_id(connection, id)).transpose()?.flatten();
            let row = match by_id {
                Some(row) => Some(row),
                None => information::by_identifier(connection, key)?,
            };
            let row = row.ok_or_else(|| AdminError::Unknown(format!("information {key}")))?;
            Ok((LinkedKind::Information, row.id))
        }
        LinkTarget::Tag(tag) => {
            let tag = named(tag, "the tag")?;
            Ok((LinkedKind::Tag, lookup::register(connection, LookupKind::Tag, &tag)?.id))
        }
        LinkTarget::Entry(key) => {
            let unknown = || AdminError::Unknown(format!("entry {key}"));
            let (provider, name) = key.split_once('/').ok_or_else(unknown)?;
            let id = match number(provider) {
                Some(id) => id,
                None => provider::id_by_name(connection, provider)?.ok_or_else(unknown)?,
            };
            let row = entry::by_name(connection, id, name)?.ok_or_else(unknown)?;
            Ok((LinkedKind::Entry, row.id))
        }
    }
}

fn number(key: &str) -> Option<i32> {
    key.parse().ok()
}
