//! A new root key: the data keys are wrapped under it, and stay as they are.
//!
//! 1. The next key is written beside the present one (`RootKeyLocation::stage`).
//! 2. One transaction wraps every data key under it and replaces the check value.
//! 3. The file of the next key is moved into place.
//!
//! After a crash before 2 the present key is the right one, after it the next one; a start finds it by the check value.

use super::LOCK;
use crate::crypto::{RootKey, RootKeyError, SealError};
use crate::store::lock::lock_name;
use crate::store::{StoreError, key, meta};
use crate::vault::operation::{Done, OperationContext, Permit};
use crate::vault::{Vault, VaultError};

/// A rotation of the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeyRotation {
    /// The id of the new key.
    pub id: String,
    /// The location of the root key, which has the new key already if it is a file.
    pub location: String,
    /// Whether the operator has to configure the new key.
    pub to_configure: bool,
    /// Whether the former key was split: its shares do not give the new one.
    pub was_split: bool,
}

/// Why the root key could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyRotationError {
    /// The present or the new key cannot be used.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The vault's own errors.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<StoreError> for RootKeyRotationError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl Vault {
    /// Wraps the data keys under another root key: `given`, a new one if the root key is in a file, or the one at the next
    /// location. Running nodes go on with the data keys that they have.
    ///
    /// # Errors
    /// [`RootKeyRotationError`]
    pub async fn rotate_root_key(
        &self,
        permit: Permit,
        given: Option<RootKey>,
    ) -> Result<RootKeyRotation, RootKeyRotationError> {
        let location = self.0.data_keys.location().clone();
        let lock = location.lock().map_err(RootKeyRotationError::from);
        let lock = self.or_refuse(&permit, lock).await?;
        let staged = async {
            // Whatever was staged is not in use then, and may be replaced.
            let check = self.0.store.control(meta::root_key_check).await?.ok_or(VaultError::Seal(SealError))?;
            if !location.load()?.is_some_and(|key| key.matches(&check)) {
                location.load_matching(&check)?;
                location.promote()?;
            }
            let staged = location.stage(given, &lock)?;
            // The variable of the present key may hold a former one, and that of the next key the one in use.
            if staged.key.matches(&check) { Err(RootKeyError::Same(staged.key.id()).into()) } else { Ok(staged) }
        };
        let staged = staged.await;
        let staged = self.or_refuse(&permit, staged).await?;
        let new = staged.key.clone();
        let was_split = self.execute_and_refresh(permit, move |context| rewrap(context, &new)).await?;
        self.0.data_keys.adopt(staged.key.clone());
        if staged.file.is_some()
            && let Err(error) = location.promote()
        {
            log::warn!("{error}; the next start moves the file");
        }
        let to_configure = staged.file.is_none();
        Ok(RootKeyRotation { id: staged.key.id(), location: location.to_string(), to_configure, was_split })
    }

    /// Records a failure before the operation runs.
    async fn or_refuse<T>(
        &self,
        permit: &Permit,
        result: Result<T, RootKeyRotationError>,
    ) -> Result<T, RootKeyRotationError> {
        match result {
            Ok(value) => Ok(value),
            Err(RootKeyRotationError::Vault(error)) => Err(self.refuse(permit, error).await.into()),
            Err(error) => {
                self.record_refusal(permit, "root-key-unusable").await?;
                Err(error)
            }
        }
    }
}

/// Wraps every data key under `new`, and replaces the check value. Returns whether there were shares of the former key, which are
/// void then.
fn rewrap(context: &mut OperationContext<'_>, new: &RootKey) -> Result<Done<bool>, VaultError> {
    lock_name(context.connection(), LOCK)?;
    let check = meta::root_key_check(context.connection())?.ok_or(SealError)?;
    let present = context.vault.data_keys.root_key_of(&check).ok_or(SealError)?;
    let connection = context.connection();
    let mut objects = Vec::new();
    for row in key::data_keys(connection)? {
        let binding = (row.purpose.as_str(), row.id.get());
        let unwrapped = present.unwrap_key(binding, &row.wrapped)?;
        key::rewrap_data_key(connection, row.id, &new.wrap(binding, &unwrapped)?)?;
        objects.push(format!("data-key:{}", row.id));
    }
    meta::update_root_key_check(connection, &new.check_value()?)?;
    let was_split = meta::delete_root_key_split(connection)?;
    meta::increment_change_mark(connection)?;
    Ok(Done::several(objects.join(", "), was_split))
}
