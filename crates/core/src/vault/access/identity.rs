//! Identities: directory accounts that can hold roles.

pub use crate::store::identity::IdentityColumn;

use super::granted::{IdentityPermissions, granted, with_grants};
use super::identity_mac;
use super::role::Role;
use crate::directory::{Account, AccountKind, AccountName, DirectoryError};
use crate::store::id::{IdentityId, RoleId};
use crate::store::identity::{self, IdentityRow};
use crate::store::lock::lock_name;
use crate::store::pagination::Page as OffsetPage;
use crate::store::role as role_store;
use crate::store::{StoreError, meta};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::OffsetList;
use crate::vault::{Dependency, Field, Inner, Noun, Vault, VaultError};

/// The name of a kind of account, as stored and displayed.
pub(super) fn kind_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::User => "User",
        AccountKind::Group => "Group",
    }
}

/// An identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// `DOMAIN\name`.
    pub account_name: String,
    /// `User` or `Group`.
    pub identity_type: String,
    /// Its roles, by id.
    pub roles: Vec<Role>,
    /// Whether its MAC verifies; `None` when it was not verified.
    pub valid: Option<bool>,
}

impl Vault {
    /// Lists the identities; with `validate`, verifies the MAC of each.
    pub async fn list_identities(
        &self,
        permit: Permit,
        page: OffsetPage<IdentityColumn>,
        validate: bool,
    ) -> Result<OffsetList<Identity>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let list = identity::list(context.connection(), page)?;
            let ids: Vec<IdentityId> = list.rows.iter().map(|row| row.id).collect();
            let held = role_store::by_identities(context.connection(), &ids)?;
            let vault = context.vault;
            let complete = |row: IdentityRow| {
                let roles = held.iter().filter(|(holder, _)| *holder == row.id).map(|(_, role)| role.clone()).collect();
                identity_from_row(vault, row, roles, validate)
            };
            Ok(Done::new(Subject::Collection, list.map(complete)))
        };
        self.query(permit, list).await
    }

    /// Returns the permissions of an identity.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn identity_permissions(
        &self,
        permit: Permit,
        id: IdentityId,
    ) -> Result<IdentityPermissions, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = existing(context, id)?;
            let roles = role_store::by_identity(context.connection(), row.id)?;
            let roles = with_grants(context.connection(), roles)?;
            let (global, providers) = granted(&roles);
            let permissions = IdentityPermissions { identity: row.account_name, global, providers };
            Ok(Done::new(Subject::Identity(row.id), permissions))
        };
        self.query(permit, read).await
    }

    /// Returns whether an account exists in the directory.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn look_up_account(&self, permit: Permit, account: &str) -> Result<bool, VaultError> {
        let found = self.account(account).await;
        self.query(permit, move |_| Ok(Done::new(Subject::Collection, found.clone()?.is_some()))).await
    }

    /// Creates the identity of an account in the directory.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`] for an account that is not in the directory;
    /// [`VaultError::Unavailable`].
    pub async fn create_identity(&self, permit: Permit, account_name: &str) -> Result<Identity, VaultError> {
        // Query the directory before the transaction, which must not wait for the network.
        let account = match self.existing_account(account_name).await {
            Ok(account) => account,
            Err(error) => return Err(self.refuse(&permit, error).await),
        };
        let rule = move |context: &mut OperationContext<'_>| {
            let row = insert(context, &account)?;
            let vault = context.vault;
            Ok(Done::new(Subject::Identity(row.id), identity_from_row(vault, row, Vec::new(), true)))
        };
        self.execute(permit, rule).await.map(|(identity, _)| identity)
    }

    /// Deletes an identity and its roles.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Protected`] for the principal's own identity.
    pub async fn delete_identity(&self, permit: Permit, id: IdentityId) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, id)?;
            if context.principal().identity() == Some(row.id) {
                return Err(VaultError::Protected(Noun::Identity));
            }
            identity::delete(context.connection(), row.id)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Identity(row.id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Finds an account in the directory by name.
    async fn account(&self, name: &str) -> Result<Option<Account>, VaultError> {
        let Some(name) = AccountName::parse(name) else { return Ok(None) };
        let found = self.0.directory.find(&name).await;
        found.map_err(|DirectoryError| VaultError::Unavailable(Dependency::Directory))
    }

    /// Finds an account in the directory, or fails.
    async fn existing_account(&self, name: &str) -> Result<Account, VaultError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(VaultError::Missing(Field::AccountName));
        }
        let found = self.account(name).await?;
        found.ok_or_else(|| VaultError::invalid(Field::AccountName, "the directory knows no such account"))
    }
}

fn identity_from_row(vault: &Inner, row: IdentityRow, roles: Vec<role_store::RoleRow>, validate: bool) -> Identity {
    let role_ids: Vec<RoleId> = roles.iter().map(|role| role.id).collect();
    Identity {
        valid: validate.then(|| identity_mac::verify(&vault.identity_mac, &row, &role_ids)),
        id: row.id,
        account_name: row.account_name,
        identity_type: row.identity_type,
        roles: roles.into_iter().map(Role::from).collect(),
    }
}

fn existing(context: &mut OperationContext<'_>, id: IdentityId) -> Result<IdentityRow, VaultError> {
    let row = identity::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Identity))?;
    context.found(Subject::Identity(row.id));
    Ok(row)
}

fn insert(context: &mut OperationContext<'_>, account: &Account) -> Result<IdentityRow, VaultError> {
    lock_name(context.connection(), &format!("identity/{}", case_folded(&account.name)))?;
    if identity::by_account(context.connection(), &account.name)?.is_some() {
        return Err(VaultError::Taken(Noun::Identity));
    }
    let (vault, now) = (context.vault, context.micros());
    let id = identity::insert(context.connection(), &account.name, kind_name(account.kind), now)?;
    identity_mac::update(context.connection(), &vault.identity_mac, id)?;
    meta::increment_change_mark(context.connection())?;
    Ok(identity::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?)
}
