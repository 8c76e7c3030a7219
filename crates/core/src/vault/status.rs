//! Requests about the service itself, which touch no object.

use super::operation::{Done, Permit, Subject};
use super::{Vault, VaultError};

impl Vault {
    /// Records a permitted request that touches no object.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the record could not be written.
    pub async fn acknowledge(&self, permit: Permit) -> Result<(), VaultError> {
        self.query(permit, |_| Ok(Done::new(Subject::Collection, ()))).await
    }
}
