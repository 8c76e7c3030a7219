//! Lists the names of items, level by level.

use std::collections::BTreeSet;

use crate::store::item::{self, NamedCredential};
use crate::vault::credential::parent;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Noun, Vault, VaultError};

/// The most items of which names are listed.
const MAX_NAMES: i64 = 20_000;

/// A name on one level of the tree of names, split at slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemName {
    /// The last part of a name: an item.
    Item(String),
    /// A part that further parts follow.
    Folder(String),
}

impl Vault {
    /// Lists the names directly below a folder, sorted; the root without one. Lists neither inactive items, nor items whose
    /// custody is exclusive, nor objects whose name is missing or has an empty part.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when nothing is there; [`VaultError::TooMany`].
    pub async fn list_items(&self, permit: Permit, folder: String) -> Result<Vec<ItemName>, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let names = names(context)?;
            let level = level(names.iter().map(String::as_str), folder.trim_matches('/'));
            if level.is_empty() {
                return Err(VaultError::NotFound(Noun::Item));
            }
            Ok(Done::new(Subject::Collection, level))
        };
        self.query(permit, query).await
    }
}

/// Returns the full names of all listed items.
fn names(context: &mut OperationContext<'_>) -> Result<Vec<String>, VaultError> {
    let (authorization, exclusive) = (context.authorization()?, context.settings().custody.exclusive);
    let credentials = item::credential_names(context.connection(), authorization, exclusive, MAX_NAMES + 1)?;
    let information = item::information_names(context.connection(), authorization, MAX_NAMES + 1)?;
    if i64::try_from(credentials.len() + information.len()).unwrap_or(i64::MAX) > MAX_NAMES {
        return Err(VaultError::TooMany(Noun::Item));
    }
    let hidden = parent::sharing_exclusive_passwords(context)?;
    let credentials = credentials.into_iter().filter(|credential| !hidden.contains(&credential.id));
    // An empty part cannot be reached level by level: clients that walk the tree would not end.
    let reachable = |name: &String| name.split('/').all(|part| !part.is_empty());
    Ok(credentials.map(full_name).chain(information).filter(reachable).collect())
}

fn full_name(credential: NamedCredential) -> String {
    credential.identifier.unwrap_or_else(|| format!("{}/{}", credential.hostname, credential.username))
}

/// Returns the names directly below `folder`; the root is empty.
fn level<'a>(names: impl Iterator<Item = &'a str>, folder: &str) -> Vec<ItemName> {
    let below = |name: &'a str| match folder {
        "" => Some(name),
        folder => name.strip_prefix(folder)?.strip_prefix('/'),
    };
    let part = |rest: &str| match rest.split_once('/') {
        Some((folder, _)) => ItemName::Folder(folder.into()),
        None => ItemName::Item(rest.into()),
    };
    names.filter_map(below).map(part).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_the_items_and_folders_directly_below() {
        let names = ["erp", "srv/root", "srv/corp/ana", "srvx/root", "srv"];
        let item = |name: &str| ItemName::Item(name.into());
        let folder = |name: &str| ItemName::Folder(name.into());
        assert_eq!(level(names.into_iter(), ""), [item("erp"), item("srv"), folder("srv"), folder("srvx")]);
        assert_eq!(level(names.into_iter(), "srv"), [item("root"), folder("corp")]);
        assert_eq!(level(names.into_iter(), "srv/corp"), [item("ana")]);
        assert_eq!(level(names.into_iter(), "sr"), []);
    }
}
