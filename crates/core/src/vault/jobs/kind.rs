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
/// Interval between looks for passwords that have reached their age, and for custody that has expired.
const REQUEST_ROTATIONS: Duration = Duration::from_secs(60);

/// Kind of a job. All kinds recur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vault) enum JobKind {
    /// Deletes the results of requests whose idempotency keys have expired.
    PruneIdempotency,
    /// Deletes the values that may be used once and have expired.
    PruneSingleUse,
    /// Deletes the ids of revoked tokens that have expired.
    PruneRevokedTokens,
    /// Deletes the counters of failed logins that have expired, or are too many.
    PruneLoginAttempts,
    /// Writes the heads of the audit chains to the file of this node. Each node has its own job.
    WriteAuditHeads,
    /// Re-seals values under retiring data keys, and deletes keys that are not needed any more.
    MaintainKeys,
    /// Makes a backup as the settings say. It takes long, so it has a loop of its own.
    CreateBackup,
    /// Requests a change of the passwords that have reached their age, or whose custody has expired.
    RequestRotations,
}

impl JobKind {
    /// Every kind, in the order in which due jobs are claimed.
    const ALL: [JobKind; 8] = [
        JobKind::PruneIdempotency,
        JobKind::PruneSingleUse,
        JobKind::PruneRevokedTokens,
        JobKind::PruneLoginAttempts,
        JobKind::WriteAuditHeads,
        JobKind::MaintainKeys,
        JobKind::CreateBackup,
        JobKind::RequestRotations,
    ];

    /// The kinds that run under these settings.
    pub(super) fn enabled(settings: &Settings) -> Vec<JobKind> {
        let is_enabled = |kind: &JobKind| match kind {
            JobKind::CreateBackup => settings.backup.hours > 0,
            JobKind::RequestRotations => {
                settings.rotation.changes_by_age() || settings.rotation.changes_after_release()
            }
            _ => true,
        };
        Self::ALL.into_iter().filter(is_enabled).collect()
    }

    /// Whether the job takes so long that others must not wait for it.
    fn is_long(self) -> bool {
        matches!(self, JobKind::CreateBackup)
    }

    /// The name, as stored.
    pub(in crate::vault) fn as_str(self) -> &'static str {
        match self {
            JobKind::PruneIdempotency => "idempotency.prune",
            JobKind::PruneSingleUse => "single-use.prune",
            JobKind::PruneRevokedTokens => "revoked-token.prune",
            JobKind::PruneLoginAttempts => "login-attempt.prune",
            JobKind::WriteAuditHeads => "audit.write-heads",
            JobKind::MaintainKeys => "keys.maintain",
            JobKind::CreateBackup => "backup.create",
            JobKind::RequestRotations => "rotations.request",
        }
    }

    /// The key of this node's job: the node name for a job per node, empty for a job shared by all nodes.
    pub(super) fn key(self, node: &str) -> &str {
        match self {
            JobKind::PruneIdempotency
            | JobKind::PruneSingleUse
            | JobKind::PruneRevokedTokens
            | JobKind::PruneLoginAttempts
            | JobKind::MaintainKeys
            | JobKind::CreateBackup
            | JobKind::RequestRotations => "",
            JobKind::WriteAuditHeads => node,
        }
    }

    /// Time from the end of a job until it is due again.
    pub(super) fn period(self, settings: &Settings) -> Duration {
        match self {
            JobKind::PruneIdempotency
            | JobKind::PruneSingleUse
            | JobKind::PruneRevokedTokens
            | JobKind::PruneLoginAttempts => PRUNE,
            JobKind::MaintainKeys => MAINTAIN_KEYS,
            JobKind::RequestRotations => REQUEST_ROTATIONS,
            JobKind::WriteAuditHeads => Duration::from_secs(settings.audit.head_seconds.max(1)),
            JobKind::CreateBackup => Duration::from_secs(u64::from(settings.backup.hours.max(1)) * 3600),
        }
    }

    /// The jobs that a node claims: the long ones, or the others.
    pub(super) fn wanted(settings: &Settings, is_long: bool) -> Vec<Wanted> {
        let node = &settings.node.name;
        let of_kind = |kind: JobKind| Wanted { kind: kind.as_str(), key: Some(kind.key(node).into()) };
        Self::enabled(settings).into_iter().filter(|kind| kind.is_long() == is_long).map(of_kind).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_back_by_their_names() {
        for kind in JobKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("credential.rotate".parse::<JobKind>().is_err());
    }

    #[test]
    fn backups_are_made_when_the_settings_say_so() {
        let mut settings = Settings::defaults().unwrap();
        assert!(!JobKind::enabled(&settings).contains(&JobKind::CreateBackup));
        assert!(JobKind::wanted(&settings, true).is_empty());
        settings.backup.hours = 6;
        assert_eq!(JobKind::wanted(&settings, true).len(), 1);
        assert_eq!(JobKind::CreateBackup.period(&settings), Duration::from_secs(6 * 3600));
    }
}
