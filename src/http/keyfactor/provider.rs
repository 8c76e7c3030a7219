//! `…/PamProviders` (contract, section 3).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::provider_type::ParameterView;
use super::response;
use crate::vault::VaultError;
use crate::vault::keyfactor::ApiVersion;
use crate::vault::keyfactor::provider::{Provider, ProviderInput};
use crate::vault::keyfactor::provider_type::{Parameter, ProviderType};
use crate::vault::keyfactor::values::{ProviderValue, ValueInput};

/// What is sent to create a provider; with `Id` also to update one. What an update does not hold is cleared.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ProviderForm {
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
pub(super) struct ProviderTypeReference {
    /// A GUID.
    id: String,
}

/// The value of a parameter.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ValueForm {
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
pub(super) struct ParameterReference {
    id: Option<i32>,
    name: Option<String>,
}

/// A provider.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProviderView {
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
pub(super) struct NestedTypeView {
    /// A GUID.
    id: String,
    name: String,
    provider_type_params: Vec<NestedParameterView>,
}

/// A parameter of a provider's type, as it is shown there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NestedParameterView {
    #[serde(flatten)]
    parameter: ParameterView,
    /// Always null.
    provider_type: Option<String>,
}

/// The value of a parameter, as it is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ValueView {
    /// The number of the value, not of its parameter.
    id: i32,
    /// The text; for a secret a GUID that stands for it.
    value: Option<String>,
    instance_id: Option<i32>,
    instance_guid: Option<String>,
    provider_type_param: ParameterView,
}

impl ProviderView {
    fn new(provider: Provider, version: ApiVersion) -> Self {
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
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let listed = call.vault.list_providers(&call.request, call.query().list()).await?;
    Ok(response::list(listed, |provider| ProviderView::new(provider, call.version)))
}

/// `GET …/PamProviders/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let provider = call.vault.read_provider(&call.request, call.id("id")).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `POST …/PamProviders`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input);
    let provider = call.vault.create_provider(&call.request, call.version, input).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `PUT …/PamProviders`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.parse(id_in);
    let input = call.parse(input);
    let provider = call.vault.update_provider(&call.request, call.version, id, input).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `DELETE …/PamProviders/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    call.vault.delete_provider(&call.request, call.id("id")).await?;
    Ok(response::no_content())
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
