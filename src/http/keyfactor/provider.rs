//! `…/PamProviders` (contract, section 3).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::provider_type::ParameterView;
use super::response;
use super::version::ApiVersion;
use crate::http::input_error::InputError;
use crate::vault::id::ParameterId;
use crate::vault::provider::{
    Parameter, Placement, Provider, ProviderColumn, ProviderInput, ProviderTest, ProviderType, ProviderValue,
    ValueInput,
};

/// What is sent to create a provider; with `Id` also to update one. An update clears what is not sent.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ProviderForm {
    /// The provider to update.
    id: Option<i32>,
    /// Unique, ignoring case.
    name: String,
    /// Version 1 only; 1 by default.
    area: Option<i32>,
    provider_type: ProviderTypeReference,
    /// Required for every parameter of the type that is not of instance level, unless `Remote` is true.
    provider_type_param_values: Option<Vec<ValueForm>>,
    /// Version 1 only.
    secured_area_id: Option<i32>,
    /// False by default.
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
    /// The text or the secret. The GUID that is shown for a secret leaves the secret unchanged.
    value: Option<String>,
    instance_id: Option<i32>,
    instance_guid: Option<String>,
    provider_type_param: ParameterReference,
}

/// The parameter that a value is for, by its id or its name.
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
    /// The id of the value, not of its parameter.
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
            id: provider.id.get(),
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
            id: value.id.get(),
            value: value.value,
            instance_id: value.instance_id,
            instance_guid: value.instance_guid,
            provider_type_param: value.parameter.into(),
        }
    }
}

const LIST: ListTable<ProviderTest, ProviderColumn> = ListTable {
    field: |name| match name {
        "name" => Some(Field::Text(ProviderTest::Name)),
        "providertype" => Some(Field::Text(ProviderTest::Type)),
        "area" => Some(Field::Number(ProviderTest::Area)),
        "securedareaid" => Some(Field::Number(ProviderTest::SecuredArea)),
        _ => None,
    },
    columns: &[
        ("Id", ProviderColumn::Id),
        ("Name", ProviderColumn::Name),
        ("Area", ProviderColumn::Area),
        ("ProviderType", ProviderColumn::Type),
        ("SecuredAreaId", ProviderColumn::SecuredArea),
        ("Remote", ProviderColumn::Remote),
    ],
    default: ProviderColumn::Name,
};

/// `GET …/PamProviders`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let query = call.list(&LIST).await?;
    let list = call.vault.list_providers(call.permit, query).await?;
    Ok(response::list(list, |provider| ProviderView::new(provider, call.version)))
}

/// `GET …/PamProviders/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let provider = call.vault.read_provider(call.permit, id).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `POST …/PamProviders`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(|members| input(members, call.version)).await?;
    let provider = call.vault.create_provider(call.permit, input).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `PUT …/PamProviders`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.parse(|members| members.required_number("Id")).await?;
    let input = call.parse(|members| input(members, call.version)).await?;
    let provider = call.vault.update_provider(call.permit, id.into(), input).await?;
    Ok(response::ok(ProviderView::new(provider, call.version)))
}

/// `DELETE …/PamProviders/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    call.vault.delete_provider(call.permit, id).await?;
    Ok(response::no_content())
}

fn input(members: &Members, version: ApiVersion) -> Result<ProviderInput, InputError> {
    let values = members.objects("ProviderTypeParamValues")?;
    Ok(ProviderInput {
        name: members.text("Name")?,
        placement: placement(members, version)?,
        provider_type: match members.object("ProviderType")? {
            Some(reference) => reference.guid("ProviderType.Id")?,
            None => None,
        },
        values: values.iter().map(value).collect::<Result<_, InputError>>()?,
        remote: members.flag("Remote")?,
    })
}

/// Parses the areas of a provider. Version 2 has none, so its requests neither set nor clear them.
fn placement(members: &Members, version: ApiVersion) -> Result<Placement, InputError> {
    let (area, secured_area_id) = (members.number("Area")?, members.number("SecuredAreaId")?);
    Ok(match version {
        ApiVersion::One => Placement::Areas { area, secured_area_id },
        ApiVersion::Two => Placement::Kept,
    })
}

fn value(members: &Members) -> Result<ValueInput, InputError> {
    let parameter = members.object("ProviderTypeParamValues.ProviderTypeParam")?.unwrap_or_default();
    Ok(ValueInput {
        parameter_id: parameter.number("ProviderTypeParamValues.ProviderTypeParam.Id")?.map(ParameterId::new),
        parameter_name: parameter.text("ProviderTypeParamValues.ProviderTypeParam.Name")?,
        value: members.secret("ProviderTypeParamValues.Value")?,
        instance_id: members.number("ProviderTypeParamValues.InstanceId")?,
        instance_guid: members.guid("ProviderTypeParamValues.InstanceGuid")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_version_1_places_a_provider() {
        let sent = json!({ "Name": "p", "area": 3, "SecuredAreaId": 4 }).to_string();
        let members = Members::parse(&sent).unwrap();
        let placement = |version| input(&members, version).unwrap().placement;
        assert_eq!(placement(ApiVersion::One), Placement::Areas { area: Some(3), secured_area_id: Some(4) });
        assert_eq!(placement(ApiVersion::Two), Placement::Kept);
    }
}
