//! Composite request: finds a credential, takes custody, and returns all that a login needs. An addition to the contract.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::credential::{credential_view, totp_view};
use super::credential_wire::{CredentialView, TotpView};
use super::error::PamError;
use super::parameters::Parameters;
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::vault::credential::UseInput;
use crate::vault::device::Device;

/// How to find the credential: an identifier, or hostname or ip with username, tag or type. All that is sent must match.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct UseForm {
    /// To the letter.
    identifier: Option<String>,
    /// Ignoring case.
    hostname: Option<String>,
    ip: Option<String>,
    /// To the letter.
    username: Option<String>,
    /// Ignoring case.
    tag: Option<String>,
    /// Credential type, ignoring case.
    r#type: Option<String>,
}

/// The payload of a used credential.
#[derive(Serialize, ToSchema)]
pub(super) struct UsePayload {
    credential: CredentialView,
    /// The present one-time password; null when the credential has no seed.
    totp: Option<TotpView>,
    device: UsedDevice,
    /// The state of the credential, as in the header `ETag`.
    etag: String,
}

/// Where the credential is used. A client need not see the device itself, so this is what lists of credentials tell of
/// it, and how to get there.
#[derive(Serialize, ToSchema)]
pub(super) struct UsedDevice {
    id: String,
    hostname: String,
    ip: String,
    r#type: String,
    vendor: String,
    model: String,
    /// `PROTOCOL:port`, separated by commas.
    connectivities: String,
}

impl From<Device> for UsedDevice {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            hostname: device.hostname,
            ip: device.ip,
            r#type: device.device_type,
            vendor: device.vendor,
            model: device.model,
            connectivities: device.connectivities,
        }
    }
}

/// `POST …/pam/use`
pub(super) async fn use_credential(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(use_input).await?;
    let used = call.vault.use_credential(call.permit.clone(), input).await?;
    let message = format!("Credential {}", used.credential.id);
    let (id, etag) = (used.credential.id, used.credential.etag.clone());
    let payload = UsePayload {
        credential: credential_view(&call, used.credential)?,
        totp: used.totp.map(|totp| totp_view(&call, id, totp)).transpose()?,
        device: used.device.into(),
        etag: format!("\"{etag}\""),
    };
    Ok(call.answer(StatusCode::OK, &message, payload).with_etag(Some(&etag)))
}

fn use_input(parameters: &Parameters) -> Result<UseInput, InputError> {
    let text = |name| Ok::<_, InputError>(parameters.line(name)?.filter(|text| !text.is_empty()));
    Ok(UseInput {
        identifier: text("identifier")?,
        hostname: text("hostname")?,
        ip: text("ip")?,
        username: text("username")?,
        tag: text("tag")?,
        credential_type: text("type")?,
    })
}
