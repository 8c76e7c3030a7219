//! Devices over HTTP (contract, section 4).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Refused;
use super::listing;
use crate::http::body::Posted;
use crate::http::caller::Caller;
use crate::http::conditions::Tagged;
use crate::vault::device::{Device, DeviceFields, DeviceInput};
use crate::vault::{Parameters, VaultError};

/// What a client may send to create or update a device.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub struct DeviceForm {
    /// Name, and key of the update; compared ignoring case.
    hostname: String,
    /// Management address: an IP address, a DNS name or a URL.
    ip: String,
    /// Comes into being when first used, as vendor, model and site do.
    r#type: String,
    vendor: String,
    model: String,
    site: String,
    /// Registered domains, separated by commas.
    device_domain: Option<String>,
    /// Tags, separated by commas.
    device_tags: Option<String>,
    /// `PROTOCOL:port`, separated by commas.
    connectivities: Option<String>,
    /// Login expression.
    session_remote_config: Option<String>,
}

/// The payload of a list of devices.
#[derive(Serialize, ToSchema)]
pub struct DevicesPayload {
    devices: Vec<ListedDevice>,
}

/// A device in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedDevice {
    id: String,
    hostname: String,
    ip: String,
    model: String,
    r#type: String,
    vendor: String,
    site: String,
    tags: String,
}

/// The payload of one device.
#[derive(Serialize, ToSchema)]
pub struct DevicePayload {
    device: ShownDevice,
}

/// A device by itself.
#[derive(Serialize, ToSchema)]
pub struct ShownDevice {
    id: String,
    hostname: String,
    ip: String,
    model: String,
    r#type: String,
    vendor: String,
    site: String,
    device_domain: String,
    connectivities: String,
    session_remote_config: String,
    device_tags: String,
}

impl From<Device> for ListedDevice {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            hostname: device.hostname,
            ip: device.ip,
            model: device.model,
            r#type: device.kind,
            vendor: device.vendor,
            site: device.site,
            tags: device.tags,
        }
    }
}

impl From<Device> for ShownDevice {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            hostname: device.hostname,
            ip: device.ip,
            model: device.model,
            r#type: device.kind,
            vendor: device.vendor,
            site: device.site,
            device_domain: device.domains,
            connectivities: device.connectivities,
            session_remote_config: device.session_remote_config,
            device_tags: device.tags,
        }
    }
}

/// `GET …/pam/device`
pub(in crate::http) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_devices(&caller.call, listing::request(&request)).await;
    let listed = listed.map_err(|error| caller.refused(error))?;
    Ok(listing::answer(&caller, &request, "devices", listed, |rows| DevicesPayload {
        devices: rows.into_iter().map(ListedDevice::from).collect(),
    }))
}

/// `GET …/pam/device/{key}`
pub(in crate::http) async fn read(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let device = caller.vault.read_device(&caller.call, key.into_inner()).await;
    let (device, tag) = device.map_err(|error| caller.refused(error))?;
    let message = format!("Device {}", device.id);
    let payload = DevicePayload { device: device.into() };
    Ok(caller.answer_with_tenant(StatusCode::OK, &message, payload).tagged(Some(&tag)))
}

/// `POST …/pam/device`
pub(in crate::http) async fn save(Posted { caller, parameters }: Posted) -> Result<HttpResponse, Refused> {
    let input = parameters.and_then(|parameters| device_input(&parameters));
    let saved = caller.vault.save_device(&caller.call, input).await.map_err(|error| caller.refused(error))?;
    let message = match saved.created {
        true => "Device successfully registered!",
        false => "Device updated successfully!",
    };
    let payload = DevicePayload { device: saved.device.into() };
    Ok(caller.answer(StatusCode::CREATED, message, payload).tagged(saved.state_tag.as_ref()))
}

/// `DELETE …/pam/device/{key}`
pub(in crate::http) async fn deactivate(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let done = caller.vault.deactivate_device(&caller.call, key.into_inner()).await;
    done.map_err(|error| caller.refused(error))?;
    Ok(caller.say(StatusCode::OK, "Device successfully deactivated"))
}

/// `PUT …/pam/device/{key}`
pub(in crate::http) async fn activate(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let done = caller.vault.activate_device(&caller.call, key.into_inner()).await;
    done.map_err(|error| caller.refused(error))?;
    Ok(caller.say(StatusCode::OK, "Device successfully activated"))
}

fn device_input(parameters: &Parameters) -> Result<DeviceInput, VaultError> {
    Ok(DeviceInput {
        hostname: parameters.line("hostname")?,
        ip: parameters.line("ip")?,
        fields: device_fields(parameters)?,
    })
}

/// The parameters of a device other than its name and address, as device and credential calls carry them.
pub(super) fn device_fields(parameters: &Parameters) -> Result<DeviceFields, VaultError> {
    // One vendor document drops a letter.
    let session_remote_config = match parameters.text("session_remote_config")? {
        Some(config) => Some(config),
        None => parameters.text("session_remote_conig")?,
    };
    Ok(DeviceFields {
        kind: parameters.line("type")?,
        vendor: parameters.line("vendor")?,
        model: parameters.line("model")?,
        site: parameters.line("site")?,
        domains: parameters.list("device_domain")?,
        tags: parameters.list("device_tags")?,
        connectivities: parameters.list("connectivities")?,
        session_remote_config,
    })
}
