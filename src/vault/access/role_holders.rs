//! The identities that hold a role, as version 1 of the Keyfactor API reads and writes them with it.

use std::collections::BTreeMap;

use super::identity_admin::require_unmodified;
use super::identity_mac;
use super::permission::{Permission, Verb};
use super::role::{self, Role};
use crate::store::id::{IdentityId, RoleId};
use crate::store::identity::{self, IdentityRow};
use crate::store::role as store;
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError};

/// An identity that holds a role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleHolder {
    pub id: IdentityId,
    /// `DOMAIN\name`.
    pub account_name: String,
    /// `User` or `Group`.
    pub identity_type: String,
}

impl From<IdentityRow> for RoleHolder {
    fn from(row: IdentityRow) -> Self {
        Self { id: row.id, account_name: row.account_name, identity_type: row.identity_type }
    }
}

/// Adds the holders to roles, for a principal that may list identities. Every principal that may write a role may list them: a
/// client that reads a role, adds a holder and sends it back would otherwise revoke it from the others.
pub(super) fn with_holders(context: &mut OperationContext<'_>, roles: &mut [Role]) -> Result<(), VaultError> {
    let rights = context.principal().rights();
    if rights.is_some_and(|rights| rights.require(Permission::Security(Verb::Modify)).is_err()) {
        return Ok(());
    }
    let ids: Vec<RoleId> = roles.iter().map(|role| role.id).collect();
    for (id, holder) in store::holders(context.connection(), &ids)? {
        if let Some(role) = roles.iter_mut().find(|role| role.id == id) {
            role.holders.push(holder.into());
        }
    }
    Ok(())
}

/// Grants a role to the identities of these accounts, and revokes it from all others.
///
/// # Errors
/// [`VaultError::Invalid`] for an account that is no identity, and for an identity that was modified outside the vault.
pub(super) fn set_holders(
    context: &mut OperationContext<'_>,
    role: RoleId,
    accounts: &[String],
) -> Result<(), VaultError> {
    // By id, so that two requests lock the identities in one order.
    let mut wanted = BTreeMap::new();
    for account in accounts {
        let row = identity::by_account(context.connection(), account.trim())?;
        let row = row.ok_or_else(|| VaultError::invalid(Field::AccountName, "must name a security identity"))?;
        wanted.insert(row.id, true);
    }
    let held = store::identities_by_role(context.connection(), role)?;
    for holder in &held {
        wanted.entry(*holder).or_insert(false);
    }
    let vault = context.vault;
    for (id, wants) in wanted {
        match (wants, held.contains(&id)) {
            (true, false) => {
                require_unmodified(context, id)?;
                store::assign_to_identity(context.connection(), id, role)?;
                identity_mac::update(context.connection(), &vault.identity_mac, id)?;
            }
            (false, true) => {
                role::revoke_from_identity(context.connection(), &vault.identity_mac, id, role)?;
            }
            _ => {}
        }
    }
    Ok(())
}
