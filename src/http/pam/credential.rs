//! Credentials over HTTP (contract, sections 5 and 6).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::device::device_fields;
use super::envelope::Revealed;
use super::error::PamError;
use super::pagination;
use super::parameters::Parameters;
use super::preconditions::WithETag;
use crate::crypto::TotpCode;
use crate::vault::credential::{CredentialInput, ListedCredential, ReadCredential, SavedCredential, SettingsInput};
use crate::vault::{Action, Dialect, VaultError};

/// What a client may send to create or update a credential.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct CredentialForm {
    /// Unique name, chosen by the user; finds the credential before anything else does.
    identifier: Option<String>,
    /// `usr` when empty; under `/api` it has to be sent.
    username: Option<String>,
    /// The password.
    content: Option<String>,
    additional: Option<String>,
    /// Tags, separated by commas.
    tags: Option<String>,
    /// `Local User` unless said; comes into being when first used.
    credential_type: Option<String>,
    /// A registered domain.
    domain: Option<String>,
    /// The number of the credential whose password this one shares; 0 takes the parent away.
    parent_password: Option<i32>,
    /// Whether one client at a time may hold it; as the settings say unless sent.
    exclusive_custody: Option<bool>,
    /// The device, which has to exist.
    hostname: String,
    ip: String,
    /// Device type, as vendor, model, site and the fields after them are the device's.
    r#type: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    site: Option<String>,
    device_domain: Option<String>,
    device_tags: Option<String>,
    connectivities: Option<String>,
    session_remote_config: Option<String>,
    execution_settings: Option<serde_json::Value>,
    session_settings: Option<serde_json::Value>,
    additional_settings: Option<serde_json::Value>,
    jit_settings: Option<serde_json::Value>,
}

/// The payload of a list of credentials.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialsPayload {
    credentials: Vec<CredentialRowView>,
}

/// A credential in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialRowView {
    id: String,
    identifier: Option<String>,
    username: String,
    expiration: Option<String>,
    change: String,
    view: Option<String>,
    hostname: String,
    management_ip: String,
    r#type: String,
    type_code: String,
    device_model: String,
    device_type: String,
    device_vendor: String,
    automatic_change: AutomaticChange,
    connectivity: String,
    connectivity_code: String,
}

/// `"0"` or `"1"` under `/iso`, a boolean under `/api`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AutomaticChange {
    /// `/iso`
    Text(&'static str),
    /// `/api`
    Flag(bool),
}

/// The payload of one credential.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialPayload {
    pub(super) credential: CredentialView,
}

/// A credential with its password.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialView {
    id: String,
    /// The identifier, by its older name.
    tag: Option<String>,
    identifier: Option<String>,
    username: String,
    /// Null when none has been stored.
    #[schema(value_type = Option<String>)]
    password: Revealed,
    /// The password, again.
    #[schema(value_type = Option<String>)]
    content: Revealed,
    hostname: String,
    parent_credential_cod: Option<String>,
    parent_credential: Option<String>,
    additional: String,
    domain: String,
    ip: String,
    port: String,
    model: String,
    /// When the client's custody runs out, UTC.
    expiration_time: Option<String>,
}

/// The payload of a one-time password.
#[derive(Serialize, ToSchema)]
pub(super) struct TotpPayload {
    totp: TotpView,
}

/// A one-time password (RFC 6238).
#[derive(Serialize, ToSchema)]
pub(super) struct TotpView {
    /// The credential's number.
    id: String,
    #[schema(value_type = String)]
    code: Revealed,
    /// How many seconds the code is good for from now.
    seconds_left: u64,
    digits: u8,
    /// Seconds from one code to the next.
    period: u64,
    /// `SHA1`, `SHA256` or `SHA512`.
    algorithm: &'static str,
}

/// The payload after saving.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SavedPayload {
    /// `/iso`: the identifier as `tag`, null right after creation.
    Legacy {
        /// The credential.
        credential: LegacySaved,
    },
    /// `/api`: the identifier, given or generated.
    Modern {
        /// The credential.
        credential: ModernSaved,
    },
}

/// A saved credential under `/iso`.
#[derive(Serialize, ToSchema)]
pub(super) struct LegacySaved {
    id: String,
    tag: Option<String>,
}

/// A saved credential under `/api`.
#[derive(Serialize, ToSchema)]
pub(super) struct ModernSaved {
    id: String,
    identifier: Option<String>,
}

/// `GET …/pam/credential`; with `?credential=` it is one credential (contract, section 1.8).
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    match call.parse(|parameters| parameters.text("credential")) {
        Ok(None) => {}
        Ok(Some(key)) => return show(&call, key).await,
        Err(error) => {
            return Err(call.refuse(Action::CredentialRead, error).await);
        }
    }
    let listed = call.vault.list_credentials(&call.request, pagination::request(&call)).await?;
    let dialect = call.dialect();
    let view = |credential| row_view(credential, dialect);
    let payload = |rows: Vec<_>| CredentialsPayload { credentials: rows.into_iter().map(view).collect() };
    Ok(pagination::answer(&call, "credentials", listed, payload))
}

/// `GET …/pam/credential/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    show(&call, call.path()?).await
}

