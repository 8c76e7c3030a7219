//! `…/PamProviders/Types` (contract, section 4).

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Members, Sent};
use super::caller::{Caller, segment};
use super::error::Refused;
use crate::vault::VaultError;
use crate::vault::keyfactor::provider_type::{Parameter, ParameterInput, ProviderType, ProviderTypeInput};

/// What is sent to create a type.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ProviderTypeForm {
    /// Unique, in any case.
    name: String,
    parameters: Option<Vec<ParameterForm>>,
}

/// A parameter of a new type.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ParameterForm {
    /// Unique within the type, in any case.
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
pub struct ProviderTypeView {
    /// A GUID.
    id: String,
    name: String,
    parameters: Vec<ParameterView>,
}

/// A parameter of a type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterView {
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
            id: parameter.id,
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
pub(in crate::http) async fn list(caller: Caller) -> Result<HttpResponse, Refused> {
    let found = caller.vault.list_provider_types(&caller.call).await?;
    Ok(caller.answer(found.into_iter().map(ProviderTypeView::from).collect::<Vec<_>>()))
}

/// `GET …/PamProviders/Types/{id}`
pub(in crate::http) async fn read(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let found = caller.vault.read_provider_type(&caller.call, segment(&id, ID.0, ID.1)).await?;
    Ok(caller.answer(ProviderTypeView::from(found)))
}

/// `POST …/PamProviders/Types`
pub(in crate::http) async fn create(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let input = sent.0.and_then(|members| input(&members));
    let created = caller.vault.create_provider_type(&caller.call, input).await?;
    Ok(caller.answer(ProviderTypeView::from(created)))
}

/// `DELETE …/PamProviders/Types/{id}`
pub(in crate::http) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    caller.vault.delete_provider_type(&caller.call, segment(&id, ID.0, ID.1)).await?;
    Ok(caller.done())
}

fn input(members: &Members) -> Result<ProviderTypeInput, VaultError> {
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
        parameters: members.objects("Parameters")?.into_iter().map(parameter).collect::<Result<_, VaultError>>()?,
    })
}
