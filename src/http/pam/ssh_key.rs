//! SSH keys over HTTP (contract, section 8).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::dialect::Dialect;
use super::envelope::Revealed;
use super::error::PamError;
use super::pagination;
use super::parameters::Parameters;
use super::rows::Rows;
use super::{password_state, settings};
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::vault::ssh_key::{KeyDevice, ReadSshKey, SavedSshKey, SshKey, SshKeyInput};

/// What a client may send to create or update an SSH key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct SshKeyForm {
    /// The device, which has to exist; with `ip` required for a new key.
    hostname: Option<String>,
    ip: Option<String>,
    /// `usr` unless sent.
    username: Option<String>,
    /// Unique name, chosen by the user; the only key of an update.
    identifier: Option<String>,
    key_name: Option<String>,
    /// Told from the private key when missing.
    public_key: Option<String>,
    /// Required for a new key.
    private_key: Option<String>,
    /// The passphrase of the private key.
    password: Option<String>,
    /// Whether the key is switched on; it is unless sent.
    enabled: Option<bool>,
    /// Tags of any symbol, separated by commas.
    tags: Option<String>,
    /// Further devices, in the place of those before.
    devices: Option<Vec<DeviceName>>,
    /// How the key is changed on its target, as for credentials; `change_plugin` is `ssh-key`.
    execution_settings: Option<serde_json::Value>,
}

/// A device, named.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceName {
    hostname: String,
}

/// A device, named with its address.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceAt {
    hostname: String,
    ip: String,
}

impl From<KeyDevice> for DeviceAt {
    fn from(device: KeyDevice) -> Self {
        Self { hostname: device.hostname, ip: device.ip }
    }
}

/// What can be told of a key, beyond the contract; null when its public key is none.
#[derive(Serialize, ToSchema)]
pub(super) struct Facts {
    /// As in `ssh-ed25519`.
    algorithm: Option<String>,
    bits: Option<u32>,
    /// `SHA256:…`
    fingerprint: Option<String>,
    comment: Option<String>,
}

/// The payload of one SSH key.
#[derive(Serialize, ToSchema)]
pub(super) struct SshKeyPayload {
    key: SshKeyView,
}

/// An SSH key with its private part.
#[derive(Serialize, ToSchema)]
pub(super) struct SshKeyView {
    id: String,
    identifier: Option<String>,
    username: String,
    key_name: String,
    hostname: String,
    ip: String,
    #[schema(value_type = String)]
    private_key: Revealed,
    public_key: String,
    /// The passphrase.
    #[schema(value_type = Option<String>)]
    password: Revealed,
    tags: Vec<String>,
    devices: Vec<DeviceAt>,
    expiration_time: Option<String>,
    #[serde(flatten)]
    facts: Facts,
}

/// The payload of a list of SSH keys.
#[derive(Serialize, ToSchema)]
pub(super) struct SshKeysPayload {
    #[schema(value_type = Vec<SshKeyRowView>)]
    keys: Rows<SshKeyRowView>,
}

/// An SSH key in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct SshKeyRowView {
    id: String,
    identifier: Option<String>,
    username: String,
    key_name: String,
    hostname: String,
    ip: String,
    tags: Vec<String>,
    devices: Vec<DeviceAt>,
    #[serde(flatten)]
    facts: Facts,
}

/// The payload after saving.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedSshKeyPayload {
    key: SavedSshKeyView,
}

/// An SSH key right after it was saved; the identifier under both of its names.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedSshKeyView {
    id: String,
    tag: Option<String>,
    identifier: Option<String>,
    devices: Vec<DeviceAt>,
    /// The further devices that are not registered; the key was saved without them.
    devices_error: Vec<DeviceName>,
}

/// `GET …/pam/key`
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    let list = call.vault.list_ssh_keys(call.permit.clone(), call.parse(pagination::list_request).await?).await?;
    let view = |key: &SshKey| SshKeyRowView::from(key.clone());
    Ok(pagination::answer(&call, "keys", list, |rows| SshKeysPayload { keys: Rows::new(rows, view) }))
}

