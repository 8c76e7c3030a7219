//! The identities that hold a role, as version 1 of the Keyfactor API reads and writes them with it.

use std::collections::{BTreeMap, HashMap};

use super::identity_admin::require_unmodified;
use super::identity_mac;
use super::permission::{Permission, Verb};
use super::role::{self, Role};
use crate::store::id::{IdentityId, RoleId};
use crate::store::identity::{self, IdentityRow};
use crate::store::{meta, role as store};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Vault, VaultError};

/// The most identities of a request that sets the holders of a role. Each change is made in the writer.
const MAX_HOLDERS: usize = 1000;

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

impl Vault {
    /// Returns the identities that hold a role.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn role_holders(&self, permit: Permit, id: RoleId) -> Result<Vec<RoleHolder>, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            role::existing(context, id)?;
            Ok(Done::new(Subject::Role(id), holders(context, id)?))
        };
        self.query(permit, read).await
    }

    /// Grants a role to these identities, and revokes it from all others. An immutable role has holders too.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for an id of no identity, and for an identity that was modified
    /// outside the vault.
    pub async fn set_role_holders(
        &self,
        permit: Permit,
        id: RoleId,
        ids: Vec<IdentityId>,
    ) -> Result<Vec<RoleHolder>, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            role::existing(context, id)?;
            require_few(ids.len(), Field::Identities)?;
            for identity in &ids {
                if identity::by_id(context.connection(), *identity)?.is_none() {
                    return Err(VaultError::invalid(Field::Identities, "must be ids of security identities"));
                }
            }
            set_holder_ids(context, id, &ids)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Role(id), holders(context, id)?))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

fn holders(context: &mut OperationContext<'_>, id: RoleId) -> Result<Vec<RoleHolder>, VaultError> {
    let rows = store::holders(context.connection(), &[id])?;
    Ok(rows.into_iter().map(|(_, row)| RoleHolder::from(row)).collect())
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
/// [`VaultError::Invalid`] for an account that is no identity, for more than [`MAX_HOLDERS`], and for an identity that was modified outside the vault.
pub(super) fn set_holders(
    context: &mut OperationContext<'_>,
    role: RoleId,
    accounts: &[String],
) -> Result<(), VaultError> {
    let accounts = || accounts.iter().map(|account| account.trim());
    require_few(accounts().count(), Field::AccountName)?;
    let known: HashMap<String, IdentityId> =
        identity::ids_by_account(context.connection(), accounts())?.into_iter().collect();
    let mut ids = Vec::with_capacity(known.len());
    for account in accounts() {
        let id = known.get(&case_folded(account));
        ids.push(*id.ok_or_else(|| VaultError::invalid(Field::AccountName, "must name a security identity"))?);
    }
    set_holder_ids(context, role, &ids)
}

fn require_few(identities: usize, field: Field) -> Result<(), VaultError> {
    if identities > MAX_HOLDERS {
        return Err(VaultError::invalid(field, "a role must not be sent with more than 1000 identities"));
    }
    Ok(())
}

/// Grants a role to these identities, which exist, and revokes it from all others.
fn set_holder_ids(context: &mut OperationContext<'_>, role: RoleId, ids: &[IdentityId]) -> Result<(), VaultError> {
    // By id, so that two requests lock the identities in one order.
    let mut wanted: BTreeMap<IdentityId, bool> = ids.iter().map(|id| (*id, true)).collect();
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
