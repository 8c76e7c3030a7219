//! Permission sets. A set restricts the roles in it, so a change counts for all of their holders at once.

use uuid::Uuid;

use super::permission::{self, GLOBAL_SET};
use super::role::{self, access_strings};
use super::security_claim::roles_of_clients;
use crate::store::lock::lock_name;
use crate::store::meta;
use crate::store::permission_set as store;
use crate::store::role::{self as role_store, NameTest, PermissionSetRow, permission_set};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::{OffsetList, OffsetQuery};
use crate::vault::provider::input;
use crate::vault::{Field, Noun, Vault, VaultError};

/// A permission set.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PermissionSet {
    pub id: String,
    pub name: String,
    pub permissions: Vec<String>,
}

impl From<PermissionSetRow> for PermissionSet {
    fn from(row: PermissionSetRow) -> Self {
        Self { id: row.id, name: row.name, permissions: access_strings(&row.permissions) }
    }
}

/// Parameters of a request to create or update a permission set. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PermissionSetInput {
    pub name: Option<String>,
    pub permissions: Vec<String>,
}

impl Vault {
    /// Lists the permission sets.
    pub async fn list_permission_sets(
        &self,
        permit: Permit,
        query: OffsetQuery<NameTest, ()>,
    ) -> Result<OffsetList<PermissionSet>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let list = role_store::list_permission_sets(context.connection(), query.condition.as_ref(), query.page)?;
            Ok(Done::new(Subject::Collection, list.map(PermissionSet::from)))
        };
        self.query(permit, list).await
    }

    /// Returns one permission set.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn read_permission_set(&self, permit: Permit, id: Uuid) -> Result<PermissionSet, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = role_store::permission_set(context.connection(), &id.to_string())?;
            let row = row.ok_or(VaultError::NotFound(Noun::PermissionSet))?;
            Ok(Done::new(Subject::Collection, row.into()))
        };
        self.query(permit, read).await
    }

    /// Returns the permission sets that the principal's roles are in, by name.
    pub async fn own_permission_sets(&self, permit: Permit) -> Result<Vec<PermissionSet>, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let (identity, authorization) = (context.principal().identity(), context.principal().authorization());
            let mut roles = Vec::new();
            if let Some(identity) = identity {
                roles.extend(role_store::by_identity(context.connection(), identity)?.into_iter().map(|role| role.id));
            }
            if let Some(authorization) = authorization {
                let held = role_store::authorization_roles(context.connection())?;
                let by_claim = roles_of_clients(context.connection())?;
                let own = held.into_iter().chain(by_claim).filter(|(holder, _)| *holder == authorization);
                roles.extend(own.map(|(_, role)| role));
            }
            let sets = store::by_roles(context.connection(), &roles)?;
            Ok(Done::new(Subject::Collection, sets.into_iter().map(PermissionSet::from).collect()))
        };
        self.query(permit, read).await
    }

    /// Creates a permission set.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn create_permission_set(
        &self,
        permit: Permit,
        input: PermissionSetInput,
    ) -> Result<PermissionSet, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = row(context, Uuid::new_v4(), &input)?;
            store::insert(context.connection(), &row)?;
            changed(context, &row)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Replaces a permission set. Roles in it keep their own permissions, and lose what it does not allow any more.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Protected`] for the global set; [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn update_permission_set(
        &self,
        permit: Permit,
        id: Uuid,
        input: PermissionSetInput,
    ) -> Result<PermissionSet, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            mutable(context, id)?;
            let row = row(context, id, &input)?;
            store::update(context.connection(), &row)?;
            changed(context, &row)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Deletes a permission set.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Protected`] for the global set; [`VaultError::InUse`] while a role is in it.
    pub async fn delete_permission_set(&self, permit: Permit, id: Uuid) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = mutable(context, id)?;
            if store::is_in_use(context.connection(), &row.id)? {
                return Err(VaultError::InUse(Noun::PermissionSet));
            }
            store::delete(context.connection(), &row.id)?;
            changed(context, &row).map(|done| done.map(drop))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Locks a permission set and returns it. The global one does not change: a set that could be narrowed would lock everybody out.
fn mutable(context: &mut OperationContext<'_>, id: Uuid) -> Result<PermissionSetRow, VaultError> {
    let id = id.to_string();
    role::lock_set(context, &id)?;
    let row = permission_set(context.connection(), &id)?.ok_or(VaultError::NotFound(Noun::PermissionSet))?;
    context.found(subject(&row));
    if row.id == GLOBAL_SET { Err(VaultError::Protected(Noun::PermissionSet)) } else { Ok(row) }
}

fn row(
    context: &mut OperationContext<'_>,
    id: Uuid,
    sent: &PermissionSetInput,
) -> Result<PermissionSetRow, VaultError> {
    let name = input::name(sent.name.as_deref(), Field::Name)?;
    let permissions = role::parsed(&sent.permissions)?;
    let (id, name_key) = (id.to_string(), case_folded(&name));
    lock_name(context.connection(), &format!("permission-set-name/{name_key}"))?;
    if store::by_name(context.connection(), &name)?.is_some_and(|other| other.id != id) {
        return Err(VaultError::Taken(Noun::PermissionSet));
    }
    Ok(PermissionSetRow { id, name, name_key, permissions: permission::column(&permissions) })
}

fn changed(context: &mut OperationContext<'_>, row: &PermissionSetRow) -> Result<Done<PermissionSet>, VaultError> {
    meta::increment_change_mark(context.connection())?;
    Ok(Done::new(subject(row), row.clone().into()))
}

/// Returns the subject of a set. Ids are GUIDs.
fn subject(row: &PermissionSetRow) -> Subject {
    Uuid::parse_str(&row.id).map_or(Subject::Collection, Subject::PermissionSet)
}
