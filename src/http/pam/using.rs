//! Using a credential, in one call for robots. An addition to the contract.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::credential::{ShownCredential, ShownTotp, shown, shown_totp};
use super::error::Refused;
use crate::http::body::Posted;
use crate::http::conditions::Tagged;
use crate::vault::credential::{Candidate, UseInput};
use crate::vault::device::Device;
use crate::vault::{Parameters, VaultError};

/// What a robot may send to find the credential that it needs: an identifier, or hostname or ip with username, tag or
/// type. Everything that is sent has to fit.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub struct UseForm {
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

/// The payload of a credential in use.
#[derive(Serialize, ToSchema)]
pub struct UsePayload {
    credential: ShownCredential,
    /// The present one-time password; null when the credential has no seed.
    totp: Option<ShownTotp>,
    device: UsedDevice,
    /// The state of the credential, as in the header `ETag`.
    etag: String,
}

/// Where the credential is used. A client need not see the device itself, so this is what lists of credentials tell of
/// it, and how to get there.
#[derive(Serialize, ToSchema)]
pub struct UsedDevice {
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
            r#type: device.kind,
            vendor: device.vendor,
            model: device.model,
            connectivities: device.connectivities,
        }
    }
}

/// A credential that was perhaps meant, without secrets.
#[derive(Serialize, ToSchema)]
pub struct CandidateView<'a> {
    id: String,
    identifier: Option<&'a str>,
    username: &'a str,
    r#type: &'a str,
    tags: &'a str,
    hostname: &'a str,
    ip: &'a str,
}

impl<'a> From<&'a Candidate> for CandidateView<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            id: candidate.id.to_string(),
            identifier: candidate.identifier.as_deref(),
            username: &candidate.username,
            r#type: &candidate.credential_type,
            tags: &candidate.tags,
            hostname: &candidate.hostname,
            ip: &candidate.ip,
        }
    }
}

/// `POST …/pam/use`
pub(in crate::http) async fn use_credential(Posted { caller, parameters }: Posted) -> Result<HttpResponse, Refused> {
    let input = parameters.and_then(|parameters| use_input(&parameters));
    let used = caller.vault.use_credential(&caller.call, input).await.map_err(|error| caller.refused(error))?;
    let message = format!("Credential {}", used.credential.id);
    let (id, tag) = (used.credential.id, used.credential.state_tag.clone());
    let payload = UsePayload {
        credential: shown(&caller, used.credential)?,
        totp: used.totp.map(|totp| shown_totp(&caller, id, totp)).transpose()?,
        device: used.device.into(),
        etag: format!("\"{tag}\""),
    };
    Ok(caller.answer(StatusCode::OK, &message, payload).tagged(Some(&tag)))
}

fn use_input(parameters: &Parameters) -> Result<UseInput, VaultError> {
    let text = |name| Ok::<_, VaultError>(parameters.line(name)?.filter(|text| !text.is_empty()));
    Ok(UseInput {
        identifier: text("identifier")?,
        hostname: text("hostname")?,
        ip: text("ip")?,
        username: text("username")?,
        tag: text("tag")?,
        credential_type: text("type")?,
    })
}
