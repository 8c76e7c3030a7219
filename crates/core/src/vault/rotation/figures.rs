//! Figures of rotations: the arrows that this node has made, and how many rotations wait.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use chaveiro_rotation::{Arrow, AuditEvent, Phase};

use super::run::KIND;
use crate::store::{AnyConnection, StoreError, job, rotation_record};
use crate::vault::jit::AccountCounts;
use crate::vault::{Vault, VaultError};

/// How long the counts of waiting rotations are valid: anybody can ask for metrics.
const VALID: Duration = Duration::from_secs(1);

/// How many rotations wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingRotations {
    /// Rotations of active credentials that go on by a person's decision alone.
    pub undecided: i64,
    /// Rotations that are due, and that no worker has taken yet.
    pub due: i64,
    /// Just-in-time accounts.
    pub accounts: AccountCounts,
}

impl WaitingRotations {
    fn read(connection: &mut AnyConnection, now: i64) -> Result<Self, StoreError> {
        let undecided = rotation_record::count_undecided(connection)?;
        let due = job::count_due(connection, KIND, now)?;
        Ok(Self { undecided, due, accounts: AccountCounts::read(connection)? })
    }
}

/// The figures of a node.
#[derive(Default)]
pub(in crate::vault) struct RotationFigures {
    /// The arrows since the start, by event and the phase that they led to.
    arrows: Mutex<HashMap<(AuditEvent, Phase), u64>>,
    /// The counts that were read last, and when, by the monotonic clock.
    waiting: tokio::sync::Mutex<Option<(Duration, WaitingRotations)>>,
}

impl RotationFigures {
    /// Counts an arrow that was committed.
    pub(super) fn count(&self, arrow: &Arrow) {
        if let Ok(mut arrows) = self.arrows.lock() {
            *arrows.entry((arrow.event, arrow.to())).or_default() += 1;
        }
    }
}

impl Vault {
    /// Returns how often each arrow was made by this node since it started: its event, the phase that it led to, the count.
    pub fn rotation_arrows(&self) -> Vec<(&'static str, &'static str, u64)> {
        let Ok(arrows) = self.0.rotation_figures.arrows.lock() else { return Vec::new() };
        arrows.iter().map(|((event, phase), count)| (event.as_str(), phase.as_str(), *count)).collect()
    }

    /// Returns how many rotations wait, as the database said within the last `VALID`. Concurrent callers share one query.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub async fn waiting_rotations(&self) -> Result<WaitingRotations, VaultError> {
        let mut known = self.0.rotation_figures.waiting.lock().await;
        let (at, now) = (self.0.clock.monotonic(), self.now_micros());
        if let Some((read_at, waiting)) = *known
            && at.saturating_sub(read_at) < VALID
        {
            return Ok(waiting);
        }
        let waiting = self.0.store.control(move |connection| WaitingRotations::read(connection, now)).await?;
        *known = Some((at, waiting));
        Ok(waiting)
    }
}
