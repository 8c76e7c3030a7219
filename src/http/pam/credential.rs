//! Credentials over HTTP (contract, sections 5 and 6).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, SubsecRound, Utc};

use super::call::Call;
use super::credential_wire::{
    AutomaticChange, CredentialPayload, CredentialRowView, CredentialView, CredentialsPayload, LegacySaved,
    ModernSaved, SavedPayload, TotpPayload, TotpView,
};
use super::device::device_fields;
use super::dialect::Dialect;
use super::error::PamError;
use super::pagination;
use super::parameters::Parameters;
use super::password_state;
use super::rows::Rows;
use super::settings::settings_input;
use crate::crypto::TotpCode;
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::vault::credential::{CredentialInput, ListedCredential, ParentChange, ReadCredential, SavedCredential};
use crate::vault::id::{CredentialId, LookupId};
use crate::vault::operation::{Action, Permit};
use crate::vault::pagination::ListRequest;

/// `GET …/pam/credential`; with `?credential=` it is one credential (contract, section 1.8).
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    let request = match call.parse(selection).await? {
        Selection::One(key) => {
            let permit = call.permit_for(Action::CREDENTIAL_READ).await?;
            return show(&call, permit, key).await;
        }
        Selection::List(request) => request,
    };
    let list = call.vault.list_credentials(call.permit.clone(), request).await?;
    let dialect = call.dialect();
    let view = move |credential: &ListedCredential| row_view(credential.clone(), dialect);
    let payload = |rows| CredentialsPayload { credentials: Rows::new(rows, view) };
    Ok(pagination::answer(&call, "credentials", list, payload))
}

/// The credentials that a `GET` without a key in its path asks for.
enum Selection {
    /// The one of this key.
    One(String),
    /// Those of a list.
    List(ListRequest),
}

fn selection(parameters: &Parameters) -> Result<Selection, InputError> {
    Ok(match parameters.text("credential")? {
        Some(key) => Selection::One(key),
        None => Selection::List(pagination::list_request(parameters)?),
    })
}

/// `GET …/pam/credential/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let (permit, key) = (call.permit.clone(), call.path()?);
    show(&call, permit, key).await
}

async fn show(call: &Call, permit: Permit, key: String) -> Result<HttpResponse, PamError> {
    let fail_on_change = password_state::fail_on_change(call).await?;
    let credential = call.vault.read_credential(permit, key, fail_on_change).await?;
    let message = format!("Credential {}", credential.id);
    let (etag, is_doubted) = (credential.etag.clone(), credential.is_password_doubted);
    let payload = CredentialPayload { credential: credential_view(call, credential)? };
    let response = call.answer(StatusCode::OK, &message, payload).with_etag(Some(&etag));
    Ok(password_state::with_state(response, is_doubted))
}

/// `GET …/pam/credential/{key}/totp`
pub(super) async fn totp(call: Call) -> Result<HttpResponse, PamError> {
    let read = call.vault.read_totp(call.permit.clone(), call.path()?).await?;
    let message = format!("Credential {}", read.id);
    let totp = totp_view(&call, read.id, read.totp)?;
    Ok(call.answer(StatusCode::OK, &message, TotpPayload { totp }))
}

pub(super) fn totp_view(call: &Call, credential: CredentialId, totp: TotpCode) -> Result<TotpView, PamError> {
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
    let input = call.parse(credential_input).await?;
    let saved = call.vault.save_credential(call.permit.clone(), input, call.dialect().save_policy()).await?;
    let message = saved_message(&saved);
    let etag = saved.etag.clone();
    let payload = saved_payload(saved, call.dialect());
    Ok(call.answer_with_tenant(StatusCode::CREATED, message, payload).with_etag(etag.as_ref()))
}

/// `DELETE …/pam/credential/{key}`
pub(super) async fn deactivate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.deactivate_credential(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Credential successfully deactivated"))
}

/// `PUT …/pam/credential/{key}`
pub(super) async fn activate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.activate_credential(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Credential successfully activated"))
}

/// `DELETE …/pam/credential/custody/{key}`
pub(super) async fn release(call: Call) -> Result<HttpResponse, PamError> {
    let id = call.vault.release_custody(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, &format!("Credential custody {id} released")))
}

pub(super) fn credential_input(parameters: &Parameters) -> Result<CredentialInput, InputError> {
    Ok(CredentialInput {
        identifier: parameters.line("identifier")?,
        username: parameters.line("username")?,
        content: parameters.secret("content")?,
        additional: parameters.text("additional")?,
        tags: parameters.list("tags")?,
        credential_type: parameters.line("credential_type")?,
        domain: parameters.line("domain")?,
        parent: parameters.id("parent_password")?.map(parent_change),
        exclusive_custody: parameters.flag("exclusive_custody")?,
        hostname: parameters.line("hostname")?,
        ip: parameters.line("ip")?,
        device: device_fields(parameters)?,
        settings: settings_input(parameters)?,
    })
}

/// Converts a `parent_password`: 0 removes the parent.
fn parent_change(number: i32) -> ParentChange {
    if number == 0 { ParentChange::Remove } else { ParentChange::Set(CredentialId::new(number)) }
}

pub(super) fn saved_message(saved: &SavedCredential) -> &'static str {
    if saved.created { "Credential successfully registered!" } else { "Credential updated successfully!" }
}

/// Returns the payload after saving. Right after creation the legacy dialect shows no identifier, even when one was
/// sent (contract, 13-2).
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
        type_code: credential.type_code.map_or(0, LookupId::get).to_string(),
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

/// Formats a time as the service does, in UTC: `2026-01-31 23:59:59`. A format string would be parsed for each row of a list.
pub(super) fn seconds(moment: DateTime<Utc>) -> String {
    moment.naive_utc().trunc_subsecs(0).to_string()
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
        expiration_time: credential.held_until.map(|end| seconds(end).replacen(' ', "T", 1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_no_fraction_of_a_second() {
        for (micros, expected) in
            [(0, "1970-01-01 00:00:00"), (1_769_903_999_999_999, "2026-01-31 23:59:59"), (-1, "1969-12-31 23:59:59")]
        {
            assert_eq!(seconds(DateTime::from_timestamp_micros(micros).unwrap()), expected);
        }
    }
}
