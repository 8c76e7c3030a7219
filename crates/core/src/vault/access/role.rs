//! Roles.

use uuid::Uuid;

pub use crate::store::role::{NameTest, RoleColumn};

use super::identity_mac;
use super::permission::{self, AccessString, GLOBAL_SET};
use super::role_holders::{RoleHolder, set_holders, with_holders};
use super::security_claim::{ClaimInput, SecurityClaim, set_claims, with_claims};
use crate::audit::RowMac;
use crate::store::id::{IdentityId, RoleId};
use crate::store::lock::lock_name;
use crate::store::role::{self, RoleFields, RoleRow};
use crate::store::{AnyConnection, StoreError, meta};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::{OffsetList, OffsetQuery};
use crate::vault::provider::input;
use crate::vault::{Field, Noun, Vault, VaultError};

/// Maximum number of access-control strings of a role.
const MAX_PERMISSIONS: usize = 1000;

/// A role.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Role {
    pub id: RoleId,
    pub name: String,
    pub description: String,
    pub email_address: Option<String>,
    pub immutable: bool,
    pub permission_set_id: String,
    pub permissions: Vec<String>,
    /// The identities that hold it, where they were looked up for a principal that may list them.
    pub holders: Vec<RoleHolder>,
    /// The claims that hold it, where they were looked up.
    pub claims: Vec<SecurityClaim>,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            email_address: row.email_address,
            immutable: row.immutable,
            permission_set_id: row.permission_set_id,
            permissions: access_strings(&row.permissions),
            holders: Vec::new(),
            claims: Vec::new(),
        }
    }
}

pub(super) fn access_strings(column: &str) -> Vec<String> {
    permission::strings(column).iter().map(|string| string.as_str().into()).collect()
}

/// Parameters of a request to create or update a role. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub email_address: Option<String>,
    pub permission_set_id: Option<Uuid>,
    pub permissions: Vec<String>,
    /// The accounts of all identities that hold the role. `None` leaves them.
    pub holders: Option<Vec<String>>,
    /// All claims that hold the role. `None` leaves them.
    pub claims: Option<Vec<ClaimInput>>,
    /// Whether an update keeps the e-mail address and the permission set if they are not sent.
    pub keeps_unsent: bool,
    /// Whether an update keeps a stored permission that is not sent, because the protocol cannot name it.
    pub keeps_permission: Option<fn(&str) -> bool>,
}

impl Vault {
    /// Lists the roles.
    pub async fn list_roles(
        &self,
        permit: Permit,
        query: OffsetQuery<NameTest, RoleColumn>,
    ) -> Result<OffsetList<Role>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let list = role::list(context.connection(), query.condition.as_ref(), query.page)?;
            let mut list = list.map(Role::from);
            with_holders(context, &mut list.rows)?;
            with_claims(context, &mut list.rows)?;
            Ok(Done::new(Subject::Collection, list))
        };
        self.query(permit, list).await
    }

    /// Returns one role.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn read_role(&self, permit: Permit, id: RoleId) -> Result<Role, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = existing(context, id)?;
            Ok(Done::new(Subject::Role(row.id), shown(context, row)?))
        };
        self.query(permit, read).await
    }

    /// Creates a role. A principal that may change roles can grant itself any permission, so every change requires the
    /// permission through a role in the global permission set.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn create_role(&self, permit: Permit, input: RoleInput) -> Result<Role, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let fields = fields(context, &input, None)?;
            let now = context.micros();
            let id = role::insert(context.connection(), &fields, now)?;
            saved(context, id, &input)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Replaces a role. Fields that are not sent are cleared.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Protected`], [`VaultError::Taken`], [`VaultError::Invalid`].
    pub async fn update_role(&self, permit: Permit, id: RoleId, input: RoleInput) -> Result<Role, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = mutable(context, id)?;
            let fields = fields(context, &input, Some(&row))?;
            let now = context.micros();
            role::update(context.connection(), row.id, &fields, now)?;
            saved(context, row.id, &input)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Deletes a role and revokes it from all holders.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Protected`].
    pub async fn delete_role(&self, permit: Permit, id: RoleId) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = mutable(context, id)?;
            let vault = context.vault;
            for holder in role::identities_by_role(context.connection(), row.id)? {
                revoke_from_identity(context.connection(), &vault.identity_mac, holder, row.id)?;
            }
            role::delete(context.connection(), row.id)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Role(row.id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

pub(super) fn existing(context: &mut OperationContext<'_>, id: RoleId) -> Result<RoleRow, VaultError> {
    let row = role::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Role))?;
    context.found(Subject::Role(row.id));
    Ok(row)
}

pub(super) fn mutable(context: &mut OperationContext<'_>, id: RoleId) -> Result<RoleRow, VaultError> {
    let row = existing(context, id)?;
    if row.immutable { Err(VaultError::Protected(Noun::Role)) } else { Ok(row) }
}

