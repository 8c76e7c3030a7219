//! Roles and the permission sets that they stand in (contract, section 7).

use uuid::Uuid;

use super::filter::Field;
use super::input;
use super::listing::{ListRequest, Listed};
use super::permission::{self, AccessString, GLOBAL_SET, Permission, Verb};
use super::{KeyfactorAction, KeyfactorError, signature};
use crate::store::claim::claim;
use crate::store::keyfactor::role::{self, NameTest, PermissionSetRow, RoleColumn, RoleFields, RoleRow};
use crate::store::{AnyConnection, StoreError, folded, meta};
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

/// How many access-control strings a role may hold.
const MOST_PERMISSIONS: usize = 1000;

const COLUMNS: [(&str, RoleColumn); 3] =
    [("Id", RoleColumn::Id), ("Name", RoleColumn::Name), ("Description", RoleColumn::Description)];

/// A role.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 7")]
pub struct Role {
    pub id: i32,
    pub name: String,
    pub description: String,
    pub email_address: Option<String>,
    pub immutable: bool,
    pub permission_set_id: String,
    pub permissions: Vec<String>,
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
            permissions: shown(&row.permissions),
        }
    }
}

/// A permission set.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 7")]
pub struct PermissionSet {
    pub id: String,
    pub name: String,
    pub permissions: Vec<String>,
}

impl From<PermissionSetRow> for PermissionSet {
    fn from(row: PermissionSetRow) -> Self {
        Self { id: row.id, name: row.name, permissions: shown(&row.permissions) }
    }
}

fn shown(column: &str) -> Vec<String> {
    permission::strings(column).iter().map(|string| string.text().into()).collect()
}

/// What a client sends to create or update a role. Nothing is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 7")]
pub struct RoleInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub email_address: Option<String>,
    pub permission_set_id: Option<Uuid>,
    pub permissions: Vec<String>,
}

impl Vault {
    /// The roles.
    pub async fn list_roles(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<Role>, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Read))?;
            let request = request?;
            let condition = request.condition(field)?;
            let page = request.page(RoleColumn::Name, &COLUMNS)?;
            let listed = role::list(connection, condition.as_ref(), page)?;
            Ok((listed.try_map(|row| Ok::<_, VaultError>(Role::from(row)))?, None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::RoleList), query).await
    }

    /// One role.
    ///
    /// # Errors
    /// [`KeyfactorError::RoleNotFound`].
    pub async fn read_role(&self, call: &Call, id: Result<i32, VaultError>) -> Result<Role, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Read))?;
            let row = known(connection, id?)?;
            let object = Object::Role(row.id);
            Ok((Role::from(row), Some(object)))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::RoleRead), query).await
    }

    /// Creates a role. Whoever may do that can give itself anything, so it needs the permission through a role in the
    /// global set, as every change of a role does.
    ///
    /// # Errors
    /// [`KeyfactorError::RoleNameTaken`].
    pub async fn create_role(&self, call: &Call, input: Result<RoleInput, VaultError>) -> Result<Role, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            work.call.client.rights.require_globally(Permission::Security(Verb::Modify))?;
            let fields = fields(work, input.as_ref().map_err(Clone::clone)?, None)?;
            let now = work.micros();
            let id = role::insert(work.connection(), &fields, now)?;
            changed(work, id)
        };
        self.perform_and_refresh(call, KeyfactorAction::RoleCreate, rule).await
    }

    /// Writes a role anew: what is not sent is cleared.
    ///
    /// # Errors
    /// [`KeyfactorError::RoleNotFound`], [`KeyfactorError::RoleImmutable`], [`KeyfactorError::RoleNameTaken`].
    pub async fn update_role(
        &self,
        call: &Call,
        id: Result<i32, VaultError>,
        input: Result<RoleInput, VaultError>,
    ) -> Result<Role, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &id)?;
            let fields = fields(work, input.as_ref().map_err(Clone::clone)?, Some(row.id))?;
            let now = work.micros();
            role::update(work.connection(), row.id, &fields, now)?;
            changed(work, row.id)
        };
        self.perform_and_refresh(call, KeyfactorAction::RoleUpdate, rule).await
    }

    /// Forgets a role, and takes it from everybody who holds it.
    ///
    /// # Errors
    /// [`KeyfactorError::RoleNotFound`], [`KeyfactorError::RoleImmutable`].
    pub async fn delete_role(&self, call: &Call, id: Result<i32, VaultError>) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &id)?;
            for holder in role::identities_with(work.connection(), row.id)? {
                take(work.transaction.connection(), &work.inner.identities, holder, row.id)?;
            }
            role::delete(work.connection(), row.id)?;
            Ok(meta::raise_change_mark(work.connection())?)
        };
        self.perform_and_refresh(call, KeyfactorAction::RoleDelete, rule).await
    }

    /// The permission sets.
    pub async fn list_permission_sets(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<PermissionSet>, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Read))?;
            let request = request?;
            let condition = request.condition(field)?;
            let page = request.page((), &[("Name", ())])?;
            let listed = role::list_permission_sets(connection, condition.as_ref(), page)?;
            Ok((listed.try_map(|row| Ok::<_, VaultError>(PermissionSet::from(row)))?, None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::PermissionSetList), query).await
    }

    /// One permission set.
    ///
    /// # Errors
    /// [`KeyfactorError::PermissionSetNotFound`].
    pub async fn read_permission_set(
        &self,
        call: &Call,
        id: Result<Uuid, VaultError>,
    ) -> Result<PermissionSet, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Read))?;
            let row = role::permission_set(connection, &id?.to_string())?;
            Ok((PermissionSet::from(row.ok_or(KeyfactorError::PermissionSetNotFound)?), None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::PermissionSetRead), query).await
    }

    /// A change of what callers may do: this node knows at once, the others within a second.
    async fn perform_and_refresh<T: Send + 'static>(
        &self,
        call: &Call,
        action: KeyfactorAction,
        rule: impl Fn(&mut Work<'_, '_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let done = self.perform(call, Action::Keyfactor(action), rule).await?;
        self.refresh().await?;
        Ok(done)
    }
}

