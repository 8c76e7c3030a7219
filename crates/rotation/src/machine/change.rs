//! The change: sending the candidate, and what the target answers.

use super::draft::Draft;
use super::{Check, Maker};
use crate::arrow::{Arrow, AuditEvent, Effect};
use crate::policy::Shape;
use crate::record::{Cause, Phase, Problem};
use crate::target::Failure;

impl Draft<'_> {
    /// From here on the candidate may be in force.
    pub(super) fn start_change(mut self) -> Arrow {
        let effect = if self.before.sends == 0 { Effect::MarkSent } else { Effect::None };
        self.after.attempts = self.after.attempts.saturating_add(1);
        self.after.sends = self.after.sends.saturating_add(1);
        self.after.in_doubt = true;
        self.go(Phase::Changing, None).arrow_with(AuditEvent::ChangeStarted, effect)
    }

    pub(super) fn changed(mut self, by: Maker, result: Result<(), Failure>) -> Arrow {
        let Err(failure) = result else { return self.check_now(AuditEvent::ChangeConfirmed, None) };
        match failure {
            Failure::Unknown => self.check_now(AuditEvent::ChangeUnknown, Some(Problem::Unknown)),
            // A candidate that was sent before may be in force, and be refused for that alone.
            Failure::Rejected if self.before.sends > 1 => {
                self.set_back(Phase::Unverified, Problem::Rejected).arrow(AuditEvent::ChangeFailed)
            }
            // Some targets say so when a later step of theirs has failed, and have the candidate.
            Failure::Rejected => self.check_now(AuditEvent::ChangeFailed, Some(Problem::Rejected)),
            // The account does not log in with its current value: perhaps an earlier change took effect late.
            Failure::Denied if by == Maker::Operator && self.rules.changes_itself => {
                self.failed(Phase::Unverified, failure, AuditEvent::ChangeFailed)
            }
            failure if by == Maker::Reconciliation => {
                self.failed(Phase::NeedsReconcile, failure, AuditEvent::ChangeFailed)
            }
            failure => {
                self.after.in_doubt = false;
                let is_unreachable = failure == Failure::Unreachable;
                let phase = if is_unreachable { Phase::Unreachable } else { Phase::CandidateStored };
                self.failed(phase, failure, AuditEvent::ChangeFailed)
            }
        }
    }

    /// Discards the candidate, with which nobody logs in.
    pub(super) fn reject(mut self, check: Check) -> Arrow {
        let is_unknown = check == Check::NotCandidate && self.rules.changes_itself && self.rules.can_reconcile;
        self.after.in_doubt = check == Check::Neither || is_unknown;
        self.after.rejections = self.after.rejections.saturating_add(1);
        let limits = &self.rules.limits;
        let is_last = self.after.rejections >= limits.rejections || self.after.attempts >= limits.attempts;
        // A refusal by one target does not replace the value that others share.
        let is_shared = self.before.cause == Some(Cause::Parent);
        let mut draft = self.go(Phase::Rejected, Some(Problem::Rejected));
        if check != Check::Current {
            // Every login of the check has failed, and targets count those.
            draft.wait_for_check();
        }
        if is_last || is_shared {
            draft.after.due_at = None;
        }
        draft.arrow_with(AuditEvent::CandidateRejected, Effect::Reject)
    }

    pub(super) fn replace_candidate(mut self) -> Arrow {
        self.after.sends = 0;
        let phase = match self.after.resumed_phase() {
            Phase::NeedsReconcile if !self.rules.can_reconcile => Phase::CandidateStored,
            phase => phase,
        };
        let shape = Shape::after(self.before.rejections);
        self.go(phase, None).arrow_with(AuditEvent::CandidateReplaced, Effect::StoreCandidate(shape))
    }
}
