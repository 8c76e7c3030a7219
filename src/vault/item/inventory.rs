//! Every credential of a client at once, for protocols that read everything in one call. The number of queries does not depend
//! on the number of credentials.

use std::collections::{HashMap, HashSet};

use super::resolve::{CredentialSecrets, Sealable, credential_fields};
use super::search::item_name;
use crate::store::credential::{CredentialKind, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::inventory::{self, ListedCredential};
use crate::vault::credential::parent::Lineage;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Noun, VaultError, custody};

/// The most credentials of one response.
const MAX_CREDENTIALS: i64 = 20_000;

/// A credential under its name as an item, with its secrets still sealed.
pub(in crate::vault) struct NamedItem {
    pub(in crate::vault) id: CredentialId,
    /// No other item of the inventory has it.
    pub(in crate::vault) name: String,
    /// The number of the version of its main secret; 0 without a secret.
    pub(in crate::vault) version: i32,
    pub(in crate::vault) fields: Vec<(&'static str, Sealable)>,
}

/// Returns every active credential that the client sees, oldest first. Leaves out passwords whose custody is exclusive, SSH keys
/// without an identifier, and names that several credentials have: a client would take the first one.
///
/// # Errors
/// [`VaultError::TooMany`].
pub(in crate::vault) fn inventory(context: &mut OperationContext<'_>) -> Result<Vec<NamedItem>, VaultError> {
    let authorization = context.authorization()?;
    let listed = inventory::credentials(context.connection(), authorization, MAX_CREDENTIALS + 1)?;
    if i64::try_from(listed.len()).unwrap_or(i64::MAX) > MAX_CREDENTIALS {
        return Err(VaultError::TooMany(Noun::Item));
    }
    let lineage = Lineage::load(context, listed.iter().map(|(row, ..)| row))?;
    let mut named = Vec::with_capacity(listed.len());
    for listed in unambiguous(listed) {
        let owner = secret_owner(&listed.1.0, &lineage)?;
        if !is_exclusive(context, &listed.1.0, &lineage)? {
            named.push((listed, owner));
        }
    }
    let passphrase = |(listed, owner): &((String, ListedCredential), SecretOwner)| {
        let is_key = matches!(owner, SecretOwner::SshPrivateKey(_));
        is_key.then_some(SecretOwner::SshPassphrase(listed.1.0.id))
    };
    let owners: HashSet<SecretOwner> =
        named.iter().flat_map(|named| [Some(named.1), passphrase(named)]).flatten().collect();
    let secrets = secrets::current_of_all(context, &owners.into_iter().collect::<Vec<_>>())?;
    let item = |((name, (row, device, public_key)), owner): ((String, ListedCredential), SecretOwner)| {
        let secret = secrets.get(&owner).cloned();
        let version = secret.as_ref().map_or(0, |secret| secret.binding().version);
        let passphrase = secrets.get(&SecretOwner::SshPassphrase(row.id)).cloned();
        let fields = credential_fields(&row, device, CredentialSecrets { secret, public_key, passphrase });
        NamedItem { id: row.id, name, version, fields }
    };
    Ok(named.into_iter().map(item).collect())
}

fn secret_owner(row: &CredentialRow, lineage: &Lineage) -> Result<SecretOwner, VaultError> {
    Ok(match row.kind() {
        CredentialKind::SshKey => SecretOwner::SshPrivateKey(row.id),
        CredentialKind::Password => {
            SecretOwner::Password(lineage.parents(row)?.last().map_or(row.id, |oldest| oldest.id))
        }
    })
}

/// Whether the custody of the password of a credential is exclusive: its own, or that of a parent, whose password it shares.
fn is_exclusive(context: &OperationContext<'_>, row: &CredentialRow, lineage: &Lineage) -> Result<bool, VaultError> {
    if row.kind() != CredentialKind::Password {
        return Ok(false);
    }
    let parents = lineage.parents(row)?;
    Ok(custody::is_exclusive(context, row) || parents.iter().any(|parent| custody::is_exclusive(context, parent)))
}

/// Names the credentials, and removes those whose name is not theirs alone.
fn unambiguous(listed: Vec<ListedCredential>) -> Vec<(String, ListedCredential)> {
    let name = |listed: ListedCredential| item_name(&listed.0, &listed.1).map(|name| (name, listed));
    let mut named: Vec<_> = listed.into_iter().filter_map(name).collect();
    let mut times: HashMap<String, usize> = HashMap::with_capacity(named.len());
    for (name, _) in &named {
        *times.entry(name.clone()).or_default() += 1;
    }
    named.retain(|(name, _)| times.get(name) == Some(&1));
    named
}
