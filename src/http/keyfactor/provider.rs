//! `…/PamProviders` (contract, section 3).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Members, Sent};
use super::caller::{Caller, number};
use super::error::Refused;
use super::provider_type::ParameterView;
use super::query;
use crate::vault::VaultError;
use crate::vault::keyfactor::ApiVersion;
use crate::vault::keyfactor::provider::{Provider, ProviderInput};
use crate::vault::keyfactor::provider_type::{Parameter, ProviderType};
use crate::vault::keyfactor::values::{ProviderValue, ValueInput};

/// What is sent to create a provider; with `Id` also to update one. What an update does not hold is cleared.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ProviderForm {
    /// Which one to update.
    id: Option<i32>,
    /// Unique, in any case.
    name: String,
    /// Version 1 only; 1 unless said.
    area: Option<i32>,
    provider_type: ProviderTypeReference,
    /// Required for every parameter of the type that is not of instance level, unless `Remote` is true.
    provider_type_param_values: Option<Vec<ValueForm>>,
    /// Version 1 only.
    secured_area_id: Option<i32>,
    /// False unless said.
    remote: Option<bool>,
}

/// The type of a provider; other members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ProviderTypeReference {
    /// A GUID.
    id: String,
}

/// The value of a parameter.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ValueForm {
    /// The text or the secret. What is shown for a secret leaves it as it is.
    value: Option<String>,
    instance_id: Option<i32>,
    instance_guid: Option<String>,
    provider_type_param: ParameterReference,
}

/// The parameter that a value is for, by its number or its name.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct ParameterReference {
    id: Option<i32>,
    name: Option<String>,
}

/// A provider.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ProviderView {
    id: i32,
    name: String,
    /// Version 1 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<i32>,
    provider_type: NestedTypeView,
    provider_type_param_values: Vec<ValueView>,
    /// Version 1 only, where it may be null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    secured_area_id: Option<Option<i32>>,
    remote: bool,
}

/// The type of a provider, as it is shown there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NestedTypeView {
    /// A GUID.
    id: String,
    name: String,
    provider_type_params: Vec<NestedParameterView>,
}

/// A parameter of a provider's type, as it is shown there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NestedParameterView {
    #[serde(flatten)]
    parameter: ParameterView,
    /// Always null.
    provider_type: Option<String>,
}

/// The value of a parameter, as it is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ValueView {
    /// The number of the value, not of its parameter.
    id: i32,
    /// The text; for a secret a GUID that stands for it.
    value: Option<String>,
    instance_id: Option<i32>,
    instance_guid: Option<String>,
    provider_type_param: ParameterView,
}

impl ProviderView {
    fn of(provider: Provider, version: ApiVersion) -> Self {
        let first = version == ApiVersion::One;
        Self {
            id: provider.id,
            name: provider.name,
            area: first.then_some(provider.area),
            provider_type: provider.provider_type.into(),
            provider_type_param_values: provider.values.into_iter().map(ValueView::from).collect(),
            secured_area_id: first.then_some(provider.secured_area_id),
            remote: provider.remote,
        }
    }
}

impl From<ProviderType> for NestedTypeView {
    fn from(found: ProviderType) -> Self {
        let nested = |parameter: Parameter| NestedParameterView { parameter: parameter.into(), provider_type: None };
        Self {
            id: found.id,
            name: found.name,
            provider_type_params: found.parameters.into_iter().map(nested).collect(),
        }
    }
}

impl From<ProviderValue> for ValueView {
    fn from(value: ProviderValue) -> Self {
        Self {
            id: value.id,
            value: value.value,
            instance_id: value.instance_id,
            instance_guid: value.instance_guid,
            provider_type_param: value.parameter.into(),
        }
    }
}

/// `GET …/PamProviders`
pub(in crate::http) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_providers(&caller.call, query::list(&request)).await?;
    Ok(caller.list(listed, |provider| ProviderView::of(provider, caller.version)))
}

/// `GET …/PamProviders/{id}`
pub(in crate::http) async fn read(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let provider = caller.vault.read_provider(&caller.call, number(&id, "id")).await?;
    Ok(caller.answer(ProviderView::of(provider, caller.version)))
}

/// `POST …/PamProviders`
pub(in crate::http) async fn create(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let input = sent.0.and_then(|members| input(&members));
    let provider = caller.vault.create_provider(&caller.call, caller.version, input).await?;
    Ok(caller.answer(ProviderView::of(provider, caller.version)))
}

/// `PUT …/PamProviders`
pub(in crate::http) async fn update(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let id = sent.0.as_ref().map_err(Clone::clone).and_then(id_in);
    let input = sent.0.and_then(|members| input(&members));
    let provider = caller.vault.update_provider(&caller.call, caller.version, id, input).await?;
    Ok(caller.answer(ProviderView::of(provider, caller.version)))
}

/// `DELETE …/PamProviders/{id}`
pub(in crate::http) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    caller.vault.delete_provider(&caller.call, number(&id, "id")).await?;
    Ok(caller.done())
}

/// The number of the thing that a body is about.
pub(super) fn id_in(members: &Members) -> Result<i32, VaultError> {
    members.number("Id")?.ok_or_else(|| crate::vault::InvalidInput::parameter("Id", "required"))
}

fn input(members: &Members) -> Result<ProviderInput, VaultError> {
    let value = |members: Members| {
        let parameter = members.object("ProviderTypeParamValues.ProviderTypeParam")?;
        let parameter = parameter.as_ref();
        let id = |parameter: &Members| parameter.number("ProviderTypeParamValues.ProviderTypeParam.Id");
        let name = |parameter: &Members| parameter.text("ProviderTypeParamValues.ProviderTypeParam.Name");
        Ok(ValueInput {
            parameter_id: parameter.map(id).transpose()?.flatten(),
            parameter_name: parameter.map(name).transpose()?.flatten(),
            value: members.secret("ProviderTypeParamValues.Value")?,
            instance_id: members.number("ProviderTypeParamValues.InstanceId")?,
            instance_guid: members.guid("ProviderTypeParamValues.InstanceGuid")?,
        })
    };
    let values = members.objects("ProviderTypeParamValues")?;
    Ok(ProviderInput {
        name: members.text("Name")?,
        area: members.number("Area")?,
        provider_type: match members.object("ProviderType")? {
            Some(reference) => reference.guid("ProviderType.Id")?,
            None => None,
        },
        values: values.into_iter().map(value).collect::<Result<_, VaultError>>()?,
        secured_area_id: members.number("SecuredAreaId")?,
        remote: members.flag("Remote")?,
    })
}
