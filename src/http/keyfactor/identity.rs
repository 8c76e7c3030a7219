//! `…/Security/Identities` (contract, section 6).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::KeyfactorError;
use super::permission_name::permission_name;
use super::query::Query;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::access::identity::{Identity, IdentityColumn};
use crate::vault::access::role::Role;
use crate::vault::access::{GrantedPermission, IdentityPermissions};

/// The parameters of the list, for the description.
pub(super) const LIST: &[(&str, &str)] = &[
    ("PageReturned", "The number of the page, from 1"),
    ("ReturnLimit", "The rows of a page; 50 by default, 1000 at most"),
    ("SortField", "The column to sort by; Id by default"),
    ("SortAscending", "0 is ascending, 1 is descending"),
    ("Validate", "Whether to verify the identities and fill Valid; true by default"),
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
    /// Whether the record is unmodified since the service wrote it; null when it was not verified.
    valid: Option<bool>,
}

/// A role as it is shown in an identity: id, name and description are those of the role, the other members are empty.
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

/// The permissions of an identity, and the roles that grant them.
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
            id: identity.id.get(),
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
            id: role.id.get(),
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
        Self { permission: permission_name(granted.permission), granted_by_roles: granted.roles }
    }
}

impl From<IdentityPermissions> for IdentityPermissionsView {
    fn from(permissions: IdentityPermissions) -> Self {
        let view = |granted: Vec<GrantedPermission>| granted.into_iter().map(GrantedPermissionView::from).collect();
        Self {
            identity: permissions.identity,
            secured_area_permissions: view(permissions.global),
            collection_permissions: Vec::new(),
            container_permissions: Vec::new(),
            pam_provider_permissions: view(permissions.providers),
        }
    }
}

const COLUMNS: &[(&str, IdentityColumn)] = &[
    ("Id", IdentityColumn::Id),
    ("AccountName", IdentityColumn::AccountName),
    ("IdentityType", IdentityColumn::IdentityType),
];

/// `GET …/Security/Identities`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let page = call.page(IdentityColumn::Id, COLUMNS).await?;
    let validate = call.query(|query| query.flag("Validate")).await?.unwrap_or(true);
    let list = call.vault.list_identities(call.permit, page, validate).await?;
    Ok(response::list(list, IdentityView::from))
}

/// `GET …/Security/Identities/{id}`
pub(super) async fn permissions(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let permissions = call.vault.identity_permissions(call.permit, id).await?;
    Ok(response::ok(IdentityPermissionsView::from(permissions)))
}

/// `GET …/Security/Identities/Lookup`
pub(super) async fn look_up(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let account = call.query(account_name).await?;
    let valid = call.vault.look_up_account(call.permit, &account).await?;
    Ok(response::ok(LookupView { valid }))
}

/// `POST …/Security/Identities`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let account = call.parse(|members| members.text("AccountName")).await?;
    let identity = call.vault.create_identity(call.permit, &account.unwrap_or_default()).await?;
    Ok(response::ok(IdentityView::from(identity)))
}

/// `DELETE …/Security/Identities/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    call.vault.delete_identity(call.permit, id).await?;
    Ok(response::no_content())
}

/// Returns the account to look up. The vendor's page on this endpoint calls the parameter `name`.
fn account_name(query: Query<'_>) -> Result<String, InputError> {
    let account = match query.value("accountName")? {
        Some(account) => Some(account),
        None => query.value("name")?,
    };
    let account = account.filter(|account| !account.trim().is_empty());
    account.ok_or_else(|| InputError::parameter("accountName", "required"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_two_parameters_and_one_name() {
        let account = |query| account_name(Query::new(query));
        assert_eq!(account("accountName=CORP%5Cjo"), Ok(r"CORP\jo".into()));
        assert_eq!(account("name=jo"), Ok("jo".into()));
        for query in ["", "accountName=", "name=+", "accountName=%20&name=jo"] {
            assert_eq!(account(query), Err(InputError::parameter("accountName", "required")), "{query}");
        }
    }
}
