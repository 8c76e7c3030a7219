//! The key of the vault that clients encrypt for what they write. Generated when it is first asked for, stored sealed, and shared
//! by all nodes.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::operation::{Done, Permit, Subject};
use super::secrets::{SecretOwner, Versions};
use super::{Inner, Vault, VaultError};
use crate::clock::to_micros;
use crate::crypto::{SealError, SecretBytes, TransitCiphertext, TransitPrivateKey};
use crate::store::lock::lock_name;
use crate::store::secret::SecretState;
use crate::store::{AnyConnection, StoreError, transit_key};

/// The key of this vault once it was needed. It never changes, so that one copy lasts as long as the process.
pub(super) type TransitKeyCell = OnceCell<Arc<TransitPrivateKey>>;

impl Vault {
    /// Returns the public key that clients encrypt for: a `SubjectPublicKeyInfo` in DER. The first call takes seconds.
    ///
    /// # Errors
    /// [`VaultError::Store`], [`VaultError::Seal`].
    pub async fn transit_public_key(&self, permit: Permit) -> Result<Vec<u8>, VaultError> {
        self.query(permit, |_| Ok(Done::new(Subject::Collection, ()))).await?;
        Ok(self.transit_key().await?.public_der().to_vec())
    }

    /// Decrypts what a client has encrypted for the vault; `None` for anything else, without a reason.
    ///
    /// # Errors
    /// [`VaultError::Store`], [`VaultError::Seal`] when there is no key.
    pub async fn decrypt_transit(&self, sent: TransitCiphertext) -> Result<Option<SecretBytes>, VaultError> {
        Ok(self.transit_key().await?.decrypt(sent).ok())
    }

    async fn transit_key(&self) -> Result<Arc<TransitPrivateKey>, VaultError> {
        self.0.transit_key.get_or_try_init(|| self.load_or_generate()).await.map(Arc::clone)
    }

    async fn load_or_generate(&self) -> Result<Arc<TransitPrivateKey>, VaultError> {
        let inner = Arc::clone(&self.0);
        let stored =
            self.0.store.control(move |connection| store_result(inner.stored_transit_key(connection))).await??;
        let der = match stored {
            Some(der) => der,
            None => self.generate().await?,
        };
        Ok(Arc::new(TransitPrivateKey::from_der(&der)?))
    }

    /// Generates the key on a thread of its own, and returns the stored one, which is that of another node if it was faster.
    async fn generate(&self) -> Result<SecretBytes, VaultError> {
        let generated = tokio::task::spawn_blocking(TransitPrivateKey::generate).await.map_err(|_| SealError)??;
        let inner = Arc::clone(&self.0);
        let job = move |transaction: &mut crate::store::Transaction<'_>| {
            store_result(inner.store_transit_key(transaction.connection()?, &generated))
        };
        self.write_in_background(job).await?
    }
}

impl Inner {
    /// Returns the stored key, in DER.
    fn stored_transit_key(&self, connection: &mut AnyConnection) -> Result<Option<SecretBytes>, VaultError> {
        let Some(id) = transit_key::find(connection)? else { return Ok(None) };
        let owner = SecretOwner::TransitKey(id);
        let mut versions = Versions { connection, heads: &self.secret_heads, owner };
        let current = versions.current::<VaultError>()?.ok_or(SealError)?.row;
        let keyring = self.data_keys.keyring_for(connection, [current.sealed.as_slice()])?;
        Ok(Some(keyring.open(owner.binding(current.version), &current.sealed)?))
    }

    /// Stores a generated key, unless there is one, and returns the stored key.
    fn store_transit_key(
        &self,
        connection: &mut AnyConnection,
        generated: &SecretBytes,
    ) -> Result<SecretBytes, VaultError> {
        lock_name(connection, "transit-key")?;
        if let Some(stored) = self.stored_transit_key(connection)? {
            return Ok(stored);
        }
        let now = to_micros(self.clock.now());
        let owner = SecretOwner::TransitKey(transit_key::insert(connection, now)?);
        let keyring = self.data_keys.keyring();
        let mut versions = Versions { connection, heads: &self.secret_heads, owner };
        let seal = |binding| keyring.seal(binding, generated.expose());
        versions.add::<VaultError>(SecretState::Current, seal, now)?;
        Ok(SecretBytes::new(generated.expose().to_vec()))
    }
}

/// Lets the store see its own errors, so that it can retry.
fn store_result<T>(result: Result<T, VaultError>) -> Result<Result<T, VaultError>, StoreError> {
    match result {
        Err(VaultError::Store(error)) => Err(error),
        result => Ok(result),
    }
}
