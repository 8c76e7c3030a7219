//! The versions of one secret, and its head, the row with the numbers of the newest and the current version.
//!
//! A head has a MAC. An attacker with write access to the database but without the key cannot delete the newest version or
//! make another version current undetected. On a mismatch no version is revealed.

use crate::audit::RowMac;
use crate::crypto::{DataKey, SealError, SecretBinding};
use crate::store::secret::{
    self, FirstVersion, Replacement, SealedRow, SecretHead, SecretOwner, SecretState, StoredSecret,
};
use crate::store::{AnyConnection, StoreError};

/// Purpose string for deriving the MAC key.
const PURPOSE: &str = "secret head";

/// Computes and verifies the MACs of heads.
#[derive(Debug)]
pub(in crate::vault) struct HeadMac(RowMac);

impl HeadMac {
    /// Derives the MAC key from the audit key.
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

    /// Whether the MAC of a head is valid.
    pub(in crate::vault) fn is_genuine(&self, owner: SecretOwner, head: &SecretHead) -> bool {
        Self::with_fields(owner, head, |fields| self.0.verify(fields, &head.mac))
    }

    /// Requires that a version is the current one of a secret by its head.
    ///
    /// # Errors
    /// [`SealError`] when the MAC of the head is invalid, or the version is another one.
    pub(in crate::vault) fn require_current(
        &self,
        owner: SecretOwner,
        head: &SecretHead,
        row: &SealedRow,
    ) -> Result<(), SealError> {
        let is_current = head.current_version == Some(row.version) && row.state == SecretState::Current;
        if is_current && self.is_genuine(owner, head) { Ok(()) } else { Err(SealError) }
    }

    fn check(&self, owner: SecretOwner, head: &SecretHead) -> Result<(), SealError> {
        if self.is_genuine(owner, head) { Ok(()) } else { Err(tampered(owner, "MAC mismatch")) }
    }

    /// Verifies a head, and returns the current version out of the versions that it names.
    fn current(
        &self,
        owner: SecretOwner,
        head: &SecretHead,
        versions: Vec<SealedRow>,
    ) -> Result<Option<CurrentVersion>, SealError> {
        self.check(owner, head)?;
        if versions.iter().all(|row| row.version != head.highest_version) {
            return Err(tampered(owner, "its newest version is missing"));
        }
        let Some(current) = head.current_version else { return Ok(None) };
        let is_doubted = versions.iter().any(|row| row.state == SecretState::Unverified);
        match versions.into_iter().find(|row| row.version == current) {
            Some(row) if row.state == SecretState::Current => Ok(Some(CurrentVersion { row, is_doubted })),
            _ => Err(tampered(owner, "its current version is missing, or another one")),
        }
    }

    /// As [`Versions::lock`], of what is stored of a secret whose head is locked already.
    ///
    /// # Errors
    /// As [`Versions::current`].
    pub(super) fn locked(
        &self,
        owner: SecretOwner,
        stored: StoredSecret,
    ) -> Result<(LockedHead, Option<CurrentVersion>), SealError> {
        let head = stored.head.clone();
        Ok((LockedHead(head), self.current_of(owner, stored)?))
    }

    /// Returns the first version of a secret of which nothing is stored, as the current one.
    pub(super) fn first(
        &self,
        owner: SecretOwner,
        seal: impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError>,
        now: i64,
    ) -> Result<FirstVersion, SealError> {
        let version = 1;
        let row = SealedRow { version, state: SecretState::Current, sealed: seal(owner.binding(version))? };
        Ok(FirstVersion { owner, row, created_at: now, head: self.head(owner, version, Some(version)) })
    }

