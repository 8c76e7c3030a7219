//! The check: trying the values, and what follows from it; then the end of what the former value opens.

use super::Check;
use super::draft::Draft;
use crate::arrow::{Arrow, AuditEvent, Effect};
use crate::record::{Phase, Problem, Record};
use crate::target::Failure;

impl Draft<'_> {
    pub(super) fn start_check(mut self) -> Arrow {
        self.after.attempts = self.after.attempts.saturating_add(1);
        // The check tells whether the candidate was rightly refused.
        let is_rejected = self.before.problem == Some(Problem::Rejected);
        let problem = if is_rejected { Problem::Rejected } else { Problem::Unknown };
        self.check_now(AuditEvent::CheckStarted, Some(problem))
    }

    pub(super) fn check_now(self, event: AuditEvent, problem: Option<Problem>) -> Arrow {
        self.go(Phase::Verifying, problem).arrow(event)
    }

    pub(super) fn checked(mut self, check: Check) -> Arrow {
        let was_rejected = self.before.problem == Some(Problem::Rejected);
        match check {
            Check::Candidate => self.promote(),
            check if was_rejected => self.reject(check),
            Check::Neither => self.nothing_logs_in(),
            Check::NotCandidate if self.rules.changes_itself && self.rules.can_reconcile => {
                self.set_back(Phase::NeedsReconcile, Problem::NotChanged).arrow(AuditEvent::NotChanged)
            }
            Check::Current | Check::NotCandidate => {
                self.after.in_doubt = false;
                self.after.checks = 0;
                self.set_back(Phase::CandidateStored, Problem::NotChanged).arrow(AuditEvent::NotChanged)
            }
        }
    }

    pub(super) fn promote(self) -> Arrow {
        let revision = self.after.revision;
        let mut draft = self;
        let is_answered = draft.before.sends <= 1 && draft.before.problem.is_none();
        // The first attempt to retire follows at once.
        let (cause, in_doubt) = (draft.before.cause, !is_answered);
        draft.after = Record { revision, cause, attempts: 1, in_doubt, ..Record::new() };
        draft.go(Phase::Current, None).arrow_with(AuditEvent::Verified, Effect::Promote)
    }

    pub(super) fn nothing_logs_in(mut self) -> Arrow {
        self.after.checks = self.after.checks.saturating_add(1);
        let is_last = self.after.checks >= self.rules.limits.checks;
        if is_last && self.rules.can_reconcile {
            let draft = self.set_back(Phase::NeedsReconcile, Problem::NothingLogsIn);
            return draft.arrow(AuditEvent::ReconcileNeeded);
        }
        let mut draft = self.set_back(Phase::Unverified, Problem::NothingLogsIn);
        if is_last {
            draft.after.due_at = None;
        }
        draft.arrow(AuditEvent::NothingLogsIn)
    }

    pub(super) fn check_failed(self, failure: Failure, candidate_refused: bool) -> Arrow {
        let is_unreachable = failure == Failure::Unreachable && !candidate_refused;
        let phase = if is_unreachable { Phase::Unreachable } else { Phase::Unverified };
        self.failed(phase, failure, AuditEvent::CheckFailed)
    }

    pub(super) fn start_retirement(mut self) -> Arrow {
        self.after.attempts = self.after.attempts.saturating_add(1);
        if self.after.attempts > self.rules.limits.retirements {
            let problem = self.before.problem.or(Some(Problem::Interrupted));
            return self.finish(AuditEvent::FinishedUnretired, problem);
        }
        self.go(Phase::Current, None).arrow(AuditEvent::RetireStarted)
    }

    pub(super) fn retired(self, result: Result<(), Failure>) -> Arrow {
        let Err(failure) = result else { return self.finish(AuditEvent::Finished, None) };
        let is_final = matches!(failure, Failure::IdentityChanged | Failure::Misconfigured | Failure::PlaceChanged);
        let limits = &self.rules.limits;
        if is_final || self.before.attempts >= limits.retirements.min(limits.attempts) {
            return self.finish(AuditEvent::FinishedUnretired, Some(failure.into()));
        }
        self.set_back(Phase::Current, failure.into()).arrow(AuditEvent::RetireFailed)
    }
}
