//! The data keys in memory.
//!
//! A node loads the keys when it opens and whenever the change mark has changed. A value that another node has sealed under a
//! key that is not loaded yet makes it load the keys at once. A key that was deleted from the database stays in memory for a
//! while, for requests that have read a value just before it was re-sealed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{StartError, VALUES};
use crate::clock::Clock;
use crate::crypto::{DataKey, KeyId, Keyring, RootKey, RootKeyLocation, SealError};
use crate::store::key::{self, DataKeyRow};
use crate::store::{AnyConnection, StoreError, meta};

/// How long a key that was deleted from the database stays in memory: longer than a request takes.
const KEPT: Duration = Duration::from_secs(600);

/// The data keys that seal values, and the root key that unwraps them.
pub(in crate::vault) struct DataKeys {
    location: RootKeyLocation,
    root_key: ArcSwap<RootKey>,
    keyring: ArcSwap<Keyring>,
    /// One load at a time.
    known: Mutex<Known>,
    /// Whether the keyring has every key of the database.
    complete: AtomicBool,
    /// When the current key was created, in microseconds.
    created_at: AtomicI64,
    /// Whether the log says that this node has a former root key.
    warned: AtomicBool,
    clock: Clock,
}

/// What is known of the keys in memory.
#[derive(Default)]
struct Known {
    /// When each was created. A database that was reset to an earlier time gives the id of a lost key to another one.
    created_at: HashMap<KeyId, i64>,
    /// The keys that were deleted from the database, each with the monotonic time when that was seen.
    deleted: HashMap<KeyId, Duration>,
}

impl DataKeys {
    /// Unwraps the data keys of the database.
    ///
    /// # Errors
    /// [`StartError::DataKey`] when a key does not open under `root_key`; [`StartError::Keys`] when there is no current key.
    pub(super) fn read(
        connection: &mut AnyConnection,
        (location, root_key): (&RootKeyLocation, RootKey),
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let rows = key::data_keys_for(connection, VALUES)?;
        let current = current(&rows).ok_or(StartError::Keys)?;
        let unwrapped = |row: &DataKeyRow| match unwrap(&root_key, row) {
            Ok(key) => Ok((row.id.get(), key)),
            Err(_) => Err(StartError::DataKey(row.id.get())),
        };
        let keys: Vec<_> = rows.iter().map(unwrapped).collect::<Result<_, _>>()?;
        Ok(Self {
            location: location.clone(),
            keyring: ArcSwap::from_pointee(Keyring::new(keys, current.id.get())?),
            root_key: ArcSwap::from_pointee(root_key),
            known: Mutex::new(Known {
                created_at: rows.iter().map(|row| (row.id.get(), row.created_at)).collect(),
                deleted: HashMap::new(),
            }),
            complete: AtomicBool::new(true),
            created_at: AtomicI64::new(current.created_at),
            warned: AtomicBool::new(false),
            clock: clock.clone(),
        })
    }

    /// Returns the keys.
    pub(in crate::vault) fn keyring(&self) -> Arc<Keyring> {
        self.keyring.load_full()
    }

    /// Returns the keys, loaded again if one of `sealed` is under a key that is not in memory.
    pub(in crate::vault) fn keyring_for<'a>(
        &self,
        connection: &mut AnyConnection,
        sealed: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Arc<Keyring>, StoreError> {
        let keyring = self.keyring();
        if sealed.into_iter().all(|sealed| keyring.has_key_of(sealed)) {
            return Ok(keyring);
        }
        self.load(connection)?;
        Ok(self.keyring())
    }

    /// Loads the keys that are not in memory yet, and adopts the current one.
    ///
    /// # Errors
    /// Those of the database. A key that this node's root key does not open is logged and left out.
    pub(in crate::vault) fn load(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = key::data_keys_for(connection, VALUES)?;
        let check = meta::root_key_check(connection)?;
        let root_key = check.and_then(|check| self.root_key_of(&check));
        let mut keyring = Keyring::clone(&self.keyring());
        let mut complete = true;
        for row in &rows {
            if keyring.contains(row.id.get()) {
                if known.created_at.get(&row.id.get()) == Some(&row.created_at) {
                    continue;
                }
                log::error!(
                    "data key {} is another one than before: the database was reset to an earlier time",
                    row.id
                );
                keyring.discard(row.id.get());
            }
            match root_key.as_ref().map(|root_key| unwrap(root_key, row)) {
                Some(Ok(unwrapped)) => {
                    keyring.insert(row.id.get(), &unwrapped);
                    known.created_at.insert(row.id.get(), row.created_at);
                }
                Some(Err(_)) | None => {
                    complete = false;
                    log::error!("data key {} does not open under the root key of this node", row.id);
                }
            }
        }
        if let Some(current) = current(&rows)
            && keyring.set_current(current.id.get())
        {
            self.created_at.store(current.created_at, Ordering::Relaxed);
        }
        let now = self.clock.monotonic();
        let is_stored = |id: &KeyId| rows.iter().any(|row| row.id.get() == *id);
        known.deleted.retain(|id, _| !is_stored(id));
        for id in keyring.ids().into_iter().filter(|id| !is_stored(id)) {
            known.deleted.entry(id).or_insert(now);
        }
        self.complete.store(complete, Ordering::Relaxed);
        self.keyring.store(Arc::new(keyring));
        Ok(())
    }

    /// Forgets the keys that were deleted from the database some time ago.
    pub(in crate::vault) fn forget_deleted(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        let is_old = |since: &Duration| now.saturating_sub(*since) > KEPT;
        let old: Vec<KeyId> = known.deleted.iter().filter(|(_, since)| is_old(since)).map(|(id, _)| *id).collect();
        if old.is_empty() {
            return;
        }
        let mut keyring = Keyring::clone(&self.keyring());
        for id in old {
            keyring.remove(id);
            known.deleted.remove(&id);
            known.created_at.remove(&id);
        }
        self.keyring.store(Arc::new(keyring));
    }

    /// Whether every data key of the database is in memory, as of the last load.
    pub(in crate::vault) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// When the current key was created, in microseconds.
    pub(in crate::vault) fn created_at(&self) -> i64 {
        self.created_at.load(Ordering::Relaxed)
    }

    /// The location of the root key.
    pub(super) fn location(&self) -> &RootKeyLocation {
        &self.location
    }

    /// Returns the root key that `check` is a check value of: the one in memory, or that of a rotation, from its location.
    pub(in crate::vault) fn root_key_of(&self, check: &[u8]) -> Option<Arc<RootKey>> {
        let root_key = self.root_key.load_full();
        if root_key.matches(check) {
            return Some(root_key);
        }
        match self.location.load_matching(check) {
            Ok(found) => {
                self.adopt(found);
                Some(self.root_key.load_full())
            }
            Err(error) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    log::warn!(
                        "the root key was rotated, and this node has the former one; configure the new one before the next \
                         start and before the next rotation of the data key: {error}"
                    );
                }
                None
            }
        }
    }

    /// Takes a new root key.
    pub(super) fn adopt(&self, root_key: RootKey) {
        self.root_key.store(Arc::new(root_key));
        self.warned.store(false, Ordering::Relaxed);
    }
}

/// Returns the key that seals: the newest one. A former key that was made current in the database again would seal new values
/// under a key that somebody may have kept.
fn current(rows: &[DataKeyRow]) -> Option<&DataKeyRow> {
    rows.last().filter(|row| row.is_current())
}

fn unwrap(root_key: &RootKey, row: &DataKeyRow) -> Result<DataKey, SealError> {
    root_key.unwrap_key((VALUES, row.id.get()), &row.wrapped)
}
