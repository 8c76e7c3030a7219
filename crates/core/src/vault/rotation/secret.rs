//! What a rotation changes: a password, or an SSH key with its public key and its passphrase. All that differs between both.

use chaveiro_rotation::{LoginSecret, Shape};
use chaveiro_targets::{Plugin, generate_ssh_key};

use super::effect::generate;
use super::setup::Setup;
use super::shared;
use super::state::ReplacedVersions;
use crate::crypto::{SecretText, ssh_key_facts};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::secret::SecretState;
use crate::store::{AnyConnection, StoreError, ssh_key};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{
    RotatedVersions, Sealed, SecretOwner, add_candidate, advance_candidate, rotated_versions, rotation_ended,
};
use crate::vault::ssh_key::promote_public_key;
use crate::vault::{Field, Inner, Noun, VaultError};

/// What a rotation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RotatedSecret {
    /// The password of a credential.
    Password(CredentialId),
    /// An SSH key. Its private key and its passphrase are versions of two secrets, of which a candidate has one each: they become
    /// current together, whatever was saved meanwhile.
    SshKey(CredentialId),
}

/// The values of a secret that a rotation knows, opened for its target.
#[derive(Debug)]
pub(super) struct OpenedVersions {
    pub(super) current: Option<LoginSecret>,
    pub(super) candidate: Option<LoginSecret>,
    pub(super) former: Option<LoginSecret>,
    /// The versions of the current value.
    pub(super) current_versions: ReplacedVersions,
}

/// The values of a secret that a rotation knows, sealed: each with its passphrase, if it can have one.
pub(super) struct SealedVersions {
    pub(super) values: RotatedVersions,
    pub(super) passphrases: RotatedVersions,
}

/// A private key that is generated before the transaction that stores it: deriving a key of its passphrase takes long.
#[derive(Clone, Debug)]
pub(super) struct NewSshKey {
    private: SecretText,
    passphrase: SecretText,
}

impl RotatedSecret {
    pub(super) fn new(row: &CredentialRow) -> Self {
        match row.kind() {
            CredentialKind::Password => Self::Password(row.id),
            CredentialKind::SshKey => Self::SshKey(row.id),
        }
    }

    /// Requires a plugin that changes such secrets.
    ///
    /// # Errors
    /// [`VaultError::Invalid`].
    pub(super) fn require(self, plugin: &Plugin) -> Result<(), VaultError> {
        let expected = match (self, plugin.changes_ssh_keys()) {
            (Self::Password(_), false) | (Self::SshKey(_), true) => return Ok(()),
            (Self::Password(_), true) => "this plugin changes SSH keys, not passwords",
            (Self::SshKey(_), false) => "SSH keys are changed by the plugin ssh-key alone",
        };
        Err(VaultError::invalid(Field::ChangePlugin, expected))
    }

    /// Requires a key that the target can present. The library of its client knows no RSA.
    ///
    /// # Errors
    /// [`VaultError::Invalid`].
    pub(super) fn require_presentable(self, connection: &mut AnyConnection) -> Result<(), VaultError> {
        let Self::SshKey(id) = self else { return Ok(()) };
        let public_key = ssh_key::find(connection, id)?.ok_or(StoreError::NotFound)?.public_key;
        let is_rsa = ssh_key_facts(&public_key).is_some_and(|facts| facts.algorithm == "ssh-rsa");
        let expected = "RSA keys cannot log in for their change; save an Ed25519 or ECDSA key";
        if is_rsa { Err(VaultError::invalid(Field::PrivateKey, expected)) } else { Ok(()) }
    }

    /// The secret that has the value.
    fn owner(self) -> SecretOwner {
        match self {
            Self::Password(id) => SecretOwner::Password(id),
            Self::SshKey(id) => SecretOwner::SshPrivateKey(id),
        }
    }

    /// The secrets that change together.
    fn owners(self) -> impl Iterator<Item = SecretOwner> {
        let passphrase = match self {
            Self::Password(_) => None,
            Self::SshKey(id) => Some(SecretOwner::SshPassphrase(id)),
        };
        [Some(self.owner()), passphrase].into_iter().flatten()
    }

    /// Returns the values, sealed. `replaced`: what the last change replaces.
    pub(super) fn versions(
        self,
        connection: &mut AnyConnection,
        vault: &Inner,
        replaced: ReplacedVersions,
    ) -> Result<SealedVersions, VaultError> {
        let values = rotated_versions(connection, vault, self.owner(), replaced.value)?;
        let passphrases = match self {
            Self::Password(_) => RotatedVersions::default(),
            Self::SshKey(id) => {
                rotated_versions(connection, vault, SecretOwner::SshPassphrase(id), replaced.passphrase)?
            }
        };
        Ok(SealedVersions { values, passphrases })
    }

