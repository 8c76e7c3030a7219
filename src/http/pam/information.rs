//! Protected information over HTTP (contract, section 7).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::Revealed;
use super::error::Refused;
use super::listing;
use crate::http::body::Posted;
use crate::http::caller::Caller;
use crate::http::conditions::Tagged;
use crate::vault::information::{Information, InformationInput, ReadInformation};
use crate::vault::{Parameters, VaultError};

/// What a client may send to create or update a protected information.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub struct InformationForm {
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
pub struct SavedInformationPayload {
    info: SavedInformationView,
}

/// An information right after it was saved; the text is echoed.
#[derive(Serialize, ToSchema)]
pub struct SavedInformationView {
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
pub struct InformationPayload {
    info: ShownInformation,
}

/// An information with its text.
#[derive(Serialize, ToSchema)]
pub struct ShownInformation {
    id: String,
    /// The identifier.
    tag: Option<String>,
    r#type: String,
    #[schema(value_type = Option<String>)]
    content: Revealed,
}

/// The payload of a list of information.
#[derive(Serialize, ToSchema)]
pub struct InformationListPayload {
    infos: Vec<ListedInformation>,
}

/// An information in a list, without its text.
#[derive(Serialize, ToSchema)]
pub struct ListedInformation {
    id: String,
    identifier: Option<String>,
    name: String,
    r#type: String,
    service: String,
    url: String,
    users_allowed: String,
}

impl From<Information> for ListedInformation {
    fn from(row: Information) -> Self {
        Self {
            id: row.id.to_string(),
            identifier: row.identifier,
            name: row.name,
            r#type: row.kind,
            service: row.service,
            url: row.url,
            users_allowed: row.users_allowed,
        }
    }
}

/// `GET …/pam/info`
pub(in crate::http) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_information(&caller.call, listing::request(&request)).await;
    let listed = listed.map_err(|error| caller.refused(error))?;
    Ok(listing::answer(&caller, &request, "information", listed, |rows| InformationListPayload {
        infos: rows.into_iter().map(ListedInformation::from).collect(),
    }))
}

/// `GET …/pam/info/{key}`
pub(in crate::http) async fn read(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let read = caller.vault.read_information(&caller.call, key.into_inner()).await;
    let ReadInformation { information: row, content, state_tag } = read.map_err(|error| caller.refused(error))?;
    let message = format!("Information {}", row.id);
    let info = ShownInformation {
        id: row.id.to_string(),
        tag: row.identifier,
        r#type: row.kind,
        content: caller.reveal(Some(content))?,
    };
    Ok(caller.answer(StatusCode::OK, &message, InformationPayload { info }).tagged(Some(&state_tag)))
}

/// `POST …/pam/info`
pub(in crate::http) async fn save(Posted { caller, parameters }: Posted) -> Result<HttpResponse, Refused> {
    let input = parameters.and_then(|parameters| information_input(&parameters));
    let content = input.as_ref().ok().and_then(|input| input.content.clone());
    let saved = caller.vault.save_information(&caller.call, input).await.map_err(|error| caller.refused(error))?;
    let message = match saved.created {
        true => "Information successfully registered!",
        false => "Information updated successfully!",
    };
    let row = saved.information;
    let info = SavedInformationView {
        id: row.id.to_string(),
        name: row.name,
        r#type: row.kind,
        service: row.service,
        url: row.url,
        content: caller.reveal(content)?,
        users_allowed: row.users_allowed,
        identifier: row.identifier,
    };
    let payload = SavedInformationPayload { info };
    Ok(caller.answer(StatusCode::CREATED, message, payload).tagged(saved.state_tag.as_ref()))
}

/// `DELETE …/pam/info/{key}`
pub(in crate::http) async fn deactivate(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let done = caller.vault.deactivate_information(&caller.call, key.into_inner()).await;
    done.map_err(|error| caller.refused(error))?;
    Ok(caller.say(StatusCode::OK, "Information successfully disabled"))
}

/// `PUT …/pam/info/{key}`
pub(in crate::http) async fn activate(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let done = caller.vault.activate_information(&caller.call, key.into_inner()).await;
    done.map_err(|error| caller.refused(error))?;
    Ok(caller.say(StatusCode::OK, "Information successfully activated"))
}

fn information_input(parameters: &Parameters) -> Result<InformationInput, VaultError> {
    Ok(InformationInput {
        content: parameters.secret("content")?,
        name: parameters.line("name")?,
        identifier: parameters.line("identifier")?,
        kind: parameters.line("type")?,
        service: parameters.text("service")?,
        url: parameters.text("url")?,
        users_allowed: parameters.list("users_allowed")?,
    })
}
