//! Parents: a child shares the password of its parent, now and after each change (contract, section 5.2).
//!
//! So a child's password cannot be set by itself: a client that was told "stored" and then reads the parent's old
//! password would log in with a wrong one. It is refused unless it is the parent's.

use super::resolve;
use crate::crypto::{SecretKind, SecretText};
use crate::store::StoreError;
use crate::store::credential::{self, CredentialRow};
use crate::vault::secrets::{self, Sealed};
use crate::vault::{InvalidInput, VaultError, Work};

/// More generations than anyone has; the end of a walk through a loop that should not exist.
const MOST_GENERATIONS: usize = 16;

/// The password that counts for a credential: its own, or its oldest ancestor's.
pub(super) fn shared_password(work: &mut Work<'_, '_>, row: &CredentialRow) -> Result<Option<Sealed>, VaultError> {
    let owner = match row.parent_id {
        Some(parent) => *ancestors(work, parent)?.last().unwrap_or(&parent),
        None => row.id,
    };
    secrets::current(work, SecretKind::Password, owner)
}

/// The line of a credential's parents, itself first.
fn ancestors(work: &mut Work<'_, '_>, id: i32) -> Result<Vec<i32>, VaultError> {
    let mut line = vec![id];
    while let Some(last) = line.last() {
        let row = credential::by_id(work.connection(), *last)?.ok_or(VaultError::CredentialNotFound)?;
        match row.parent_id {
            None => return Ok(line),
            Some(_) if line.len() >= MOST_GENERATIONS => return Err(StoreError::Query("a loop of parents").into()),
            Some(parent) => line.push(parent),
        }
    }
    Ok(line)
}

/// What is to become of a credential's parent: `None` leaves it, `Some(None)` takes it away.
///
/// `number` is `parent_password`, where 0 takes the parent away; `named` is the credential that the execution
/// settings name.
pub(super) fn decide(
    work: &mut Work<'_, '_>,
    target: Option<&CredentialRow>,
    number: Option<i32>,
    named: Option<i32>,
) -> Result<Option<Option<i32>>, VaultError> {
    let parent = match (number, named) {
        (None, None) => return Ok(None),
        (Some(0), None) => return Ok(Some(None)),
        (Some(number), Some(named)) if number != named => {
            return Err(InvalidInput::parameter("parent_password", "names another parent than execution_settings"));
        }
        (Some(id), _) | (None, Some(id)) => id,
    };
    let row = credential::by_id(work.connection(), parent)?.ok_or(VaultError::CredentialNotFound)?;
    // Whoever may choose a parent reads its password through the child.
    resolve::require_visible(work, &row)?;
    let line = ancestors(work, parent)?;
    if target.is_some_and(|target| line.contains(&target.id)) || line.len() >= MOST_GENERATIONS {
        return Err(InvalidInput::parameter("parent_password", "must not lead back to the credential itself"));
    }
    Ok(Some(Some(parent)))
}

/// Stores a password sent for a credential that now has `parent`, and had `before`.
pub(in crate::vault) fn store_password(
    work: &mut Work<'_, '_>,
    id: i32,
    before: Option<i32>,
    parent: Option<i32>,
    content: Option<&SecretText>,
) -> Result<(), VaultError> {
    match (parent, content) {
        (Some(parent), Some(content)) => {
            let owner = *ancestors(work, parent)?.last().unwrap_or(&parent);
            match secrets::compare_with(work, SecretKind::Password, owner, content)? {
                true => Ok(()),
                false => Err(InvalidInput::parameter(
                    "content",
                    "this credential shares the password of its parent; change it there",
                )),
            }
        }
        (None, Some(content)) => secrets::put(work, SecretKind::Password, id, content),
        // A child that leaves its parent keeps the password that they shared.
        (None, None) if before.is_some() => {
            let owner = ancestors(work, before.unwrap_or_default())?.last().copied().unwrap_or_default();
            match secrets::current(work, SecretKind::Password, owner)? {
                Some(shared) => {
                    let shared = shared.open(work.inner)?;
                    secrets::put(work, SecretKind::Password, id, &shared)
                }
                None => Ok(()),
            }
        }
        (_, None) => Ok(()),
    }
}
