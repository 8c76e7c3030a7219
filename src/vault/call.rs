//! A call: who asks, from where, and for what.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Client, Need, Resource};
use super::origin::Origin;
use super::{Conditions, VaultError};

/// The generation of the PAM service that a caller speaks (contract, section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Dialect {
    /// Up to 3.32, under `/iso`.
    Legacy,
    /// From 3.33, under `/api`.
    Modern,
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
            | Action::CustodyRelease
            | Action::InformationList
            | Action::InformationRead
            | Action::SshKeyList
            | Action::SshKeyRead
            | Action::HistoryList
            | Action::HistoryRead
            | Action::SessionList
            | Action::SessionRead => false,
            // Only from 3.33 on is it a write (contract, section 13, 23).
            Action::SessionCreate => {
                return Some(Need { resource: Resource::WebProxySession, write: dialect == Dialect::Modern });
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
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Object::Device(id) => write!(f, "device:{id}"),
            Object::Credential(id) => write!(f, "credential:{id}"),
            Object::Information(id) => write!(f, "information:{id}"),
            Object::Session(id) => write!(f, "session:{id}"),
        }
    }
}