/// `GET …/pam/key/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let fail_on_change = password_state::fail_on_change(&call).await?;
    let read = call.vault.read_ssh_key(call.permit.clone(), call.path()?, fail_on_change).await?;
    let message = format!("Key {}", read.key.id);
    let (etag, is_doubted) = (read.etag.clone(), read.is_doubted);
    let payload = SshKeyPayload { key: key_view(&call, read)? };
    let response = call.answer_with_tenant(StatusCode::OK, &message, payload).with_etag(Some(&etag));
    Ok(password_state::with_state(response, is_doubted))
}

/// `POST …/pam/key`
pub(super) async fn save(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(ssh_key_input).await?;
    let saved = call.vault.save_ssh_key(call.permit.clone(), input, call.dialect().identifiers()).await?;
    let message = if saved.created { "Key successfully registered!" } else { "Key updated successfully!" };
    let etag = saved.etag.clone();
    Ok(call.answer(StatusCode::CREATED, message, SavedSshKeyPayload { key: saved.into() }).with_etag(etag.as_ref()))
}

/// `DELETE …/pam/key/{key}`
pub(super) async fn deactivate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.deactivate_ssh_key(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Key successfully deactivated"))
}

/// `PUT …/pam/key/{key}`
pub(super) async fn activate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.activate_ssh_key(call.permit.clone(), call.path()?).await?;
    // The modern documents print the message of credentials (contract, section 8.5).
    let message = match call.dialect() {
        Dialect::Legacy => "Key successfully activated",
        Dialect::Modern => "Credential successfully activated",
    };
    Ok(call.message(StatusCode::OK, message))
}

fn ssh_key_input(parameters: &Parameters) -> Result<SshKeyInput, InputError> {
    let hostname = |device: &Parameters| Ok(device.line("hostname")?.unwrap_or_default());
    let devices = parameters.few_objects("devices")?;
    let devices = devices.map(|devices| devices.iter().map(hostname).collect::<Result<Vec<_>, InputError>>());
    Ok(SshKeyInput {
        hostname: parameters.line("hostname")?,
        ip: parameters.line("ip")?,
        username: parameters.line("username")?,
        identifier: parameters.line("identifier")?,
        key_name: parameters.line("key_name")?,
        public_key: parameters.long_text("public_key")?,
        private_key: parameters.secret("private_key")?,
        password: parameters.secret("password")?,
        enabled: parameters.flag("enabled")?,
        tags: parameters.list("tags")?,
        devices: devices.transpose()?,
        rotation: settings::rotation_settings(parameters)?,
    })
}

fn facts(key: &SshKey) -> Facts {
    let facts = key.facts.as_ref();
    Facts {
        algorithm: facts.map(|facts| facts.algorithm.clone()),
        bits: facts.and_then(|facts| facts.bits),
        fingerprint: facts.map(|facts| facts.fingerprint.clone()),
        comment: facts.map(|facts| facts.comment.clone()),
    }
}

impl From<SshKey> for SshKeyRowView {
    fn from(key: SshKey) -> Self {
        Self {
            facts: facts(&key),
            id: key.id.to_string(),
            identifier: key.identifier,
            username: key.username,
            key_name: key.key_name,
            hostname: key.hostname,
            ip: key.ip,
            tags: key.tags,
            devices: key.devices.into_iter().map(DeviceAt::from).collect(),
        }
    }
}

fn key_view(call: &Call, read: ReadSshKey) -> Result<SshKeyView, PamError> {
    let key = read.key;
    Ok(SshKeyView {
        facts: facts(&key),
        id: key.id.to_string(),
        identifier: key.identifier,
        username: key.username,
        key_name: key.key_name,
        hostname: key.hostname,
        ip: key.ip,
        private_key: call.reveal(Some(read.private_key))?,
        public_key: key.public_key,
        password: call.reveal(read.password)?,
        tags: key.tags,
        devices: key.devices.into_iter().map(DeviceAt::from).collect(),
        expiration_time: None,
    })
}

impl From<SavedSshKey> for SavedSshKeyView {
    fn from(saved: SavedSshKey) -> Self {
        Self {
            id: saved.id.to_string(),
            tag: saved.identifier.clone(),
            identifier: saved.identifier,
            devices: saved.devices.into_iter().map(DeviceAt::from).collect(),
            devices_error: saved.unknown_devices.into_iter().map(|hostname| DeviceName { hostname }).collect(),
        }
    }
}
