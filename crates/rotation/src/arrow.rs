//! A transition of a rotation, with all that its transaction has to write.

use crate::names::named;
use crate::policy::Shape;
use crate::record::{Cause, Phase, Record};
use crate::target::TargetIdentity;

named! {
    /// The name of an arrow in the audit log.
    AuditEvent, "audit event" {
        /// A request was taken, and a candidate stored.
        Opened = "rotation.opened",
        /// The identity of the target was pinned, before anything was sent to it.
        IdentityPinned = "rotation.identity-pinned",
        /// The target could not be asked for its identity.
        NotIdentified = "rotation.not-identified",
        /// The candidate is about to be sent.
        ChangeStarted = "rotation.change-started",
        /// The target said that the change is done.
        ChangeConfirmed = "rotation.change-confirmed",
        /// It is not known whether the change was made.
        ChangeUnknown = "rotation.change-unknown",
        /// The change was not made.
        ChangeFailed = "rotation.change-failed",
        /// The values are about to be tried.
        CheckStarted = "rotation.check-started",
        /// The candidate logs in: it is the current value now.
        Verified = "rotation.verified",
        /// The candidate does not log in, and nothing speaks against the current value.
        NotChanged = "rotation.not-changed",
        /// Neither value logs in.
        NothingLogsIn = "rotation.nothing-logs-in",
        /// The values could not be tried.
        CheckFailed = "rotation.check-failed",
        /// The target refused the candidate by its rules.
        CandidateRejected = "rotation.candidate-rejected",
        /// A candidate of another shape was stored.
        CandidateReplaced = "rotation.candidate-replaced",
        /// The target presented another identity. An alert.
        IdentityChanged = "rotation.identity-changed",
        /// The reconciliation account has to set the candidate.
        ReconcileNeeded = "rotation.reconcile-needed",
        /// A step that had been interrupted was found.
        Interrupted = "rotation.interrupted",
        /// What the former value opens is about to be removed.
        RetireStarted = "rotation.retire-started",
        /// The rotation ended with a new current value.
        Finished = "rotation.finished",
        /// What the former value opens could not be removed; it is tried again.
        RetireFailed = "rotation.retire-failed",
        /// The rotation ended with a new current value, and the former one may still log in. An alert.
        FinishedUnretired = "rotation.finished-unretired",
        /// A human made the candidate current.
        CandidateAccepted = "rotation.candidate-accepted",
        /// A human kept the current value.
        CurrentKept = "rotation.current-kept",
        /// A human had the rotation tried again.
        Retried = "rotation.retried",
        /// A human pinned another identity.
        IdentityTrusted = "rotation.identity-trusted",
    }
}

/// What an arrow changes beside the record. None of them deletes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Stores a new value, sealed, as a version in the state `candidate`: generated in this shape or, for an account that
    /// shares its parent's secret ([`Cause::Parent`]), the parent's current value. That is the newest: a request with this
    /// cause that waits is answered by it, and removed.
    StoreCandidate(Shape),
    /// The state of the candidate becomes `unverified`: it may have been sent.
    MarkSent,
    /// The state of the candidate becomes `current`, and that of the current value `previous`. Accounts that share the
    /// secret get a request with [`Cause::Parent`] in the same transaction.
    Promote,
    /// The state of the candidate becomes `rejected`. The version is kept: it may have been sent.
    Reject,
    /// Pins the identity of the target.
    Pin(TargetIdentity),
}

/// One transition: one transaction, with its audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The phase that it leaves.
    pub from: Phase,
    /// The record after it.
    pub record: Record,
    /// The request that it takes from the waiting ones.
    pub takes: Option<Cause>,
    /// What it changes beside the record.
    pub effect: Effect,
    /// Its name in the audit log.
    pub event: AuditEvent,
}

impl Arrow {
    /// Returns the phase that it leads to.
    pub fn to(&self) -> Phase {
        self.record.phase
    }

    /// Returns the revision that the stored record must have.
    pub fn expected_revision(&self) -> i64 {
        self.record.revision.saturating_sub(1)
    }

    /// Whether a human has to be told at once.
    pub fn is_alert(&self) -> bool {
        self.record.needs_decision() || self.event == AuditEvent::FinishedUnretired
    }
}