    /// Returns the values, opened for a call of the target. `replaced`: what the last change replaces.
    pub(super) fn open(
        self,
        connection: &mut AnyConnection,
        vault: &Inner,
        replaced: ReplacedVersions,
    ) -> Result<OpenedVersions, VaultError> {
        let SealedVersions { values, passphrases } = self.versions(connection, vault, replaced)?;
        let version = |current: &Option<Sealed>| current.as_ref().map(|current| current.binding().version);
        let current_versions =
            ReplacedVersions { value: version(&values.current), passphrase: version(&passphrases.current) };
        let mut open = |value: Option<Sealed>, passphrase: Option<Sealed>| -> Result<Option<LoginSecret>, VaultError> {
            let mut text = |sealed: Sealed| sealed.open_for_target(connection, vault);
            let (value, passphrase) = (value.map(&mut text).transpose()?, passphrase.map(&mut text).transpose()?);
            Ok(value.map(|value| self.login(value, passphrase)))
        };
        Ok(OpenedVersions {
            current: open(values.current, passphrases.current)?,
            candidate: open(values.candidate, passphrases.candidate)?,
            former: open(values.former, passphrases.former)?,
            current_versions,
        })
    }

    /// Returns a value as what logs in. An empty passphrase was removed.
    fn login(self, value: SecretText, passphrase: Option<SecretText>) -> LoginSecret {
        match self {
            Self::Password(_) => LoginSecret::Password(value),
            Self::SshKey(_) => {
                let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty());
                LoginSecret::PrivateKey { key: value, passphrase }
            }
        }
    }

    /// Stores a new value as the candidate: a password of a shape, or a key that was generated before.
    pub(super) fn store_candidate(
        self,
        context: &mut OperationContext<'_>,
        setup: &Setup,
        shape: Shape,
        new: Option<&NewSshKey>,
    ) -> Result<(), VaultError> {
        match self {
            Self::Password(_) => {
                let candidate = match setup.credential.parent_id {
                    Some(parent) => shared::value_of_parent(context, parent)?,
                    None => generate(setup.rules(&context.settings().rotation), shape)?,
                };
                add_candidate(context, self.owner(), &candidate)
            }
            Self::SshKey(id) => {
                let NewSshKey { private, passphrase } = new.ok_or(StoreError::Query("no SSH key was generated"))?;
                add_candidate(context, self.owner(), private)?;
                add_candidate(context, SecretOwner::SshPassphrase(id), passphrase)
            }
        }
    }

    /// Changes the state of the candidate.
    pub(super) fn advance(self, context: &mut OperationContext<'_>, to: SecretState) -> Result<(), VaultError> {
        if to == SecretState::Current {
            match self {
                Self::Password(id) => shared::hand_down(context, id)?,
                Self::SshKey(id) => {
                    let vault = context.vault;
                    let candidate = rotated_versions(context.connection(), vault, self.owner(), None)?.candidate;
                    let private = candidate.ok_or(StoreError::NotFound)?.open_within(context)?;
                    promote_public_key(context, id, &private)?;
                }
            }
        }
        self.owners().try_for_each(|owner| advance_candidate(context, owner, to))
    }

    /// Ends a change that has made its candidate current.
    pub(super) fn end_change(self, context: &mut OperationContext<'_>) -> Result<(), VaultError> {
        self.owners().try_for_each(|owner| rotation_ended(context, owner))
    }
}

/// The key that a new one replaces.
pub(super) struct ReplacedSshKey {
    key: Option<LoginSecret>,
    passphrase: SecretText,
    comment: String,
}

impl ReplacedSshKey {
    /// Loads the current key of a credential; `None` for a password.
    pub(super) fn load(
        connection: &mut AnyConnection,
        vault: &Inner,
        id: CredentialId,
    ) -> Result<Option<Self>, VaultError> {
        let row = credential::by_id(connection, id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
        let secret = RotatedSecret::new(&row);
        if secret == RotatedSecret::Password(id) {
            return Ok(None);
        }
        let public_key = ssh_key::find(connection, id)?.ok_or(StoreError::NotFound)?.public_key;
        let key = secret.open(connection, vault, ReplacedVersions::default())?.current;
        let passphrase = match &key {
            Some(LoginSecret::PrivateKey { passphrase: Some(passphrase), .. }) => passphrase.clone(),
            _ => SecretText::new(String::new()),
        };
        Ok(Some(Self {
            key,
            passphrase,
            comment: ssh_key_facts(&public_key).map_or_else(String::new, |facts| facts.comment),
        }))
    }

    /// Generates the key that replaces it, with its passphrase. Takes long.
    ///
    /// # Errors
    /// [`StoreError::Query`] if the key cannot be written.
    pub(super) fn successor(&self) -> Result<NewSshKey, StoreError> {
        let private =
            generate_ssh_key(self.key.as_ref(), &self.comment).map_err(|error| StoreError::Query(error.cause))?;
        Ok(NewSshKey { private, passphrase: self.passphrase.clone() })
    }
}

/// Returns the login of a credential or an SSH key, by its current value, which is the one of `owner`.
pub(super) fn current_login(
    connection: &mut AnyConnection,
    vault: &Inner,
    row: &CredentialRow,
    owner: CredentialId,
) -> Result<Option<LoginSecret>, VaultError> {
    let secret = match RotatedSecret::new(row) {
        RotatedSecret::Password(_) => RotatedSecret::Password(owner),
        key @ RotatedSecret::SshKey(_) => key,
    };
    Ok(secret.open(connection, vault, ReplacedVersions::default())?.current)
}