    /// Returns what replaces the current version of a secret by a new one, and deletes all previous versions but the newest: with it,
    /// `keep`. `None` without a current version, and where the replaced one would be deleted at once.
    pub(super) fn replacement(
        &self,
        owner: SecretOwner,
        head: &LockedHead,
        keep: i32,
        seal: impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError>,
        now: i64,
    ) -> Result<Option<Replacement>, SealError> {
        let Some((replaced, version)) = head.current_and_next() else { return Ok(None) };
        let prune_to = last_pruned(version, keep);
        if prune_to >= replaced {
            return Ok(None);
        }
        let row = SealedRow { version, state: SecretState::Current, sealed: seal(owner.binding(version))? };
        let head = self.head(owner, version, Some(version));
        Ok(Some(Replacement { owner, replaced, row, created_at: now, head, prune_to }))
    }

    /// Verifies what is stored of a secret, and returns its current version. Versions without a head are an error.
    ///
    /// # Errors
    /// As [`Versions::current`].
    pub(super) fn current_of(
        &self,
        owner: SecretOwner,
        stored: StoredSecret,
    ) -> Result<Option<CurrentVersion>, SealError> {
        match stored.head {
            Some(head) => self.current(owner, &head, stored.versions),
            None if stored.versions.is_empty() => Ok(None),
            None => Err(headless(owner)),
        }
    }

    fn head(&self, owner: SecretOwner, highest_version: i32, current_version: Option<i32>) -> SecretHead {
        let head = SecretHead { highest_version, current_version, mac: Vec::new() };
        let mac = Self::with_fields(owner, &head, |fields| self.0.mac(fields));
        SecretHead { mac, ..head }
    }
}

/// The current version of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vault) struct CurrentVersion {
    pub(in crate::vault) row: SealedRow,
    /// Whether a newer value may be in force: it was sent to a target, which did not prove it.
    pub(in crate::vault) is_doubted: bool,
}

/// The verified head of a secret, which is locked until the transaction ends; `None` for a secret of which nothing is stored.
#[derive(Debug)]
pub(in crate::vault) struct LockedHead(Option<SecretHead>);

impl LockedHead {
    /// The version that is current, and the number of the next one, if there is a current one.
    fn current_and_next(&self) -> Option<(i32, i32)> {
        let head = self.0.as_ref()?;
        Some((head.current_version?, head.highest_version + 1))
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
    /// [`SealError`] when the MAC of the head is invalid, or its newest or current version is missing or in another state.
    pub(in crate::vault) fn current<E>(&mut self) -> Result<Option<CurrentVersion>, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let Some((head, versions)) = secret::head_with_versions(self.connection, self.owner)? else {
            self.require_no_versions::<E>()?;
            return Ok(None);
        };
        Ok(self.heads.current(self.owner, &head, versions)?)
    }

