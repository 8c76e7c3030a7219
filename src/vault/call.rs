//! A call: who asks, from where, and for what.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::{Client, Need, Resource};
use super::keyfactor::KeyfactorAction;
use super::origin::Origin;
use super::{Conditions, InvalidInput, VaultError};
use crate::crypto::{AnswerForm, AnswerKey, SecretText};
use crate::store::{Lane, Ticket};

/// The generation of the PAM service that a caller speaks (contract, section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Dialect {
    /// Up to 3.32, under `/iso`.
    Legacy,
    /// From 3.33, under `/api`.
    Modern,
}

/// How a caller wants the secrets in the answer to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// It has said nothing: as its authorization says.
    AsAuthorized,
    /// Encrypted in this form.
    Form(AnswerForm),
    /// It has asked for something that is no form. It is refused, since it counts on an encryption.
    Unknown,
}

/// An authenticated request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The client whose token it bears.
    pub client: Arc<Client>,
    /// Where it comes from.
    pub origin: Origin,
    /// The dialect in which it was made.
    pub dialect: Dialect,
    /// What it asks beside its action. An error of their form is carried along, since permission comes first.
    pub conditions: Result<Conditions, VaultError>,
    /// How it wants its secrets.
    pub encryption: Encryption,
}

impl Call {
    /// A call that asks for nothing beside its action.
    pub fn plain(client: Arc<Client>, origin: Origin, dialect: Dialect) -> Self {
        Self { client, origin, dialect, conditions: Ok(Conditions::default()), encryption: Encryption::AsAuthorized }
    }

    /// The ticket of this call for the writer's queue. An identity has its lane by its own id.
    pub(super) fn ticket(&self) -> Ticket {
        let lane = self.client.rights.identity.map_or(Lane::Client(self.client.id), Lane::Account);
        Ticket::new(lane, self.origin.request_id.as_str())
    }

    /// What the secrets in the answer are encrypted under, and in which form; `None` is not at all.
    ///
    /// # Errors
    /// When the caller asks for what it cannot have. It never gets a plain secret instead.
    pub(super) fn answer_key(&self) -> Result<Option<(&AnswerKey, AnswerForm)>, VaultError> {
        const HEADER: &str = "Accept-Encryption";
        let wanted = match self.encryption {
            Encryption::Unknown => return Err(InvalidInput::header(HEADER, "expected vendor or jwe")),
            Encryption::AsAuthorized => None,
            Encryption::Form(form) => Some(form),
        };
        let Some(key) = self.client.answer_key.as_deref() else {
            return if wanted.is_some() { Err(VaultError::AnswerKeyMissing) } else { Ok(None) };
        };
        let form = wanted.unwrap_or(key.form());
        match key.can_have(form) {
            true => Ok(Some((key, form))),
            false => Err(InvalidInput::header(HEADER, "expected jwe, since the authorization's key is not RSA")),
        }
    }

    /// A secret as it may stand in the answer: encrypted for the client, if it has a key. Comes after the commit of
    /// the record, and outside the writer.
    ///
    /// # Errors
    /// When it cannot be encrypted as it should be.
    pub fn reveal(&self, secret: SecretText) -> Result<SecretText, VaultError> {
        match self.answer_key()? {
            None => Ok(secret),
            Some((key, form)) => {
                let encrypted = key.encrypt(&secret, form).inspect_err(|_| {
                    log::error!("a secret could not be encrypted for authorization {}", self.client.id);
                });
                Ok(SecretText::new(encrypted?))
            }
        }
    }
}

/// What a call asks for. Each has its word in the audit log and its need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    DeviceList,
    DeviceRead,
    DeviceSave,
    DeviceDeactivate,
    DeviceActivate,
    CredentialList,
    CredentialRead,
    CredentialTotp,
    CredentialUse,
    CredentialBatch,
    CredentialSave,
    CredentialDeactivate,
    CredentialActivate,
    CustodyRelease,
    InformationList,
    InformationRead,
    InformationSave,
    InformationDeactivate,
    InformationActivate,
    SshKeyList,
    SshKeyRead,
    SshKeySave,
    SshKeyDeactivate,
    SshKeyActivate,
    HistoryList,
    HistoryRead,
    HistoryRestore,
    SessionCreate,
    SessionOpen,
    SessionList,
    SessionRead,
    SessionDrop,
    EntryRead,
    Keyfactor(KeyfactorAction),
    UnknownRoute,
}

