//! `…/Security/Roles`, in version 2, and `…/PermissionSets` (contract, section 7).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Members, Sent};
use super::caller::{Caller, number, segment};
use super::error::Refused;
use super::provider::id_in;
use super::query;
use crate::vault::VaultError;
use crate::vault::keyfactor::role::{PermissionSet, Role, RoleInput};

/// What is sent to create a role; with `Id` also to update one. What an update does not hold is cleared.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct RoleForm {
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
pub struct RoleView {
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
pub struct PermissionSetView {
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
pub(in crate::http) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_roles(&caller.call, query::list(&request)).await?;
    Ok(caller.list(listed, RoleView::from))
}

/// `GET …/Security/Roles/{id}`
pub(in crate::http) async fn read(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let role = caller.vault.read_role(&caller.call, number(&id, "id")).await?;
    Ok(caller.answer(RoleView::from(role)))
}

/// `POST …/Security/Roles`
pub(in crate::http) async fn create(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let input = sent.0.and_then(|members| input(&members));
    let role = caller.vault.create_role(&caller.call, input).await?;
    Ok(caller.answer(RoleView::from(role)))
}

/// `PUT …/Security/Roles`
pub(in crate::http) async fn update(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let id = sent.0.as_ref().map_err(Clone::clone).and_then(id_in);
    let input = sent.0.and_then(|members| input(&members));
    let role = caller.vault.update_role(&caller.call, id, input).await?;
    Ok(caller.answer(RoleView::from(role)))
}

/// `DELETE …/Security/Roles/{id}`
pub(in crate::http) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    caller.vault.delete_role(&caller.call, number(&id, "id")).await?;
    Ok(caller.done())
}

/// `GET …/PermissionSets`
pub(in crate::http) async fn list_sets(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_permission_sets(&caller.call, query::list(&request)).await?;
    Ok(caller.list(listed, PermissionSetView::from))
}

/// `GET …/PermissionSets/{id}`
pub(in crate::http) async fn read_set(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let set = caller.vault.read_permission_set(&caller.call, segment(&id, "id", "expected a GUID")).await?;
    Ok(caller.answer(PermissionSetView::from(set)))
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
