//! Security identities: accounts of a directory that may hold roles (contract, section 6).

use super::granted::{IdentityPermissions, granted, with_grants};
use super::listing::{ListRequest, Listed};
use super::permission::{Permission, Verb};
use super::role::Role;
use super::{KeyfactorAction, KeyfactorError, signature};
use crate::directory::{Account, AccountKind, AccountName, DirectoryError};
use crate::store::claim::claim;
use crate::store::keyfactor::identity::{self, IdentityColumn, IdentityRow};
use crate::store::keyfactor::role as role_rows;
use crate::store::{AnyConnection, StoreError, folded, meta};
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

const COLUMNS: [(&str, IdentityColumn); 3] = [
    ("Id", IdentityColumn::Id),
    ("AccountName", IdentityColumn::AccountName),
    ("IdentityType", IdentityColumn::IdentityType),
];

/// The word for a kind of account, as stored and as shown.
pub(super) fn kind_word(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::User => "User",
        AccountKind::Group => "Group",
    }
}

/// An identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its number.
    pub id: i32,
    /// `DOMAIN\name`.
    pub account_name: String,
    /// `User` or `Group`.
    pub identity_type: String,
    /// The roles that it holds, by number.
    pub roles: Vec<Role>,
    /// Whether the row is as the vault wrote it; nothing when nobody looked.
    pub valid: Option<bool>,
}

