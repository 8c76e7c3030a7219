//! The root key in shares: a split leaves a record in the database, by which a start without root key knows that it has to wait
//! for them (`seal`).

use crate::crypto::{RootKey, RootKeyShare, SealError, ShareScheme, SplitRecord};
use crate::store::{AnyConnection, StoreError, meta};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Vault, VaultError};

impl Vault {
    /// Splits the root key into new shares. Their record replaces that of an earlier split, whose shares no longer unseal a
    /// server. They still give this root key: only another one ends that.
    ///
    /// # Errors
    /// [`VaultError::Seal`] when this node has another root key than the database; those of the database.
    pub async fn split_root_key(&self, permit: Permit, scheme: ShareScheme) -> Result<Vec<RootKeyShare>, VaultError> {
        let (shares, _) = self.execute(permit, move |context| split(context, scheme)).await?;
        Ok(shares)
    }

    /// Records that the root key was combined from its shares.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record_combined_root_key(&self, permit: Permit) -> Result<(), VaultError> {
        let ((), _) = self.execute(permit, |_| Ok(Done::new(Subject::Collection, ()))).await?;
        Ok(())
    }
}

fn split(context: &mut OperationContext<'_>, scheme: ShareScheme) -> Result<Done<Vec<RootKeyShare>>, VaultError> {
    let check = meta::root_key_check(context.connection())?.ok_or(SealError)?;
    let root_key = context.vault.data_keys.root_key_of(&check).ok_or(SealError)?;
    let shares = root_key.split(scheme);
    if !each_gives(&shares, scheme, |combined| combined.matches(&check)) {
        return Err(SealError.into());
    }
    let record = SplitRecord::new(&shares).ok_or(SealError)?;
    meta::set_root_key_split(context.connection(), &record.to_bytes())?;
    let objects = format!("shares:{} threshold:{}", scheme.shares(), scheme.threshold());
    Ok(Done::several(objects, shares))
}

/// Whether every share gives the root key, each with its neighbours.
fn each_gives(shares: &[RootKeyShare], scheme: ShareScheme, is_right: impl Fn(&RootKey) -> bool) -> bool {
    let threshold = usize::from(scheme.threshold());
    let neighbours = |from: usize| shares.iter().cycle().skip(from).take(threshold).cloned().collect::<Vec<_>>();
    let gives = |from| RootKey::combine(&neighbours(from)).is_ok_and(|combined| is_right(&combined));
    (0..shares.len()).all(gives)
}

/// Reads the record of the split.
pub(super) fn record(connection: &mut AnyConnection) -> Result<Option<SplitRecord>, StoreError> {
    let Some(stored) = meta::root_key_split(connection)? else { return Ok(None) };
    let unreadable = StoreError::Query("the record of the split root key cannot be read");
    SplitRecord::from_bytes(&stored).map(Some).ok_or(unreadable)
}
