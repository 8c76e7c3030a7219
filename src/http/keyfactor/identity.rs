//! `…/Security/Identities` (contract, section 6).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::KeyfactorError;
use super::query::Query;
use super::response;
use crate::vault::keyfactor::granted::{GrantedPermission, IdentityPermissions};
use crate::vault::keyfactor::identity::Identity;
use crate::vault::keyfactor::role::Role;
use crate::vault::{InvalidInput, VaultError};

/// The parameters of the list, for the description.
pub(super) const LIST: &[(&str, &str)] = &[
    ("PageReturned", "Which part of the list, from 1"),
    ("ReturnLimit", "How many rows a part has; 50 unless said, 1000 at the most"),
    ("SortField", "The column to sort by; Id unless said"),
    ("SortAscending", "0 is ascending, 1 is descending"),
    ("Validate", "Whether Valid is told; true unless said"),
];

/// The parameter of the look-up, for the description.
pub(super) const ACCOUNT_NAME: &[(&str, &str)] = &[("accountName", "DOMAIN\\name; required")];

/// What is sent to create an identity.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct IdentityForm {
    /// `DOMAIN\name` of a user or a group.
    account_name: String,
}

/// An identity.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IdentityView {
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
pub(super) struct ThinRoleView {
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
pub(super) struct IdentityPermissionsView {
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
pub(super) struct GrantedPermissionView {
    permission: String,
    granted_by_roles: Vec<String>,
}

/// Whether an account can be made an identity.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LookupView {
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
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let listed = call.vault.list_identities(&call.request, call.query().list(), validate(call.query())).await?;
    Ok(response::list(listed, IdentityView::from))
}

/// `GET …/Security/Identities/{id}`
pub(super) async fn permissions(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let permissions = call.vault.identity_permissions(&call.request, call.id("id")).await?;
    Ok(response::ok(IdentityPermissionsView::from(permissions)))
}

/// `GET …/Security/Identities/Lookup`; the page on it calls the parameter by another name than the rest.
pub(super) async fn look_up(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let account = call.query().value("accountName").or_else(|| call.query().value("name"));
    let account = account.filter(|account| !account.trim().is_empty());
    let valid = call.vault.look_up_account(&call.request, account).await?;
    Ok(response::ok(LookupView { valid }))
}

/// `POST …/Security/Identities`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let account = call.parse(|members| members.text("AccountName"));
    let identity = call.vault.create_identity(&call.request, account).await?;
    Ok(response::ok(IdentityView::from(identity)))
}

/// `DELETE …/Security/Identities/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    call.vault.delete_identity(&call.request, call.id("id")).await?;
    Ok(response::no_content())
}

fn validate(query: Query<'_>) -> Result<bool, VaultError> {
    match query.value("Validate").map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(InvalidInput::parameter("Validate", "expected true or false")),
    }
}