async fn show(call: &Call, key: String) -> Result<HttpResponse, PamError> {
    let credential = call.vault.read_credential(&call.request, key).await?;
    let message = format!("Credential {}", credential.id);
    let tag = credential.state_tag.clone();
    let payload = CredentialPayload { credential: credential_view(call, credential)? };
    Ok(call.answer(StatusCode::OK, &message, payload).with_etag(Some(&tag)))
}

/// `GET …/pam/credential/{key}/totp`
pub(super) async fn totp(call: Call) -> Result<HttpResponse, PamError> {
    let read = call.vault.read_totp(&call.request, call.path()?).await?;
    let message = format!("Credential {}", read.id);
    let totp = totp_view(&call, read.id, read.totp)?;
    Ok(call.answer(StatusCode::OK, &message, TotpPayload { totp }))
}

pub(super) fn totp_view(call: &Call, credential: i32, totp: TotpCode) -> Result<TotpView, PamError> {
    Ok(TotpView {
        id: credential.to_string(),
        code: call.reveal(Some(totp.code))?,
        seconds_left: totp.seconds_left,
        digits: totp.digits,
        period: totp.period,
        algorithm: totp.algorithm,
    })
}

/// `POST …/pam/credential`
pub(super) async fn save(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(credential_input);
    let saved = call.vault.save_credential(&call.request, input).await?;
    let message = saved_message(&saved);
    let tag = saved.state_tag.clone();
    let payload = saved_payload(saved, call.dialect());
    Ok(call.answer_with_tenant(StatusCode::CREATED, message, payload).with_etag(tag.as_ref()))
}

/// `DELETE …/pam/credential/{key}`
pub(super) async fn deactivate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.deactivate_credential(&call.request, call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Credential successfully deactivated"))
}

/// `PUT …/pam/credential/{key}`
pub(super) async fn activate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.activate_credential(&call.request, call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Credential successfully activated"))
}

/// `DELETE …/pam/credential/custody/{key}`
pub(super) async fn release(call: Call) -> Result<HttpResponse, PamError> {
    let id = call.vault.release_custody(&call.request, call.path()?).await?;
    Ok(call.message(StatusCode::OK, &format!("Credential custody {id} released")))
}

pub(super) fn credential_input(parameters: &Parameters) -> Result<CredentialInput, VaultError> {
    Ok(CredentialInput {
        identifier: parameters.line("identifier")?,
        username: parameters.line("username")?,
        content: parameters.secret("content")?,
        additional: parameters.text("additional")?,
        tags: parameters.list("tags")?,
        credential_type: parameters.line("credential_type")?,
        domain: parameters.line("domain")?,
        parent_password: parameters.number("parent_password")?,
        exclusive_custody: parameters.flag("exclusive_custody")?,
        hostname: parameters.line("hostname")?,
        ip: parameters.line("ip")?,
        device: device_fields(parameters)?,
        settings: SettingsInput::read(parameters)?,
    })
}

pub(super) fn saved_message(saved: &SavedCredential) -> &'static str {
    if saved.created { "Credential successfully registered!" } else { "Credential updated successfully!" }
}

/// Right after creation the legacy dialect shows no identifier, even when one was sent (contract, 13-2).
pub(super) fn saved_payload(saved: SavedCredential, dialect: Dialect) -> SavedPayload {
    let id = saved.id.to_string();
    match dialect {
        Dialect::Legacy => {
            let tag = saved.identifier.filter(|_| !saved.created);
            SavedPayload::Legacy { credential: LegacySaved { id, tag } }
        }
        Dialect::Modern => SavedPayload::Modern { credential: ModernSaved { id, identifier: saved.identifier } },
    }
}

fn row_view(credential: ListedCredential, dialect: Dialect) -> CredentialRowView {
    CredentialRowView {
        id: credential.id.to_string(),
        identifier: credential.identifier,
        username: credential.username,
        expiration: None,
        change: seconds(credential.changed_at),
        view: credential.viewed_at.map(seconds),
        hostname: credential.hostname,
        management_ip: credential.management_ip,
        r#type: credential.credential_type,
        type_code: credential.type_code.to_string(),
        device_model: credential.device_model,
        device_type: credential.device_type,
        device_vendor: credential.device_vendor,
        automatic_change: match dialect {
            Dialect::Legacy => AutomaticChange::Text(if credential.automatic_change { "1" } else { "0" }),
            Dialect::Modern => AutomaticChange::Flag(credential.automatic_change),
        },
        connectivity: String::new(),
        connectivity_code: String::new(),
    }
}

/// A time as the service writes it, in UTC.
fn seconds(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn credential_view(call: &Call, credential: ReadCredential) -> Result<CredentialView, PamError> {
    let (parent_id, parent_username) = credential.parent.unzip();
    let password = call.reveal(credential.password)?;
    Ok(CredentialView {
        id: credential.id.to_string(),
        tag: credential.identifier.clone(),
        identifier: credential.identifier,
        username: credential.username,
        password: password.clone(),
        content: password,
        hostname: credential.hostname,
        parent_credential_cod: parent_id.map(|id| id.to_string()),
        parent_credential: parent_username,
        additional: credential.additional,
        domain: credential.domain,
        ip: credential.ip,
        port: credential.port,
        model: credential.model,
        expiration_time: credential.held_until.map(|end| end.format("%Y-%m-%dT%H:%M:%S").to_string()),
    })
}
