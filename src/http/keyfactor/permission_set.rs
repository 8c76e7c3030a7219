//! `…/PermissionSets` (contract, section 7).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::access::permission_set::{PermissionSet, PermissionSetInput};
use crate::vault::access::role::NameTest;

/// What is sent to create a permission set; with `Id` also to update one. An update clears what is not sent.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct PermissionSetForm {
    /// The GUID of the permission set to update.
    id: Option<String>,
    /// Unique, ignoring case.
    name: String,
    /// Access-control strings that bound those of its roles.
    permissions: Option<Vec<String>>,
}

/// A permission set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionSetView {
    /// A GUID.
    id: String,
    name: String,
    /// Access-control strings that bound those of its roles.
    permissions: Vec<String>,
}

impl From<PermissionSet> for PermissionSetView {
    fn from(set: PermissionSet) -> Self {
        Self { id: set.id, name: set.name, permissions: set.permissions }
    }
}

const LIST: ListTable<NameTest, ()> = ListTable {
    field: |name| if name == "name" { Some(Field::Text(NameTest::Name)) } else { None },
    columns: &[("Name", ())],
    default: (),
};

/// `GET …/PermissionSets`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let query = call.list(&LIST).await?;
    let list = call.vault.list_permission_sets(call.permit, query).await?;
    Ok(response::list(list, PermissionSetView::from))
}

/// `GET …/PermissionSets/My`
pub(super) async fn own(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let sets = call.vault.own_permission_sets(call.permit).await?;
    Ok(response::ok(sets.into_iter().map(PermissionSetView::from).collect::<Vec<_>>()))
}

/// `GET …/PermissionSets/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.segment("id", "expected a GUID").await?;
    let set = call.vault.read_permission_set(call.permit, id).await?;
    Ok(response::ok(PermissionSetView::from(set)))
}

/// `POST …/PermissionSets`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input).await?;
    let set = call.vault.create_permission_set(call.permit, input).await?;
    Ok(response::ok(PermissionSetView::from(set)))
}

/// `PUT …/PermissionSets`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let required = || InputError::parameter("Id", "required");
    let id = call.parse(|members| members.guid("Id")?.ok_or_else(required)).await?;
    let input = call.parse(input).await?;
    let set = call.vault.update_permission_set(call.permit, id, input).await?;
    Ok(response::ok(PermissionSetView::from(set)))
}

/// `DELETE …/PermissionSets/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.segment("id", "expected a GUID").await?;
    call.vault.delete_permission_set(call.permit, id).await?;
    Ok(response::no_content())
}

fn input(members: &Members) -> Result<PermissionSetInput, InputError> {
    Ok(PermissionSetInput { name: members.text("Name")?, permissions: members.texts("Permissions")? })
}
