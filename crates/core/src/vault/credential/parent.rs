//! Parents: a child shares the password of its parent, now and after each change (contract, section 5.2). While a change has
//! reached the target of the parent and not that of the child, the child's own version is the value in force
//! (docs/rotation.md).
//!
//! A password sent for a child is refused unless it equals the parent's: the client would otherwise believe its password
//! stored, and later read the parent's.

use std::collections::{HashMap, HashSet};

use super::{ParentChange, resolve};
use crate::crypto::SecretText;
use crate::store::credential::{self, CredentialRow, SharingRow};
use crate::store::id::CredentialId;
use crate::store::inventory;
use crate::store::item;
use crate::store::lock::lock_name;
use crate::store::{AnyConnection, Cause, StoreError, rotation_record};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Field, Noun, VaultError, rotation};

/// Maximum length of a chain of parents. Also bounds the traversal if the table contains a loop.
pub(in crate::vault) const MAX_GENERATIONS: usize = 16;

/// Returns the password of a credential: its own, or that of the parent that it shares.
pub(super) fn shared_password(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<Option<Sealed>, VaultError> {
    let mut owner = password_owner(context, row)?;
    for _ in 0..=MAX_GENERATIONS {
        let password = secrets::current(context, owner)?;
        if row.parent_id.is_none() || context.connection().has_one_writer() {
            return Ok(password);
        }
        // The value of the parent may have changed since the owner was found, and has not reached the target of the child then.
        let again = password_owner(context, row)?;
        if again == owner {
            return Ok(password);
        }
        owner = again;
    }
    Err(StoreError::Contended(Cause::default()).into())
}

/// Returns the owner of the password of a credential, as [`owner_of`].
pub(in crate::vault) fn password_owner(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<SecretOwner, VaultError> {
    Ok(SecretOwner::Password(owner_of(context.connection(), row)?))
}

/// Returns the credential whose own versions are the password of this one: its oldest ancestor, or the nearest one, itself
/// included, whose target does not have the new value of its parent yet.
pub(in crate::vault) fn owner_of(
    connection: &mut AnyConnection,
    row: &CredentialRow,
) -> Result<CredentialId, VaultError> {
    let (mut id, mut parent) = (row.id, row.parent_id);
    for _ in 0..=MAX_GENERATIONS {
        let Some(next) = parent else { return Ok(id) };
        if rotation_record::is_behind(connection, id)? {
            return Ok(id);
        }
        let row = credential::by_id(connection, next)?.ok_or(VaultError::NotFound(Noun::Credential))?;
        (id, parent) = (row.id, row.parent_id);
    }
    Err(StoreError::Query("a loop of parents").into())
}

/// As [`owner_of`], by the id of the credential.
fn owner_of_id(context: &mut OperationContext<'_>, id: CredentialId) -> Result<SecretOwner, VaultError> {
    let row = credential::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
    password_owner(context, &row)
}

/// Returns the oldest ancestor of a credential, or itself.
pub(in crate::vault) fn oldest_ancestor(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<CredentialId, VaultError> {
    Ok(ancestors(context, row.id)?.last().copied().unwrap_or(row.id))
}

/// The credentials that share a password.
pub(in crate::vault) struct Sharing {
    /// The one whose password it is: the oldest ancestor of all others.
    pub(in crate::vault) owner: CredentialId,
    /// All of them, the owner first.
    pub(in crate::vault) members: Vec<SharingRow>,
}

/// Returns the credentials that share the password of a credential, itself among them.
pub(in crate::vault) fn sharing(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<Sharing, VaultError> {
    let own = SharingRow { id: row.id, exclusive_custody: row.exclusive_custody };
    let owner = match row.parent_id {
        None => own,
        Some(_) => {
            let id = oldest_ancestor(context, row)?;
            let oldest = credential::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
            SharingRow { id, exclusive_custody: oldest.exclusive_custody }
        }
    };
    let mut members = vec![owner];
    members.extend(descendants(context, vec![owner.id])?);
    Ok(Sharing { owner: owner.id, members })
}

/// Returns the children of credentials, their children, and so on.
fn descendants(
    context: &mut OperationContext<'_>,
    mut generation: Vec<CredentialId>,
) -> Result<Vec<SharingRow>, VaultError> {
    let mut found = Vec::new();
    for _ in 0..MAX_GENERATIONS {
        if generation.is_empty() {
            break;
        }
        let children = credential::children_of(context.connection(), &generation)?;
        generation = children.iter().map(|child| child.id).collect();
        found.extend(children);
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
pub(in crate::vault) struct Lineage {
    parents: HashMap<CredentialId, CredentialRow>,
    /// The credentials whose targets do not have the value of their parents yet.
    behind: HashSet<CredentialId>,
}

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
        let behind = rotation_record::all_behind(context.connection())?.into_iter().collect();
        Ok(Self { parents: known, behind })
    }

    /// Returns the parents of one of the credentials from its parent on, nearest first.
    ///
    /// # Errors
    /// [`StoreError::Query`] for a loop or a missing row, which only a change outside the vault causes.
    pub(in crate::vault) fn parents(&self, parent: Option<CredentialId>) -> Result<Vec<&CredentialRow>, VaultError> {
        let mut parents = Vec::new();
        let mut next = parent;
        while let Some(id) = next {
            let known = self.parents.get(&id).filter(|_| parents.len() < MAX_GENERATIONS);
            let parent = known.ok_or(StoreError::Query("a loop of parents, or a missing one"))?;
            next = parent.parent_id;
            parents.push(parent);
        }
        Ok(parents)
    }

    /// Returns the owner of the password of a credential with these parents, nearest first, as [`owner_of`].
    pub(in crate::vault) fn password_owner(&self, id: CredentialId, parents: &[&CredentialRow]) -> SecretOwner {
        let mut line = std::iter::once(id).chain(parents.iter().map(|parent| parent.id));
        let oldest = parents.last().map_or(id, |oldest| oldest.id);
        SecretOwner::Password(line.find(|id| self.behind.contains(id)).unwrap_or(oldest))
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
    sharing.extend(descendants(context, owners.into_iter().collect())?.into_iter().map(|member| member.id));
    Ok(sharing)
}

/// Counts the generations of a credential's children, up to [`MAX_GENERATIONS`].
fn generations_below(context: &mut OperationContext<'_>, id: CredentialId) -> Result<usize, VaultError> {
    let mut generation = vec![id];
    for count in 0..MAX_GENERATIONS {
        let children = credential::children_of(context.connection(), &generation)?;
        generation = children.iter().map(|child| child.id).collect();
        if generation.is_empty() {
            return Ok(count);
        }
    }
    Ok(MAX_GENERATIONS)
}

/// Lets one transaction at a time change parents, until its end.
pub(in crate::vault) fn lock_parents(connection: &mut AnyConnection) -> Result<(), StoreError> {
    lock_name(connection, "credential-parents")
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
    // Two concurrent changes could close a loop that neither detects.
    lock_parents(context.connection())?;
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
        (Some(parent), Some(content)) => require_shared(context, id, parent, content)?,
        (None, Some(content)) => {
            secrets::store(context, SecretOwner::Password(id), content)?;
            rotation::parent_saved(context, id, content)?;
        }
        (None, None) => {
            if let Some(before) = before {
                keep_shared_password(context, id, before)?;
            }
        }
        (Some(_), None) => {}
    }
    if before.is_some() && before != parent { rotation::parent_left(context, id) } else { Ok(()) }
}

/// Requires that a password sent for a child is that of its parent, or the one that its target still has.
fn require_shared(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    parent: CredentialId,
    content: &SecretText,
) -> Result<(), VaultError> {
    let (shared, own) = (owner_of_id(context, parent)?, owner_of_id(context, id)?);
    if secrets::is_current(context, shared, content)? {
        return rotation::parents_value_saved(context, id);
    }
    if secrets::is_current(context, own, content)? {
        return Ok(());
    }
    let expected = "this credential shares the password of its parent; change it there";
    Err(VaultError::invalid(Field::Content, expected))
}

/// Copies the shared password to a child that leaves its parent. A child whose target does not have it yet keeps its own.
fn keep_shared_password(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    before: CredentialId,
) -> Result<(), VaultError> {
    if rotation_record::is_behind(context.connection(), id)? {
        return Ok(());
    }
    let owner = owner_of_id(context, before)?;
    let Some(shared) = secrets::current(context, owner)? else { return Ok(()) };
    let shared = shared.open_within(context)?;
    secrets::store(context, SecretOwner::Password(id), &shared)
}
