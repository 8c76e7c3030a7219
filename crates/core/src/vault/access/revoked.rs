//! The ids of revoked tokens in memory. Each look at the database reads those that are new, and not all of them again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};

use crate::clock::to_micros;
use crate::store::{AnyConnection, StoreError, client, meta};

/// How often expired ids are dropped, in microseconds.
const PRUNE_INTERVAL: i64 = 60_000_000;

/// The revoked tokens that have not expired. Shared by all snapshots of the grants.
#[derive(Debug, Default)]
pub(in crate::vault) struct RevokedTokens {
    /// The ids with their expiry.
    ids: RwLock<HashMap<String, i64>>,
    /// The revocation mark of the last look.
    mark: AtomicI64,
    pruned_at: AtomicI64,
}

impl RevokedTokens {
    /// Loads all.
    pub(super) fn read(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let revoked = Self::default();
        let (_, mark) = meta::marks(connection)?;
        revoked.read_new(connection, mark, now)?;
        Ok(revoked)
    }

    /// Loads those that were revoked since the last look, and drops expired ones. `mark` is the revocation mark that was read
    /// before.
    pub(in crate::vault) fn read_new(
        &self,
        connection: &mut AnyConnection,
        mark: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = to_micros(now);
        let rows = client::revoked_since(connection, self.mark.load(Ordering::SeqCst), now)?;
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        if (now - self.pruned_at.load(Ordering::SeqCst)).abs() >= PRUNE_INTERVAL {
            ids.retain(|_, expires_at| *expires_at > now);
            self.pruned_at.store(now, Ordering::SeqCst);
        }
        self.mark.fetch_max(mark, Ordering::SeqCst);
        for row in rows {
            self.mark.fetch_max(row.mark, Ordering::SeqCst);
            ids.insert(row.jti, row.expires_at);
        }
        Ok(())
    }

    /// The revocation mark of the last look.
    pub(in crate::vault) fn mark(&self) -> i64 {
        self.mark.load(Ordering::SeqCst)
    }

    /// Whether a token was revoked.
    pub(super) fn contains(&self, jti: &str) -> bool {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).contains_key(jti)
    }
}
