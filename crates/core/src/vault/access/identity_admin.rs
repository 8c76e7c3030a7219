//! Administration of identities from the command line: passwords and roles.

use super::identity::kind_name;
use super::{identity_mac, password, role};
use crate::crypto::SecretText;
use crate::directory::AccountKind;
use crate::store::id::{IdentityId, RoleId};
use crate::store::identity::{self, IdentityRow};
use crate::store::meta;
use crate::store::role as role_store;
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// Minimum password length, in characters.
const MIN_PASSWORD_CHARS: usize = 12;

/// An identity, without its password hash.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IdentitySummary {
    pub id: IdentityId,
    pub account: String,
    pub identity_type: String,
    pub roles: Vec<String>,
    pub has_password: bool,
    pub valid: bool,
}

/// A role, for the command line.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleSummary {
    pub id: RoleId,
    pub name: String,
    pub permissions: String,
}

impl Vault {
    /// Lists all identities.
    pub async fn identities(&self, permit: Permit) -> Result<Vec<IdentitySummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let vault = context.vault;
            let mut summaries = Vec::new();
            for row in identity::all(context.connection())? {
                let roles = role_store::by_identity(context.connection(), row.id)?;
                let role_ids: Vec<RoleId> = roles.iter().map(|role| role.id).collect();
                summaries.push(IdentitySummary {
                    valid: identity_mac::verify(&vault.identity_mac, &row, &role_ids),
                    id: row.id,
                    account: row.account_name,
                    identity_type: row.identity_type,
                    roles: roles.into_iter().map(|role| role.name).collect(),
                    has_password: row.password.is_some(),
                });
            }
            Ok(Done::new(Subject::Collection, summaries))
        };
        self.query(permit, list).await
    }

    /// Lists all roles.
    pub async fn roles(&self, permit: Permit) -> Result<Vec<RoleSummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let summary =
                |row: role_store::RoleRow| RoleSummary { id: row.id, name: row.name, permissions: row.permissions };
            let roles = role_store::all(context.connection())?.into_iter().map(summary).collect();
            Ok(Done::new(Subject::Collection, roles))
        };
        self.query(permit, list).await
    }

    /// Sets the password of a user.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for a short password, a group, or an identity that was modified outside the vault.
    pub async fn set_identity_password(
        &self,
        permit: Permit,
        account: &str,
        password: &SecretText,
    ) -> Result<(), VaultError> {
        let hashed = if password.expose().chars().count() < MIN_PASSWORD_CHARS {
            Err(VaultError::invalid(Field::Password, "expected at least 12 characters"))
        } else {
            password::hash(password).map_err(|_| VaultError::invalid(Field::Password, "cannot be hashed"))
        };
        match hashed {
            Ok(hash) => self.write_password(permit, account, Some(hash)).await,
            Err(error) => Err(self.refuse(&permit, error).await),
        }
    }

    /// Removes the password of an identity.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn clear_identity_password(&self, permit: Permit, account: &str) -> Result<(), VaultError> {
        self.write_password(permit, account, None).await
    }

    async fn write_password(&self, permit: Permit, account: &str, hash: Option<String>) -> Result<(), VaultError> {
        let account = account.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = unmodified(context, &account)?;
            if row.identity_type != kind_name(AccountKind::User) {
                return Err(VaultError::invalid(Field::AccountName, "expected a user, since groups have no password"));
            }
            identity::set_password(context.connection(), row.id, hash.as_deref())?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Grants an identity a role.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for an identity that was modified outside the vault.
    pub async fn grant_identity_role(&self, permit: Permit, account: &str, name: &str) -> Result<(), VaultError> {
        let (account, name) = (account.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = unmodified(context, &account)?;
            let role = role::id_by_name(context, &name)?;
            let held = role_store::by_identity(context.connection(), row.id)?;
            if held.iter().any(|held| held.id == role) {
                return Ok(Done::new(Subject::Identity(row.id), ()));
            }
            role_store::assign_to_identity(context.connection(), row.id, role)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Revokes a role from an identity.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn revoke_identity_role(&self, permit: Permit, account: &str, name: &str) -> Result<(), VaultError> {
        let (account, name) = (account.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &account)?;
            let role = role::id_by_name(context, &name)?;
            let vault = context.vault;
            if !role::revoke_from_identity(context.connection(), &vault.identity_mac, row.id, role)? {
                return Err(VaultError::NotFound(Noun::Role));
            }
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Identity(row.id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Deletes the identity of an account.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn delete_identity_of(&self, permit: Permit, account: &str) -> Result<(), VaultError> {
        let account = account.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &account)?;
            identity::delete(context.connection(), row.id)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Identity(row.id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Updates the MAC of an identity and notifies every node.
fn changed(context: &mut OperationContext<'_>, id: IdentityId) -> Result<Done<()>, VaultError> {
    let vault = context.vault;
    identity_mac::update(context.connection(), &vault.identity_mac, id)?;
    meta::increment_change_mark(context.connection())?;
    Ok(Done::new(Subject::Identity(id), ()))
}

fn existing(context: &mut OperationContext<'_>, account: &str) -> Result<IdentityRow, VaultError> {
    let row = identity::by_account(context.connection(), &case_folded(account))?;
    let row = row.ok_or(VaultError::NotFound(Noun::Identity))?;
    context.found(Subject::Identity(row.id));
    Ok(row)
}

/// Finds the identity of an account, if its MAC verifies: a row modified outside the vault must not get a valid MAC.
fn unmodified(context: &mut OperationContext<'_>, account: &str) -> Result<IdentityRow, VaultError> {
    let row = existing(context, account)?;
    require_unmodified(context, row.id)?;
    Ok(row)
}

/// Locks an identity and requires that its MAC verifies.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(super) fn require_unmodified(context: &mut OperationContext<'_>, id: IdentityId) -> Result<(), VaultError> {
    let vault = context.vault;
    if identity_mac::locked_and_verified(context.connection(), &vault.identity_mac, id)? {
        return Ok(());
    }
    let expected = "the identity was modified outside Chaveiro; delete it and create it again";
    Err(VaultError::invalid(Field::AccountName, expected))
}