    /// Requires that a secret without a head has no versions.
    fn require_no_versions<E>(&mut self) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        if secret::versions(self.connection, self.owner)?.is_empty() {
            Ok(())
        } else {
            Err(headless(self.owner).into())
        }
    }

    /// As [`Versions::current`], and locks the head. After a wait, `is_doubted` may be that of before it.
    pub(in crate::vault) fn lock<E>(&mut self) -> Result<(LockedHead, Option<CurrentVersion>), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let Some((head, versions)) = secret::locked_head_with_versions(self.connection, self.owner)? else {
            self.require_no_versions::<E>()?;
            return Ok((LockedHead(None), None));
        };
        let current = self.heads.current(self.owner, &head, versions)?;
        Ok((LockedHead(Some(head)), current))
    }

    /// Inserts a version and returns its number. A current version replaces the previous one.
    pub(in crate::vault) fn add<E>(
        &mut self,
        state: SecretState,
        seal: impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError>,
        now: i64,
    ) -> Result<i32, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let head = self.locked_head::<E>()?;
        self.add_to(head, state, seal, now)
    }

    /// As [`Versions::add`], to a secret whose head is locked.
    pub(in crate::vault) fn add_to<E>(
        &mut self,
        LockedHead(head): LockedHead,
        state: SecretState,
        seal: impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError>,
        now: i64,
    ) -> Result<i32, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let owner = self.owner;
        let version = head.as_ref().map_or(0, |head| head.highest_version) + 1;
        let row = SealedRow { version, state, sealed: seal(owner.binding(version))? };
        let current = head.as_ref().and_then(|head| head.current_version);
        let is_current = state == SecretState::Current;
        let next = self.heads.head(owner, version, if is_current { Some(version) } else { current });
        match (head, current.filter(|_| is_current)) {
            (_, Some(replaced)) => {
                let new = Replacement { owner, replaced, row, created_at: now, head: next, prune_to: 0 };
                found_current::<E>(owner, secret::replace_current(self.connection, &[new]))?;
            }
            (Some(_), None) => {
                secret::insert(self.connection, owner, row, now)?;
                if is_current {
                    secret::update_current(self.connection, owner, &next, now)?;
                } else {
                    secret::update_highest(self.connection, owner, &next)?;
                }
            }
            (None, None) => {
                let first = FirstVersion { owner, row, created_at: now, head: next };
                secret::insert_first(self.connection, &[first])?;
            }
        }
        Ok(version)
    }

    /// Changes the state of a version. A version that becomes current replaces the previous one.
    pub(in crate::vault) fn advance<E>(&mut self, version: i32, to: SecretState, now: i64) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let owner = self.owner;
        let head = self.locked_head::<E>()?.0.ok_or(StoreError::NotFound)?;
        let from = secret::version(self.connection, owner, version)?.ok_or(StoreError::NotFound)?.state;
        if from == SecretState::Current {
            // A secret keeps a current version until another version replaces it, or it is retired.
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
        Ok(secret::update_current(self.connection, owner, &next, now)?)
    }

    /// Makes the current version a previous one, without another in its place: what it was for does not exist any more.
    pub(in crate::vault) fn retire<E>(&mut self, now: i64) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let owner = self.owner;
        let Some(head) = self.locked_head::<E>()?.0.filter(|head| head.current_version.is_some()) else {
            return Ok(());
        };
        self.demote::<E>(head.current_version)?;
        let next = self.heads.head(owner, head.highest_version, None);
        Ok(secret::update_current(self.connection, owner, &next, now)?)
    }

    /// Deletes previous versions older than the newest `keep`.
    pub(in crate::vault) fn prune(&mut self, newest: i32, keep: i32) -> Result<(), StoreError> {
        let last = last_pruned(newest, keep);
        if last > 0 { secret::prune(self.connection, self.owner, last) } else { Ok(()) }
    }

    fn demote<E>(&mut self, current: Option<i32>) -> Result<(), E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let Some(version) = current else { return Ok(()) };
        let replaced = (SecretState::Current, SecretState::Previous);
        let changed = secret::change_state(self.connection, self.owner, version, replaced);
        found_current(self.owner, changed)
    }

    /// Locks the head and verifies its MAC. Versions without a head are an error.
    pub(super) fn locked_head<E>(&mut self) -> Result<LockedHead, E>
    where
        E: From<StoreError> + From<SealError>,
    {
        let head = secret::locked_head(self.connection, self.owner)?;
        match &head {
            Some(head) => self.heads.check(self.owner, head)?,
            None => self.require_no_versions::<E>()?,
        }
        Ok(LockedHead(head))
    }
}

/// The last of the previous versions that are deleted when `keep` are kept, the newest one included; zero or less for none.
fn last_pruned(newest: i32, keep: i32) -> i32 {
    newest.saturating_sub(keep.max(1))
}

/// Makes of a current version that was not found what it is: somebody changed the table.
pub(super) fn found_current<E>(owner: SecretOwner, changed: Result<(), StoreError>) -> Result<(), E>
where
    E: From<StoreError> + From<SealError>,
{
    match changed {
        Err(StoreError::NotFound) => Err(tampered(owner, "its current version is missing, or another one").into()),
        changed => Ok(changed?),
    }
}

/// Logs that a secret was modified outside the vault.
fn tampered(owner: SecretOwner, what: &str) -> SealError {
    let (kind, owner) = (owner.kind().as_str(), owner.owner_id());
    log::error!("{kind} of {owner}: {what}; the database was modified outside Chaveiro");
    SealError
}

fn headless(owner: SecretOwner) -> SealError {
    tampered(owner, "its head is missing")
}