/// The fields that a list can be asked about.
fn field(name: &str) -> Option<Field<NameTest>> {
    (name == "name").then_some(Field::Text(NameTest::Name))
}

fn known(connection: &mut AnyConnection, id: i32) -> Result<RoleRow, VaultError> {
    role::by_id(connection, id)?.ok_or(VaultError::Keyfactor(KeyfactorError::RoleNotFound))
}

fn for_change(work: &mut Work<'_, '_>, id: &Result<i32, VaultError>) -> Result<RoleRow, VaultError> {
    work.call.client.rights.require_globally(Permission::Security(Verb::Modify))?;
    let row = known(work.connection(), id.clone()?)?;
    work.touches(Object::Role(row.id));
    if row.immutable { Err(KeyfactorError::RoleImmutable.into()) } else { Ok(row) }
}

fn changed(work: &mut Work<'_, '_>, id: i32) -> Result<Role, VaultError> {
    work.touches(Object::Role(id));
    meta::raise_change_mark(work.connection())?;
    Ok(known(work.connection(), id)?.into())
}

fn fields(work: &mut Work<'_, '_>, sent: &RoleInput, own: Option<i32>) -> Result<RoleFields, VaultError> {
    let name = input::name(sent.name.as_deref(), "Name")?;
    let description = input::text(sent.description.as_deref(), "Description")?.unwrap_or_default();
    let email_address = input::text(sent.email_address.as_deref(), "EmailAddress")?;
    if sent.permissions.len() > MOST_PERMISSIONS {
        return Err(InvalidInput::parameter("Permissions", "must not be more than 1000"));
    }
    let strings = sent.permissions.iter().map(|text| AccessString::parse(text)).collect::<Option<Vec<_>>>();
    let strings = strings
        .ok_or_else(|| InvalidInput::parameter("Permissions", "expected access-control strings, as in /pam/read/"))?;
    let set_id = sent.permission_set_id.map_or(GLOBAL_SET.into(), |id| id.to_string());
    let set = role::permission_set(work.connection(), &set_id)?
        .ok_or_else(|| InvalidInput::parameter("PermissionSetId", "there is no such permission set"))?;
    let bounds = permission::strings(&set.permissions);
    if !strings.iter().all(|string| bounds.iter().any(|bound| bound.grants(string.text()))) {
        return Err(InvalidInput::parameter("Permissions", "the permission set does not allow all of them"));
    }
    claim(work.connection(), &format!("role/{}", folded(&name)))?;
    if role::by_name(work.connection(), &name)?.is_some_and(|row| Some(row.id) != own) {
        return Err(KeyfactorError::RoleNameTaken.into());
    }
    Ok(RoleFields {
        name_key: folded(&name),
        name,
        description: description.into(),
        email_address: email_address.map(String::from),
        permission_set_id: set_id,
        permissions: permission::column(&strings),
    })
}

/// Takes a role from an identity, and signs what is left if it was valid before. Tells whether it had the role.
pub(in crate::vault) fn take(
    connection: &mut AnyConnection,
    signer: &crate::audit::Signer,
    identity: i32,
    role: i32,
) -> Result<bool, StoreError> {
    let valid = signature::still_valid(connection, signer, identity)?;
    let had = role::take_from_identity(connection, identity, role)?;
    if valid {
        signature::sign(connection, signer, identity)?;
    }
    Ok(had)
}
