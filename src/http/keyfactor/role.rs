//! `…/Security/Roles`, in version 2, and `…/PermissionSets` (contract, section 7).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::provider::id_in;
use super::response;
use crate::vault::VaultError;
use crate::vault::keyfactor::role::{PermissionSet, Role, RoleInput};

/// What is sent to create a role; with `Id` also to update one. What an update does not hold is cleared.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct RoleForm {
    /// Which one to update.
    id: Option<i32>,
    /// Unique, in any case.
    name: String,
    description: Option<String>,
    email_address: Option<String>,
    /// A GUID; the global set unless said.
    permission_set_id: Option<String>,
    /// Access-control strings, as in `/pam/modify/5/`.
    permissions: Option<Vec<String>>,
}

/// A role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleView {
    id: i32,
    name: String,
    description: String,
    email_address: Option<String>,
    immutable: bool,
    /// A GUID.
    permission_set_id: String,
    /// Access-control strings.
    permissions: Vec<String>,
    /// Always empty.
    claims: Vec<String>,
}

/// A permission set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionSetView {
    /// A GUID.
    id: String,
    name: String,
    /// Access-control strings, within which those of its roles lie.
    permissions: Vec<String>,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id,
            name: role.name,
            description: role.description,
            email_address: role.email_address,
            immutable: role.immutable,
            permission_set_id: role.permission_set_id,
            permissions: role.permissions,
            claims: Vec::new(),
        }
    }
}

impl From<PermissionSet> for PermissionSetView {
    fn from(set: PermissionSet) -> Self {
        Self { id: set.id, name: set.name, permissions: set.permissions }
    }
}

/// `GET …/Security/Roles`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let listed = call.vault.list_roles(&call.request, call.query().list()).await?;
    Ok(response::list(listed, RoleView::from))
}

/// `GET …/Security/Roles/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let role = call.vault.read_role(&call.request, call.id("id")).await?;
    Ok(response::ok(RoleView::from(role)))
}

/// `POST …/Security/Roles`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(input);
    let role = call.vault.create_role(&call.request, input).await?;
    Ok(response::ok(RoleView::from(role)))
}

/// `PUT …/Security/Roles`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.parse(id_in);
    let input = call.parse(input);
    let role = call.vault.update_role(&call.request, id, input).await?;
    Ok(response::ok(RoleView::from(role)))
}

/// `DELETE …/Security/Roles/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    call.vault.delete_role(&call.request, call.id("id")).await?;
    Ok(response::no_content())
}

/// `GET …/PermissionSets`
pub(super) async fn list_sets(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let listed = call.vault.list_permission_sets(&call.request, call.query().list()).await?;
    Ok(response::list(listed, PermissionSetView::from))
}

/// `GET …/PermissionSets/{id}`
pub(super) async fn read_set(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let set = call.vault.read_permission_set(&call.request, call.segment("id", "expected a GUID")).await?;
    Ok(response::ok(PermissionSetView::from(set)))
}

fn input(members: &Members) -> Result<RoleInput, VaultError> {
    Ok(RoleInput {
        name: members.text("Name")?,
        description: members.text("Description")?,
        email_address: members.text("EmailAddress")?,
        permission_set_id: members.guid("PermissionSetId")?,
        permissions: members.texts("Permissions")?,
    })
}
