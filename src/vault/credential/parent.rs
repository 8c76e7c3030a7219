//! Parents: a child shares the password of its parent, now and after each change (contract, section 5.2).
//!
//! A password sent for a child is refused unless it equals the parent's: the client would otherwise believe its password
//! stored, and later read the parent's.

use std::collections::{HashMap, HashSet};

use super::{ParentChange, resolve};
use crate::crypto::SecretText;
use crate::store::StoreError;
use crate::store::credential::{self, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::inventory;
use crate::store::item;
use crate::store::lock::lock_name;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Field, Noun, VaultError};

/// Maximum length of a chain of parents. Also bounds the traversal if the table contains a loop.
const MAX_GENERATIONS: usize = 16;

/// Returns the password of a credential: its own, or its oldest ancestor's.
pub(super) fn shared_password(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<Option<Sealed>, VaultError> {
    let owner = password_owner(context, row)?;
    secrets::current(context, owner)
}

/// Returns the owner of the password of a credential: itself, or its oldest ancestor.
pub(in crate::vault) fn password_owner(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<SecretOwner, VaultError> {
    let owner = match row.parent_id {
        Some(parent) => oldest_ancestor(context, parent)?,
        None => row.id,
    };
    Ok(SecretOwner::Password(owner))
}

fn oldest_ancestor(context: &mut OperationContext<'_>, id: CredentialId) -> Result<CredentialId, VaultError> {
    Ok(ancestors(context, id)?.last().copied().unwrap_or(id))
}

/// The credentials that share a password.
pub(in crate::vault) struct Sharing {
    /// The one whose password it is: the oldest ancestor of all others.
    pub(in crate::vault) owner: CredentialId,
    pub(in crate::vault) rows: Vec<CredentialRow>,
}

/// Returns the credentials that share the password of a credential, itself among them.
pub(in crate::vault) fn sharing(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<Sharing, VaultError> {
    let owner = match row.parent_id {
        Some(parent) => oldest_ancestor(context, parent)?,
        None => row.id,
    };
    let mut ids = vec![owner];
    ids.extend(descendants(context, vec![owner])?);
    let rows = if ids == [row.id] { vec![row.clone()] } else { inventory::by_ids(context.connection(), &ids)? };
    Ok(Sharing { owner, rows })
}

/// Returns the children of credentials, their children, and so on.
fn descendants(
    context: &mut OperationContext<'_>,
    mut generation: Vec<CredentialId>,
) -> Result<Vec<CredentialId>, VaultError> {
    let mut found = Vec::new();
    for _ in 0..MAX_GENERATIONS {
        if generation.is_empty() {
            break;
        }
        generation = credential::children_of(context.connection(), &generation)?;
        found.extend(generation.iter().copied());
    }
    Ok(found)
}

/// Returns the chain of a credential's parents, itself first.
fn ancestors(context: &mut OperationContext<'_>, id: CredentialId) -> Result<Vec<CredentialId>, VaultError> {
    let mut line = vec![id];
    while let Some(last) = line.last() {
        let row = credential::by_id(context.connection(), *last)?.ok_or(VaultError::NotFound(Noun::Credential))?;
        match row.parent_id {
            None => return Ok(line),
            Some(_) if line.len() >= MAX_GENERATIONS => return Err(StoreError::Query("a loop of parents").into()),
            Some(parent) => line.push(parent),
        }
    }
    Ok(line)
}

/// The parents of several credentials, loaded generation by generation.
pub(in crate::vault) struct Lineage(HashMap<CredentialId, CredentialRow>);

impl Lineage {
    /// Loads the parents of credentials. The number of queries depends on the number of generations alone.
    pub(in crate::vault) fn load(
        context: &mut OperationContext<'_>,
        parents: impl Iterator<Item = CredentialId>,
    ) -> Result<Self, VaultError> {
        let mut known = HashMap::new();
        let mut wanted: HashSet<CredentialId> = parents.collect();
        while !wanted.is_empty() {
            let generation: Vec<CredentialId> = wanted.drain().collect();
            let found = inventory::by_ids(context.connection(), &generation)?;
            known.extend(found.iter().map(|row| (row.id, row.clone())));
            wanted.extend(found.iter().filter_map(|row| row.parent_id).filter(|id| !known.contains_key(id)));
        }
        Ok(Self(known))
    }

    /// Returns the parents of one of the credentials from its parent on, nearest first.
    ///
    /// # Errors
    /// [`StoreError::Query`] for a loop or a missing row, which only a change outside the vault causes.
    pub(in crate::vault) fn parents(&self, parent: Option<CredentialId>) -> Result<Vec<&CredentialRow>, VaultError> {
        let mut parents = Vec::new();
        let mut next = parent;
        while let Some(id) = next {
            let known = self.0.get(&id).filter(|_| parents.len() < MAX_GENERATIONS);
            let parent = known.ok_or(StoreError::Query("a loop of parents, or a missing one"))?;
            next = parent.parent_id;
            parents.push(parent);
        }
        Ok(parents)
    }
}

/// Returns the credentials that share a password whose custody is exclusive, because that of one of them is. The number of queries
/// depends on the number of generations alone.
pub(in crate::vault) fn sharing_exclusive_passwords(
    context: &mut OperationContext<'_>,
) -> Result<HashSet<CredentialId>, VaultError> {
    let exclusive = context.settings().custody.exclusive;
    let exclusive = item::shared_exclusive(context.connection(), exclusive)?;
    let lineage = Lineage::load(context, exclusive.iter().copied())?;
    let mut owners = HashSet::new();
    for id in exclusive {
        owners.extend(lineage.parents(Some(id))?.last().map(|oldest| oldest.id));
    }
    let mut sharing = owners.clone();
    sharing.extend(descendants(context, owners.into_iter().collect())?);
    Ok(sharing)
}

/// Counts the generations of a credential's children, up to [`MAX_GENERATIONS`].
fn generations_below(context: &mut OperationContext<'_>, id: CredentialId) -> Result<usize, VaultError> {
    let mut generation = vec![id];
    for count in 0..MAX_GENERATIONS {
        generation = credential::children_of(context.connection(), &generation)?;
        if generation.is_empty() {
            return Ok(count);
        }
    }
    Ok(MAX_GENERATIONS)
}

/// Returns the change of a credential's parent: `None` leaves it, `Some(None)` removes it.
///
/// `sent` is the change in the request itself; `named` is the parent that its settings reference.
///
/// # Errors
/// [`VaultError::NotFound`]; [`VaultError::NoAccess`] for an invisible parent, since the child reveals its password;
/// [`VaultError::Invalid`] for a loop, a chain that is too long, and two different parents.
pub(super) fn decide(
    context: &mut OperationContext<'_>,
    target: Option<&CredentialRow>,
    sent: Option<ParentChange>,
    named: Option<CredentialId>,
) -> Result<Option<Option<CredentialId>>, VaultError> {
    let parent = match (sent, named) {
        (None, None) => return Ok(None),
        (Some(ParentChange::Remove), None) => return Ok(Some(None)),
        (Some(sent), Some(named)) if sent != ParentChange::Set(named) => {
            return Err(VaultError::invalid(Field::Parent, "names another parent than execution_settings"));
        }
        (Some(ParentChange::Set(id)), _) | (_, Some(id)) => id,
    };
    // One change of parents at a time: two concurrent changes could close a loop that neither detects.
    lock_name(context.connection(), "credential-parents")?;
    // The lock keeps the parent from being moved or hidden before this transaction ends.
    let row = credential::locked(context.connection(), parent)?.ok_or(VaultError::NotFound(Noun::Credential))?;
    resolve::require_visible(context, row)?;
    let line = ancestors(context, parent)?;
    let below = match target {
        Some(target) => generations_below(context, target.id)?,
        None => 0,
    };
    if target.is_some_and(|target| line.contains(&target.id)) || line.len() + below >= MAX_GENERATIONS {
        return Err(VaultError::invalid(
            Field::Parent,
            "must not lead back to the credential itself, nor be more than 16 generations",
        ));
    }
    Ok(Some(Some(parent)))
}

/// Stores a password sent for a credential that now has `parent`, and had `before`.
pub(in crate::vault) fn store_password(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    before: Option<CredentialId>,
    parent: Option<CredentialId>,
    content: Option<&SecretText>,
) -> Result<(), VaultError> {
    match (parent, content) {
        (Some(parent), Some(content)) => {
            let owner = oldest_ancestor(context, parent)?;
            if secrets::is_current(context, SecretOwner::Password(owner), content)? {
                return Ok(());
            }
            let expected = "this credential shares the password of its parent; change it there";
            Err(VaultError::invalid(Field::Content, expected))
        }
        (None, Some(content)) => secrets::store(context, SecretOwner::Password(id), content),
        (None, None) => match before {
            Some(before) => keep_shared_password(context, id, before),
            None => Ok(()),
        },
        (Some(_), None) => Ok(()),
    }
}

/// Copies the shared password to a child that leaves its parent.
fn keep_shared_password(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    before: CredentialId,
) -> Result<(), VaultError> {
    let owner = oldest_ancestor(context, before)?;
    let Some(shared) = secrets::current(context, SecretOwner::Password(owner))? else { return Ok(()) };
    let shared = shared.open_within(context)?;
    secrets::store(context, SecretOwner::Password(id), &shared)
}