impl Action {
    /// The word in the audit log; stable.
    pub fn word(self) -> &'static str {
        match self {
            Action::DeviceList => "device.list",
            Action::DeviceRead => "device.read",
            Action::DeviceSave => "device.save",
            Action::DeviceDeactivate => "device.deactivate",
            Action::DeviceActivate => "device.activate",
            Action::CredentialList => "credential.list",
            Action::CredentialRead => "credential.read",
            Action::CredentialTotp => "credential.totp",
            Action::CredentialUse => "credential.use",
            Action::CredentialBatch => "credential.batch",
            Action::CredentialSave => "credential.save",
            Action::CredentialDeactivate => "credential.deactivate",
            Action::CredentialActivate => "credential.activate",
            Action::CustodyRelease => "custody.release",
            Action::InformationList => "information.list",
            Action::InformationRead => "information.read",
            Action::InformationSave => "information.save",
            Action::InformationDeactivate => "information.deactivate",
            Action::InformationActivate => "information.activate",
            Action::SshKeyList => "ssh-key.list",
            Action::SshKeyRead => "ssh-key.read",
            Action::SshKeySave => "ssh-key.save",
            Action::SshKeyDeactivate => "ssh-key.deactivate",
            Action::SshKeyActivate => "ssh-key.activate",
            Action::HistoryList => "history.list",
            Action::HistoryRead => "history.read",
            Action::HistoryRestore => "history.restore",
            Action::SessionCreate => "session.create",
            Action::SessionOpen => "session.open",
            Action::SessionList => "session.list",
            Action::SessionRead => "session.read",
            Action::SessionDrop => "session.drop",
            Action::EntryRead => "entry.read",
            Action::Keyfactor(action) => action.word(),
            Action::UnknownRoute => "route.unknown",
        }
    }

    /// What a client needs for it; nothing for a route that is not there, nor for a session's URL, which was given out
    /// to be opened by another. Who may read may also give back: releasing a custody is no write (contract, section 6).
    pub fn need(self, dialect: Dialect) -> Option<Need> {
        let write = match self {
            Action::DeviceSave
            | Action::DeviceDeactivate
            | Action::DeviceActivate
            | Action::CredentialSave
            | Action::CredentialDeactivate
            | Action::CredentialActivate
            | Action::InformationSave
            | Action::InformationDeactivate
            | Action::InformationActivate
            | Action::SshKeySave
            | Action::SshKeyDeactivate
            | Action::SshKeyActivate
            | Action::HistoryRestore
            | Action::SessionDrop => true,
            Action::DeviceList
            | Action::DeviceRead
            | Action::CredentialList
            | Action::CredentialRead
            | Action::CredentialTotp
            | Action::CredentialUse
            | Action::CredentialBatch
            | Action::CustodyRelease
            | Action::InformationList
            | Action::InformationRead
            | Action::SshKeyList
            | Action::SshKeyRead
            | Action::HistoryList
            | Action::HistoryRead
            | Action::SessionList
            | Action::SessionRead
            | Action::EntryRead => false,
            // Only from 3.33 on is it a write (contract, section 13, 23).
            Action::SessionCreate => {
                return Some(Need { resource: Resource::WebProxySession, write: dialect == Dialect::Modern });
            }
            Action::Keyfactor(action) => {
                return Some(Need { resource: Resource::Keyfactor, write: action.writes() });
            }
            Action::SessionOpen | Action::UnknownRoute => return None,
        };
        Some(Need { resource: Resource::PamCore, write })
    }
}

/// What a call touched, for its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// A device, by its number.
    Device(i32),
    /// A credential, by its number.
    Credential(i32),
    /// A protected information, by its number.
    Information(i32),
    /// A proxy session, by its number.
    Session(i32),
    /// A type of PAM providers, by its id.
    ProviderType(Uuid),
    /// A PAM provider, by its number.
    Provider(i32),
    /// An entry of a local PAM provider, by its number.
    Entry(i32),
    /// A security identity, by its number.
    Identity(i32),
    /// A role, by its number.
    Role(i32),
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Object::Device(id) => write!(f, "device:{id}"),
            Object::Credential(id) => write!(f, "credential:{id}"),
            Object::Information(id) => write!(f, "information:{id}"),
            Object::Session(id) => write!(f, "session:{id}"),
            Object::ProviderType(id) => write!(f, "provider-type:{id}"),
            Object::Provider(id) => write!(f, "provider:{id}"),
            Object::Entry(id) => write!(f, "entry:{id}"),
            Object::Identity(id) => write!(f, "identity:{id}"),
            Object::Role(id) => write!(f, "role:{id}"),
        }
    }
}
