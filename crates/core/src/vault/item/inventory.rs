//! Every credential of a client at once, for protocols that read everything in one call. The number of queries does not depend
//! on the number of credentials.

use std::collections::{HashMap, HashSet};

use super::name_of;
use super::resolve::{CredentialSecrets, Sealable, credential_fields};
use crate::store::credential::{CredentialKind, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::inventory::{self, ListedCredential};
use crate::store::secret;
use crate::vault::credential::parent::{self, Lineage};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Noun, VaultError, custody};

/// The most credentials of one response.
const MAX_CREDENTIALS: i64 = 20_000;
/// The most bytes of their secrets, all of which are in memory.
const MAX_BYTES: i64 = 32 << 20;

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
    let lineage = Lineage::load(context, listed.iter().filter_map(|credential| credential.parent_id))?;
    let sharing = parent::sharing_exclusive_passwords(context)?;
    let mut named = Vec::with_capacity(listed.len());
    for (name, credential) in unambiguous(listed) {
        let parents = lineage.parents(credential.parent_id)?;
        if !is_exclusive(context, &credential, &sharing) {
            let owner = secret_owner(&credential, &lineage, &parents);
            named.push((name, credential, owner));
        }
    }
    let passphrase = |(_, credential, owner): &(String, ListedCredential, SecretOwner)| match owner {
        SecretOwner::SshPrivateKey(_) => Some(SecretOwner::SshPassphrase(credential.id)),
        _ => None,
    };
    let owners: HashSet<SecretOwner> =
        named.iter().flat_map(|named| [Some(named.2), passphrase(named)]).flatten().collect();
    let owners: Vec<SecretOwner> = owners.into_iter().collect();
    if secret::current_bytes(context.connection(), &owners)? > MAX_BYTES {
        return Err(VaultError::TooMany(Noun::Item));
    }
    let secrets = secrets::current_of_all(context, &owners)?;
    let item = |(name, credential, owner): (String, ListedCredential, SecretOwner)| {
        let kind = credential.kind();
        let secret = secrets.get(&owner).cloned();
        let version = secret.as_ref().map_or(0, |secret| secret.binding().version);
        let passphrase = secrets.get(&SecretOwner::SshPassphrase(credential.id)).cloned();
        let secrets = CredentialSecrets { secret, public_key: credential.public_key, passphrase };
        let device = (credential.hostname, credential.ip, credential.connectivities.as_str());
        let fields = credential_fields(kind, &credential.username, device, secrets);
        NamedItem { id: credential.id, name, version, fields }
    };
    Ok(named.into_iter().map(item).collect())
}

/// Returns the owner of the main secret of a credential with these parents, nearest first.
fn secret_owner(credential: &ListedCredential, lineage: &Lineage, parents: &[&CredentialRow]) -> SecretOwner {
    match credential.kind() {
        CredentialKind::SshKey => SecretOwner::SshPrivateKey(credential.id),
        CredentialKind::Password => lineage.password_owner(credential.id, parents),
    }
}

/// Whether the custody of the password of a credential is exclusive: its own, or that of one that shares it.
fn is_exclusive(
    context: &OperationContext<'_>,
    credential: &ListedCredential,
    sharing: &HashSet<CredentialId>,
) -> bool {
    let is_exclusive = custody::is_exclusive_by(context, credential.exclusive_custody);
    credential.kind() == CredentialKind::Password && (is_exclusive || sharing.contains(&credential.id))
}

/// Returns the credentials with their names as items, without those whose name is ambiguous.
fn unambiguous(listed: Vec<ListedCredential>) -> Vec<(String, ListedCredential)> {
    let name = |credential: ListedCredential| {
        let identifier = credential.identifier.as_deref();
        let name = name_of(credential.kind(), identifier, &credential.hostname, &credential.username);
        name.map(|name| (name, credential))
    };
    let mut named: Vec<_> = listed.into_iter().filter_map(name).collect();
    let mut times: HashMap<String, usize> = HashMap::with_capacity(named.len());
    for (name, _) in &named {
        *times.entry(name.clone()).or_default() += 1;
    }
    named.retain(|(name, _)| times.get(name) == Some(&1));
    named
}
