//! The versions of one secret, and the head that says which of them counts.
//!
//! A head bears a MAC. So who can write to the database and has no key cannot delete the newest version, or make
//! another one the current one, without its showing: the value is not revealed then, and never an older one.

use crate::audit::RowMac;
use crate::crypto::{DataKey, SealError, SecretBinding};
use crate::store::secret::{self, SealedRow, SecretHead, SecretOwner, SecretState};
use crate::store::{AnyConnection, StoreError};

/// What the key of the MACs is derived for.
const PURPOSE: &str = "secret head";

/// Makes and checks the MACs of heads.
#[derive(Debug)]
pub(in crate::vault) struct HeadMac(RowMac);

impl HeadMac {
    /// The MACs under a key that is derived from the audit key.
    pub(in crate::vault) fn new(audit_key: &DataKey) -> Self {
        Self(RowMac::new(audit_key, PURPOSE))
    }

    fn with_fields<T>(owner: SecretOwner, head: &SecretHead, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let current = head.current_version.unwrap_or(0);
        then(&[
            owner.kind().as_str().as_bytes(),
            &owner.owner_id().to_be_bytes(),
            &head.highest_version.to_be_bytes(),
            &current.to_be_bytes(),
        ])
    }

    fn is_genuine(&self, owner: SecretOwner, head: &SecretHead) -> bool {
        Self::with_fields(owner, head, |fields| self.0.verify(fields, &head.mac))
    }

    fn head(&self, owner: SecretOwner, highest_version: i32, current_version: Option<i32>) -> SecretHead {
        let head = SecretHead { highest_version, current_version, mac: Vec::new() };
        let mac = Self::with_fields(owner, &head, |fields| self.0.mac(fields));
        SecretHead { mac, ..head }
    }
}

/// The versions of one secret.
pub(in crate::vault) struct Versions<'a> {
    pub(in crate::vault) connection: &'a mut AnyConnection,
    pub(in crate::vault) heads: &'a HeadMac,
    pub(in crate::vault) owner: SecretOwner,
}

impl Versions<'_> {
    /// Returns the current version, if there is one.
    ///
    /// # Errors
    /// [`SealError`] when the head is not the vault's, or a version that it names is not there as it says.
    pub(in crate::vault) fn current<E>(&mut self) -> Result<Option<SealedRow>, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let found = secret::head_with_versions(self.connection, self.owner)?;
        let Some((head, versions)) = found else { return self.without_head() };
        self.check(&head)?;
        if versions.iter().all(|row| row.version != head.highest_version) {
            return Err(self.tampered("its newest version is missing").into());
        }
        let Some(current) = head.current_version else { return Ok(None) };
        match versions.into_iter().find(|row| row.version == current) {
            Some(row) if row.state == SecretState::Current => Ok(Some(row)),
            _ => Err(self.tampered("its current version is missing, or another one").into()),
        }
    }

    /// A secret without a head must not have a version either.
    fn without_head<E>(&mut self) -> Result<Option<SealedRow>, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        if secret::versions(self.connection, self.owner)?.is_empty() {
            return Ok(None);
        }
        Err(self.tampered("its head is missing").into())
    }

    /// Adds a version and returns its number. One that is current takes the place of the one before.
    pub(in crate::vault) fn add<E>(
        &mut self,
        state: SecretState,
        seal: impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError>,
        now: i64,
    ) -> Result<i32, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let owner = self.owner;
        let head = self.locked_head::<E>()?;
        let version = head.as_ref().map_or(0, |head| head.highest_version) + 1;
        let sealed = seal(owner.binding(version))?;
        let mut current = head.as_ref().and_then(|head| head.current_version);
        if state == SecretState::Current {
            self.demote::<E>(current)?;
            current = Some(version);
        }
        secret::insert(self.connection, owner, SealedRow { version, state, sealed }, now)?;
        let next = self.heads.head(owner, version, current);
        match head {
            None => secret::insert_head(self.connection, owner, &next)?,
            Some(_) => secret::update_head(self.connection, owner, &next)?,
        }
        Ok(version)
    }

    /// Moves a version on to its next state. One that becomes current takes the place of the one before.
    #[cfg_attr(not(test), expect(dead_code, reason = "for rotation"))]
    pub(in crate::vault) fn advance<E>(&mut self, version: i32, to: SecretState) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let owner = self.owner;
        let head = self.locked_head::<E>()?.ok_or(StoreError::NotFound)?;
        let from = secret::version(self.connection, owner, version)?.ok_or(StoreError::NotFound)?.state;
        if from == SecretState::Current {
            // A secret that has a current version keeps one: it ends when another one takes its place.
            return Err(StoreError::Query("the current version of a secret cannot end by itself").into());
        }
        if to != SecretState::Current {
            return Ok(secret::change_state(self.connection, owner, version, (from, to))?);
        }
        if !from.may_become(to) {
            return Err(StoreError::Query("a secret's version cannot change to this state").into());
        }
        self.demote::<E>(head.current_version)?;
        secret::change_state(self.connection, owner, version, (from, to))?;
        let next = self.heads.head(owner, head.highest_version, Some(version));
        Ok(secret::update_head(self.connection, owner, &next)?)
    }

    /// Deletes what is over, beyond the newest `keep` versions.
    pub(in crate::vault) fn prune(&mut self, newest: i32, keep: i32) -> Result<(), StoreError> {
        let oldest = newest.saturating_sub(keep.max(1));
        if oldest > 0 { secret::prune(self.connection, self.owner, oldest) } else { Ok(()) }
    }

    fn demote<E>(&mut self, current: Option<i32>) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let Some(version) = current else { return Ok(()) };
        let replaced = (SecretState::Current, SecretState::Previous);
        match secret::change_state(self.connection, self.owner, version, replaced) {
            Err(StoreError::NotFound) => Err(self.tampered("its current version is missing, or another one").into()),
            changed => Ok(changed?),
        }
    }

    /// The head, locked and checked. A secret without one must have no version either.
    fn locked_head<E>(&mut self) -> Result<Option<SecretHead>, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let head = secret::locked_head(self.connection, self.owner)?;
        match &head {
            Some(head) => self.check(head)?,
            None if secret::versions(self.connection, self.owner)?.is_empty() => {}
            None => return Err(self.tampered("its head is missing").into()),
        }
        Ok(head)
    }

    fn check(&self, head: &SecretHead) -> Result<(), SealError> {
        if self.heads.is_genuine(self.owner, head) { Ok(()) } else { Err(self.tampered("MAC mismatch")) }
    }

    fn tampered(&self, what: &str) -> SealError {
        let (kind, owner) = (self.owner.kind().as_str(), self.owner.owner_id());
        log::error!("{kind} of {owner}: {what}; the database was modified outside Chaveiro");
        SealError
    }
}
