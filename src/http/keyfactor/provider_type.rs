//! `…/PamProviders/Types` (contract, section 4).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::provider::{Parameter, ParameterInput, ProviderType, ProviderTypeInput};

/// What is sent to create a type.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ProviderTypeForm {
    /// Unique, ignoring case.
    name: String,
    parameters: Option<Vec<ParameterForm>>,
}

/// A parameter of a new type.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ParameterForm {
    /// Unique within the type, ignoring case.
    name: String,
    display_name: Option<String>,
    /// 1 is a text, 2 a secret.
    data_type: Option<i32>,
    /// Whether its value is given where the provider is used, and not by the provider.
    instance_level: Option<bool>,
}

/// A type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProviderTypeView {
    /// A GUID.
    id: String,
    name: String,
    parameters: Vec<ParameterView>,
}

/// A parameter of a type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ParameterView {
    id: i32,
    name: String,
    display_name: Option<String>,
    /// 1 is a text, 2 a secret.
    data_type: i32,
    /// Whether its value is given where the provider is used, and not by the provider.
    instance_level: bool,
}

impl From<Parameter> for ParameterView {
    fn from(parameter: Parameter) -> Self {
        Self {
            id: parameter.id.get(),
            name: parameter.name,
            display_name: parameter.display_name,
            data_type: parameter.data_type.number(),
            instance_level: parameter.instance_level,
        }
    }
}

impl From<ProviderType> for ProviderTypeView {
    fn from(found: ProviderType) -> Self {
        let parameters = found.parameters.into_iter().map(ParameterView::from).collect();
        Self { id: found.id, name: found.name, parameters }
    }
}

const ID: (&str, &str) = ("id", "expected a GUID");

/// `GET …/PamProviders/Types`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let types = call.vault.list_provider_types(call.permit).await?;
    Ok(response::ok(types.into_iter().map(ProviderTypeView::from).collect::<Vec<_>>()))
}

/// `GET …/PamProviders/Types/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.segment(ID.0, ID.1).await?;
    let found = call.vault.read_provider_type(call.permit, id).await?;
    Ok(response::ok(ProviderTypeView::from(found)))
}

/// `POST …/PamProviders/Types`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input).await?;
    let created = call.vault.create_provider_type(call.permit, input).await?;
    Ok(response::ok(ProviderTypeView::from(created)))
}

/// `DELETE …/PamProviders/Types/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.segment(ID.0, ID.1).await?;
    call.vault.delete_provider_type(call.permit, id).await?;
    Ok(response::no_content())
}

fn input(members: &Members) -> Result<ProviderTypeInput, InputError> {
    let parameter = |members: Members| {
        Ok(ParameterInput {
            name: members.text("Parameters.Name")?,
            display_name: members.text("Parameters.DisplayName")?,
            data_type: members.number("Parameters.DataType")?,
            instance_level: members.flag("Parameters.InstanceLevel")?,
        })
    };
    Ok(ProviderTypeInput {
        name: members.text("Name")?,
        parameters: members.objects("Parameters")?.into_iter().map(parameter).collect::<Result<_, InputError>>()?,
    })
}
