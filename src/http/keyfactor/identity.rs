//! `…/Security/Identities` (contract, section 6).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Sent;
use super::caller::{Caller, number};
use super::error::Refused;
use super::query;
use crate::vault::keyfactor::granted::{GrantedPermission, IdentityPermissions};
use crate::vault::keyfactor::identity::Identity;
use crate::vault::keyfactor::role::Role;
use crate::vault::{InvalidInput, VaultError};

/// The parameters of the list, for the description.
pub(in crate::http) const LIST: &[(&str, &str)] = &[
    ("PageReturned", "Which part of the list, from 1"),
    ("ReturnLimit", "How many rows a part has; 50 unless said, 1000 at the most"),
    ("SortField", "The column to sort by; Id unless said"),
    ("SortAscending", "0 is ascending, 1 is descending"),
    ("Validate", "Whether Valid is told; true unless said"),
];

/// The parameter of the look-up, for the description.
pub(in crate::http) const ACCOUNT_NAME: &[(&str, &str)] = &[("accountName", "DOMAIN\\name; required")];

/// What is sent to create an identity.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub struct IdentityForm {
    /// `DOMAIN\name` of a user or a group.
    account_name: String,
}

/// An identity.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct IdentityView {
    id: i32,
    /// `DOMAIN\name`.
    account_name: String,
    /// `User` or `Group`.
    identity_type: String,
    roles: Vec<ThinRoleView>,
    /// Whether the record is as the service wrote it; null when it was not looked at.
    valid: Option<bool>,
}

/// A role as it is shown in an identity: number, name and description are the role's, the rest stands empty.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ThinRoleView {
    id: i32,
    name: String,
    description: String,
    email_address: Option<String>,
    enabled: bool,
    immutable: bool,
    valid: Option<bool>,
    private: bool,
    permission_set_id: String,
    identities: Vec<String>,
    permissions: Vec<String>,
}

/// What an identity may do, and through which roles.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct IdentityPermissionsView {
    /// `DOMAIN\name`.
    identity: String,
    secured_area_permissions: Vec<GrantedPermissionView>,
    collection_permissions: Vec<GrantedPermissionView>,
    container_permissions: Vec<GrantedPermissionView>,
    pam_provider_permissions: Vec<GrantedPermissionView>,
}

/// A permission and the roles that grant it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GrantedPermissionView {
    permission: String,
    granted_by_roles: Vec<String>,
}

/// Whether an account can be made an identity.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LookupView {
    valid: bool,
}

impl From<Identity> for IdentityView {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id,
            account_name: identity.account_name,
            identity_type: identity.identity_type,
            roles: identity.roles.into_iter().map(ThinRoleView::from).collect(),
            valid: identity.valid,
        }
    }
}

impl From<Role> for ThinRoleView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id,
            name: role.name,
            description: role.description,
            email_address: None,
            enabled: false,
            immutable: false,
            valid: None,
            private: false,
            permission_set_id: uuid::Uuid::nil().to_string(),
            identities: Vec::new(),
            permissions: Vec::new(),
        }
    }
}

impl From<GrantedPermission> for GrantedPermissionView {
    fn from(granted: GrantedPermission) -> Self {
        Self { permission: granted.permission, granted_by_roles: granted.roles }
    }
}

impl From<IdentityPermissions> for IdentityPermissionsView {
    fn from(permissions: IdentityPermissions) -> Self {
        let view = |granted: Vec<GrantedPermission>| granted.into_iter().map(GrantedPermissionView::from).collect();
        Self {
            identity: permissions.identity,
            secured_area_permissions: view(permissions.whole),
            collection_permissions: Vec::new(),
            container_permissions: Vec::new(),
            pam_provider_permissions: view(permissions.providers),
        }
    }
}

/// `GET …/Security/Identities`
pub(in crate::http) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let listed = caller.vault.list_identities(&caller.call, query::list(&request), validate(&request)).await?;
    Ok(caller.list(listed, IdentityView::from))
}

/// `GET …/Security/Identities/{id}`
pub(in crate::http) async fn permissions(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let permissions = caller.vault.identity_permissions(&caller.call, number(&id, "id")).await?;
    Ok(caller.answer(IdentityPermissionsView::from(permissions)))
}

/// `GET …/Security/Identities/Lookup`; the page on it calls the parameter by another name than the rest.
pub(in crate::http) async fn look_up(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Refused> {
    let account = query::value(&request, "accountName").or_else(|| query::value(&request, "name"));
    let account = account.filter(|account| !account.trim().is_empty());
    let valid = caller.vault.look_up_account(&caller.call, account).await?;
    Ok(caller.answer(LookupView { valid }))
}

/// `POST …/Security/Identities`
pub(in crate::http) async fn create(caller: Caller, sent: Sent) -> Result<HttpResponse, Refused> {
    let account = sent.0.and_then(|members| members.text("AccountName"));
    let identity = caller.vault.create_identity(&caller.call, account).await?;
    Ok(caller.answer(IdentityView::from(identity)))
}

/// `DELETE …/Security/Identities/{id}`
pub(in crate::http) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, Refused> {
    caller.vault.delete_identity(&caller.call, number(&id, "id")).await?;
    Ok(caller.done())
}

fn validate(request: &HttpRequest) -> Result<bool, VaultError> {
    match query::value(request, "Validate").map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(InvalidInput::parameter("Validate", "expected true or false")),
    }
}
