//! Roles in version 1: permissions by name, and the identities that hold them (contract, section 7).

use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::permission_name::{access_string, permission_names};
use crate::http::input_error::InputError;
use crate::vault::access::RoleHolder;
use crate::vault::access::role::{Role, RoleInput};

/// An identity that is to hold a role.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct RoleIdentityForm {
    /// `DOMAIN\name` of a security identity.
    account_name: String,
}

/// A role in version 1.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleVersionOneView {
    id: i32,
    description: String,
    email_address: Option<String>,
    /// Always true.
    enabled: bool,
    immutable: bool,
    /// Always null: roles are not verified.
    valid: Option<bool>,
    /// Always false.
    private: bool,
    /// A GUID.
    permission_set_id: String,
    /// The identities that hold it, for a caller that may list identities; otherwise empty.
    identities: Vec<RoleIdentityView>,
    name: String,
    /// Names of permissions.
    permissions: Vec<String>,
}

/// An identity that holds a role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleIdentityView {
    id: i32,
    /// `DOMAIN\name`.
    account_name: String,
    /// `User` or `Group`.
    identity_type: String,
    /// Always null.
    #[serde(rename = "SID")]
    sid: Option<String>,
}

impl From<RoleHolder> for RoleIdentityView {
    fn from(holder: RoleHolder) -> Self {
        let RoleHolder { id, account_name, identity_type } = holder;
        Self { id: id.get(), account_name, identity_type, sid: None }
    }
}

impl From<Role> for RoleVersionOneView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id.get(),
            description: role.description,
            email_address: role.email_address,
            enabled: true,
            immutable: role.immutable,
            valid: None,
            private: false,
            permission_set_id: role.permission_set_id,
            identities: role.holders.into_iter().map(RoleIdentityView::from).collect(),
            permissions: permission_names(&role.permissions),
            name: role.name,
        }
    }
}

/// Completes the input of version 1: permissions by name, and identities. Its clients know neither permission sets nor e-mail
/// addresses, nor permissions without a name, so an update keeps them.
pub(super) fn version_one_input(members: &Members, input: RoleInput) -> Result<RoleInput, InputError> {
    // Claims hold roles in version 2 alone.
    members.require_empty("Claims")?;
    if members.flag("Enabled")? == Some(false) {
        return Err(InputError::parameter("Enabled", "not supported, must be true"));
    }
    if members.flag("Private")? == Some(true) {
        return Err(InputError::parameter("Private", "not supported, must be false"));
    }
    let strings = input.permissions.iter().map(|name| access_string(name)).collect::<Option<Vec<_>>>();
    let expected = "expected names of version 1, as in PrivilegedAccessManagement:Read";
    let mut permissions = strings.ok_or_else(|| InputError::parameter("Permissions", expected))?;
    permissions.sort();
    permissions.dedup();
    let required = || InputError::parameter("Identities.AccountName", "required");
    let account = |identity: &Members| identity.text("Identities.AccountName")?.ok_or_else(required);
    let holders = match members.sent_objects("Identities")? {
        None => None,
        Some(identities) => Some(identities.iter().map(account).collect::<Result<_, _>>()?),
    };
    let keeps_permission: fn(&str) -> bool = |string| permission_names(&[string.to_string()]).is_empty();
    Ok(RoleInput { permissions, holders, keeps_unsent: true, keeps_permission: Some(keeps_permission), ..input })
}