/// Returns a role with its holders, as far as the principal may see them.
fn shown(context: &mut OperationContext<'_>, row: RoleRow) -> Result<Role, VaultError> {
    let mut roles = [Role::from(row)];
    with_holders(context, &mut roles)?;
    with_claims(context, &mut roles)?;
    let [role] = roles;
    Ok(role)
}

fn saved(context: &mut OperationContext<'_>, id: RoleId, sent: &RoleInput) -> Result<Done<Role>, VaultError> {
    if let Some(accounts) = &sent.holders {
        set_holders(context, id, accounts)?;
    }
    if let Some(claims) = &sent.claims {
        set_claims(context, id, claims)?;
    }
    meta::increment_change_mark(context.connection())?;
    let row = existing(context, id)?;
    Ok(Done::new(Subject::Role(id), shown(context, row)?))
}

fn fields(
    context: &mut OperationContext<'_>,
    sent: &RoleInput,
    own: Option<&RoleRow>,
) -> Result<RoleFields, VaultError> {
    let name = input::name(sent.name.as_deref(), Field::Name)?;
    let description = input::text(sent.description.as_deref(), Field::Description)?.unwrap_or_default();
    let email_address = input::optional_line(sent.email_address.as_deref(), Field::EmailAddress)?.map(String::from);
    let kept = own.filter(|_| sent.keeps_unsent);
    let mut strings = parsed(&sent.permissions)?;
    if let (Some(keeps), Some(own)) = (sent.keeps_permission, own) {
        strings.extend(permission::strings(&own.permissions).into_iter().filter(|string| keeps(string.as_str())));
    }
    let unsent_set = || kept.map_or(GLOBAL_SET, |row| row.permission_set_id.as_str()).to_string();
    let set_id = sent.permission_set_id.map_or_else(unsent_set, |id| id.to_string());
    require_within_set(context, &set_id, &strings)?;
    lock_name(context.connection(), &format!("role/{}", case_folded(&name)))?;
    if role::by_name(context.connection(), &name)?.is_some_and(|row| Some(row.id) != own.map(|own| own.id)) {
        return Err(VaultError::Taken(Noun::Role));
    }
    Ok(RoleFields {
        name_key: case_folded(&name),
        name,
        description: description.into(),
        email_address: email_address.or_else(|| kept?.email_address.clone()),
        permission_set_id: set_id,
        permissions: permission::column(&strings),
    })
}

/// Requires that a permission set allows these permissions, and locks the set.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(super) fn require_within_set(
    context: &mut OperationContext<'_>,
    set_id: &str,
    strings: &[AccessString],
) -> Result<(), VaultError> {
    lock_set(context, set_id)?;
    let set = role::permission_set(context.connection(), set_id)?
        .ok_or_else(|| VaultError::invalid(Field::PermissionSet, "there is no such permission set"))?;
    let bounds = permission::strings(&set.permissions);
    if strings.iter().all(|string| bounds.iter().any(|bound| bound.grants(string.as_str()))) {
        return Ok(());
    }
    Err(VaultError::invalid(Field::Permissions, "the permission set does not allow all of them"))
}

/// Parses the access-control strings of a request.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(super) fn parsed(sent: &[String]) -> Result<Vec<AccessString>, VaultError> {
    if sent.len() > MAX_PERMISSIONS {
        return Err(VaultError::invalid(Field::Permissions, "must not be more than 1000"));
    }
    let strings = sent.iter().map(|text| AccessString::parse(text)).collect::<Option<Vec<_>>>();
    strings.ok_or_else(|| VaultError::invalid(Field::Permissions, "expected access-control strings, as in /pam/read/"))
}

/// Locks the name of a permission set, so that it is not deleted or narrowed while a role enters it.
pub(super) fn lock_set(context: &mut OperationContext<'_>, id: &str) -> Result<(), StoreError> {
    lock_name(context.connection(), &format!("permission-set/{id}"))
}

/// Finds the id of a role by name, ignoring case.
///
/// # Errors
/// [`VaultError::NotFound`].
pub(super) fn id_by_name(context: &mut OperationContext<'_>, name: &str) -> Result<RoleId, VaultError> {
    let row = role::by_name(context.connection(), name)?;
    row.map(|row| row.id).ok_or(VaultError::NotFound(Noun::Role))
}

/// Revokes a role from an identity, and updates its MAC if it was valid before. Returns whether the identity held the role.
pub(super) fn revoke_from_identity(
    connection: &mut AnyConnection,
    mac: &RowMac,
    identity: IdentityId,
    role: RoleId,
) -> Result<bool, StoreError> {
    let valid = identity_mac::locked_and_verified(connection, mac, identity)?;
    let had = role::remove_from_identity(connection, identity, role)?;
    if valid {
        identity_mac::update(connection, mac, identity)?;
    }
    Ok(had)
}