impl Vault {
    /// The identities; with `validate`, each with a word on whether it is as the vault wrote it.
    pub async fn list_identities(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
        validate: Result<bool, VaultError>,
    ) -> Result<Listed<Identity>, VaultError> {
        let vault = self.clone();
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Modify))?;
            let page = request?.page(IdentityColumn::Id, &COLUMNS)?;
            let validate = validate?;
            let listed = identity::list(connection, page)?;
            let ids: Vec<i32> = listed.rows.iter().map(|row| row.id).collect();
            let held = role_rows::of_these_identities(connection, &ids)?;
            let complete = |row: IdentityRow| {
                let roles = held.iter().filter(|(holder, _)| *holder == row.id).map(|(_, role)| role.clone()).collect();
                Ok::<_, VaultError>(vault.identity_of(row, roles, validate))
            };
            Ok((listed.try_map(complete)?, None))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::IdentityList), query).await
    }

    /// What an identity may do.
    ///
    /// # Errors
    /// [`KeyfactorError::IdentityNotFound`].
    pub async fn identity_permissions(
        &self,
        call: &Call,
        id: Result<i32, VaultError>,
    ) -> Result<IdentityPermissions, VaultError> {
        let query = move |connection: &mut AnyConnection, call: &Call| {
            call.require(Permission::Security(Verb::Read))?;
            let row = known(connection, id?)?;
            let roles = role_rows::of_identity(connection, row.id)?;
            let roles = with_grants(connection, roles)?;
            let (whole, providers) = granted(&roles);
            Ok((IdentityPermissions { identity: row.account_name, whole, providers }, Some(Object::Identity(row.id))))
        };
        self.look(call, Action::Keyfactor(KeyfactorAction::IdentityPermissions), query).await
    }

    /// Whether the directory knows an account, so that an identity can be made of it.
    ///
    /// # Errors
    /// [`KeyfactorError::DirectoryUnavailable`].
    pub async fn look_up_account(&self, call: &Call, account: Option<String>) -> Result<bool, VaultError> {
        let action = Action::Keyfactor(KeyfactorAction::IdentityLookup);
        let allowed = call.permit(action).and_then(|()| call.require(Permission::Security(Verb::Read)));
        let found = match (allowed, account) {
            (Err(refusal), _) => Err(refusal),
            (Ok(()), None) => Err(InvalidInput::parameter("accountName", "required")),
            (Ok(()), Some(account)) => self.account(&account).await,
        };
        self.look(call, action, move |_, _| Ok((found?.is_some(), None))).await
    }

    /// Makes an identity of an account that the directory knows. That needs the permission through a role in the global
    /// set.
    ///
    /// # Errors
    /// [`KeyfactorError::IdentityTaken`]; [`KeyfactorError::DirectoryUnavailable`].
    pub async fn create_identity(
        &self,
        call: &Call,
        account_name: Result<Option<String>, VaultError>,
    ) -> Result<Identity, VaultError> {
        let action = Action::Keyfactor(KeyfactorAction::IdentityCreate);
        let needed = Permission::Security(Verb::Modify);
        let allowed = call.permit(action).and_then(|()| call.client.rights.require_globally(needed));
        // The directory is asked before the job: a job must not wait for a network.
        let account = match allowed.and(account_name) {
            Ok(name) => self.known_account(name.as_deref()).await,
            Err(refusal) => Err(refusal),
        };
        let vault = self.clone();
        let rule = move |work: &mut Work<'_, '_>| {
            let row = insert(work, account.as_ref().map_err(Clone::clone)?)?;
            Ok(vault.identity_of(row, Vec::new(), true))
        };
        self.perform(call, action, rule).await
    }

    /// Forgets an identity; no role holds it any more.
    ///
    /// # Errors
    /// [`KeyfactorError::IdentityNotFound`]; [`KeyfactorError::OwnIdentity`] for the one that calls.
    pub async fn delete_identity(&self, call: &Call, id: Result<i32, VaultError>) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            work.require(Permission::Security(Verb::Modify))?;
            let row = known(work.connection(), id.clone()?)?;
            work.touches(Object::Identity(row.id));
            if work.call.client.rights.identity == Some(row.id) {
                return Err(KeyfactorError::OwnIdentity.into());
            }
            identity::delete(work.connection(), row.id)?;
            Ok(meta::raise_change_mark(work.connection())?)
        };
        self.perform(call, Action::Keyfactor(KeyfactorAction::IdentityDelete), rule).await?;
        self.refresh().await
    }

    /// The account of that name in the directory.
    async fn account(&self, name: &str) -> Result<Option<Account>, VaultError> {
        let Some(name) = AccountName::parse(name) else { return Ok(None) };
        let found = self.0.directory.find(&name).await;
        found.map_err(|DirectoryError| KeyfactorError::DirectoryUnavailable.into())
    }

    /// An account that has to be there.
    pub(in crate::vault) async fn known_account(&self, name: Option<&str>) -> Result<Account, VaultError> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| InvalidInput::parameter("AccountName", "required"))?;
        let found = self.account(name).await?;
        found.ok_or_else(|| InvalidInput::parameter("AccountName", "the directory knows no such account"))
    }

    fn identity_of(&self, row: IdentityRow, roles: Vec<role_rows::RoleRow>, validate: bool) -> Identity {
        let numbers: Vec<i32> = roles.iter().map(|role| role.id).collect();
        Identity {
            valid: validate.then(|| signature::is_valid(&self.0.identities, &row, &numbers)),
            id: row.id,
            account_name: row.account_name,
            identity_type: row.identity_type,
            roles: roles.into_iter().map(Role::from).collect(),
        }
    }
}

fn known(connection: &mut AnyConnection, id: i32) -> Result<IdentityRow, VaultError> {
    identity::by_id(connection, id)?.ok_or(VaultError::Keyfactor(KeyfactorError::IdentityNotFound))
}

fn insert(work: &mut Work<'_, '_>, account: &Account) -> Result<IdentityRow, VaultError> {
    claim(work.connection(), &format!("identity/{}", folded(&account.name)))?;
    if identity::by_account(work.connection(), &account.name)?.is_some() {
        return Err(KeyfactorError::IdentityTaken.into());
    }
    let now = work.micros();
    let id = identity::insert(work.connection(), &account.name, kind_word(account.kind), now)?;
    work.touches(Object::Identity(id));
    signature::sign(work.transaction.connection(), &work.inner.identities, id)?;
    Ok(identity::by_id(work.connection(), id)?.ok_or(StoreError::NotFound)?)
}
