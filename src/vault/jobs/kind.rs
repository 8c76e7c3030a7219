//! The kinds of jobs that this version supports.

use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use super::Wanted;
use crate::config::Settings;
use crate::store::StoreError;

/// Interval between prunings of rows that have expired.
const PRUNE: Duration = Duration::from_secs(60);
/// Interval between looks at the keys. A rotation makes the job due at once.
const MAINTAIN_KEYS: Duration = Duration::from_secs(60);

/// Kind of a job. All kinds recur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vault) enum JobKind {
    /// Deletes the results of requests whose idempotency keys have expired.
    PruneIdempotency,
    /// Deletes the values that may be used once and have expired.
    PruneSingleUse,
    /// Writes the heads of the audit chains to the file of this node. Each node has its own job.
    WriteAuditHeads,
    /// Re-seals values under retiring data keys, and deletes keys that are not needed any more.
    MaintainKeys,
}

impl JobKind {
    /// Every kind, in the order in which due jobs are claimed: the one that may take long is the last.
    pub(super) const ALL: [JobKind; 4] =
        [JobKind::PruneIdempotency, JobKind::PruneSingleUse, JobKind::WriteAuditHeads, JobKind::MaintainKeys];

    /// The name, as stored.
    pub(in crate::vault) fn as_str(self) -> &'static str {
        match self {
            JobKind::PruneIdempotency => "idempotency.prune",
            JobKind::PruneSingleUse => "single-use.prune",
            JobKind::WriteAuditHeads => "audit.write-heads",
            JobKind::MaintainKeys => "keys.maintain",
        }
    }

    /// The key of this node's job: the node name for a job per node, empty for a job shared by all nodes.
    pub(super) fn key(self, node: &str) -> &str {
        match self {
            JobKind::PruneIdempotency | JobKind::PruneSingleUse | JobKind::MaintainKeys => "",
            JobKind::WriteAuditHeads => node,
        }
    }

    /// Time from the end of a job until it is due again.
    pub(super) fn period(self, settings: &Settings) -> Duration {
        match self {
            JobKind::PruneIdempotency | JobKind::PruneSingleUse => PRUNE,
            JobKind::MaintainKeys => MAINTAIN_KEYS,
            JobKind::WriteAuditHeads => Duration::from_secs(settings.audit.head_seconds.max(1)),
        }
    }

    /// The jobs that a node claims.
    pub(super) fn wanted(node: &str) -> Vec<Wanted> {
        let of_kind = |kind: JobKind| Wanted { kind: kind.as_str(), key: Some(kind.key(node).into()) };
        Self::ALL.into_iter().map(of_kind).collect()
    }
}

impl Display for JobKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobKind {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        named.ok_or(StoreError::Query("a job is of an unknown kind"))
    }
}
