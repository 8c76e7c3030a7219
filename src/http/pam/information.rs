//! Protected information over HTTP (contract, section 7).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::envelope::Revealed;
use super::error::PamError;
use super::pagination;
use super::parameters::Parameters;
use super::rows::Rows;
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::vault::information::{Information, InformationInput, ReadInformation};

/// What a client may send to create or update a protected information.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct InformationForm {
    /// The text to protect.
    content: String,
    name: Option<String>,
    /// Unique name, chosen by the user; sent again, it updates.
    identifier: Option<String>,
    /// Comes into being when first used.
    r#type: Option<String>,
    service: Option<String>,
    url: Option<String>,
    /// Usernames, separated by commas.
    users_allowed: Option<String>,
}

/// The payload after saving.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedInformationPayload {
    info: SavedInformationView,
}

/// An information right after it was saved; the text is echoed.
#[derive(Serialize, ToSchema)]
pub(super) struct SavedInformationView {
    id: String,
    name: String,
    r#type: String,
    service: String,
    url: String,
    #[schema(value_type = Option<String>)]
    content: Revealed,
    users_allowed: String,
    identifier: Option<String>,
}

/// The payload of one information.
#[derive(Serialize, ToSchema)]
pub(super) struct InformationPayload {
    info: InformationView,
}

/// An information with its text.
#[derive(Serialize, ToSchema)]
pub(super) struct InformationView {
    id: String,
    /// The identifier.
    tag: Option<String>,
    r#type: String,
    #[schema(value_type = Option<String>)]
    content: Revealed,
}

/// The payload of a list of information.
#[derive(Serialize, ToSchema)]
pub(super) struct InformationListPayload {
    #[schema(value_type = Vec<InformationRowView>)]
    infos: Rows<InformationRowView>,
}

/// An information in a list, without its text.
#[derive(Serialize, ToSchema)]
pub(super) struct InformationRowView {
    id: String,
    identifier: Option<String>,
    name: String,
    r#type: String,
    service: String,
    url: String,
    users_allowed: String,
}

impl From<Information> for InformationRowView {
    fn from(row: Information) -> Self {
        Self {
            id: row.id.to_string(),
            identifier: row.identifier,
            name: row.name,
            r#type: row.information_type,
            service: row.service,
            url: row.url,
            users_allowed: row.users_allowed,
        }
    }
}

/// `GET …/pam/info`
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    let list = call.vault.list_information(call.permit.clone(), call.parse(pagination::list_request).await?).await?;
    let view = |row: &Information| InformationRowView::from(row.clone());
    Ok(pagination::answer(&call, "information", list, |rows| InformationListPayload { infos: Rows::new(rows, view) }))
}

/// `GET …/pam/info/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let ReadInformation { information: row, content, etag } =
        call.vault.read_information(call.permit.clone(), call.path()?).await?;
    let message = format!("Information {}", row.id);
    let info = InformationView {
        id: row.id.to_string(),
        tag: row.identifier,
        r#type: row.information_type,
        content: call.reveal(Some(content))?,
    };
    Ok(call.answer(StatusCode::OK, &message, InformationPayload { info }).with_etag(Some(&etag)))
}

/// `POST …/pam/info`
pub(super) async fn save(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(information_input).await?;
    let content = input.content.clone();
    let saved = call.vault.save_information(call.permit.clone(), input, call.dialect().identifiers()).await?;
    let message =
        if saved.created { "Information successfully registered!" } else { "Information updated successfully!" };
    let row = saved.information;
    let info = SavedInformationView {
        id: row.id.to_string(),
        name: row.name,
        r#type: row.information_type,
        service: row.service,
        url: row.url,
        content: call.reveal(content)?,
        users_allowed: row.users_allowed,
        identifier: row.identifier,
    };
    let payload = SavedInformationPayload { info };
    Ok(call.answer(StatusCode::CREATED, message, payload).with_etag(saved.etag.as_ref()))
}

/// `DELETE …/pam/info/{key}`
pub(super) async fn deactivate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.deactivate_information(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Information successfully disabled"))
}

/// `PUT …/pam/info/{key}`
pub(super) async fn activate(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.activate_information(call.permit.clone(), call.path()?).await?;
    Ok(call.message(StatusCode::OK, "Information successfully activated"))
}

fn information_input(parameters: &Parameters) -> Result<InformationInput, InputError> {
    Ok(InformationInput {
        content: parameters.secret("content")?,
        name: parameters.line("name")?,
        identifier: parameters.line("identifier")?,
        information_type: parameters.line("type")?,
        service: parameters.long_line("service")?,
        url: parameters.long_line("url")?,
        users_allowed: parameters.list("users_allowed")?,
    })
}
