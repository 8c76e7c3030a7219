//! Devices over HTTP (contract, section 4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::PamError;
use super::pagination;
use super::parameters::Parameters;
use super::rows::Rows;
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::vault::device::{Device, DeviceFields, DeviceInput, ListedDevice};

/// What a client may send to create or update a device.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct DeviceForm {
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
pub(super) struct DevicesPayload {
    #[schema(value_type = Vec<DeviceRowView>)]
    devices: Rows<DeviceRowView>,
}

/// A device in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceRowView {
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
pub(super) struct DevicePayload {
    device: DeviceView,
}

/// A device by itself.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceView {
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

impl From<ListedDevice> for DeviceRowView {
    fn from(device: ListedDevice) -> Self {
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

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            hostname: device.hostname,
            ip: device.ip,
            model: device.model,
            r#type: device.device_type,
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
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    let list = call.vault.list_devices(call.permit.clone(), call.parse(pagination::list_request).await?).await?;
    let view = |device: &ListedDevice| DeviceRowView::from(device.clone());
    Ok(pagination::answer(&call, "devices", list, |rows| DevicesPayload { devices: Rows::new(rows, view) }))
}

/// `GET …/pam/device/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let (device, etag) = call.vault.read_device(call.permit.clone(), call.path()?).await?;
    let message = format!("Device {}", device.id);
    let payload = DevicePayload { device: device.into() };
    Ok(call.answer_with_tenant(StatusCode::OK, &message, payload).with_etag(Some(&etag)))
}

/// `POST …/pam/device`
pub(super) async fn save(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(device_input).await?;
    let saved = call.vault.save_device(call.permit.clone(), input).await?;
    let message = if saved.created { "Device successfully registered!" } else { "Device updated successfully!" };
    let payload = DevicePayload { device: saved.device.into() };
    Ok(call.answer(StatusCode::CREATED, message, payload).with_etag(saved.etag.as_ref()))
}

/// `DELETE …/pam/device/{key}`
pub(super) async fn deactivate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.deactivate_device(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Device successfully deactivated"))
}

/// `PUT …/pam/device/{key}`
pub(super) async fn activate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.activate_device(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Device successfully activated"))
}

fn device_input(parameters: &Parameters) -> Result<DeviceInput, InputError> {
    Ok(DeviceInput {
        hostname: parameters.line("hostname")?,
        ip: parameters.line("ip")?,
        fields: device_fields(parameters)?,
    })
}

/// Parses the fields of a device other than hostname and address, in device and credential requests.
pub(super) fn device_fields(parameters: &Parameters) -> Result<DeviceFields, InputError> {
    // One vendor document drops a letter.
    let session_remote_config = match parameters.text("session_remote_config")? {
        Some(config) => Some(config),
        None => parameters.text("session_remote_conig")?,
    };
    Ok(DeviceFields {
        device_type: parameters.line("type")?,
        vendor: parameters.line("vendor")?,
        model: parameters.line("model")?,
        site: parameters.line("site")?,
        domains: parameters.list("device_domain")?,
        tags: parameters.list("device_tags")?,
        connectivities: parameters.list("connectivities")?,
        session_remote_config,
    })
}
