//! The arrow in the making.

use std::time::Duration;

use crate::arrow::{Arrow, AuditEvent, Effect};
use crate::limits::Rules;
use crate::machine::NotAllowed;
use crate::policy::Shape;
use crate::record::{Cause, Phase, Problem, Record};
use crate::target::{Failure, TargetIdentity};

/// An arrow in the making: the record after it.
pub(super) struct Draft<'a> {
    pub(super) before: &'a Record,
    pub(super) rules: &'a Rules,
    now: i64,
    pub(super) after: Record,
}

impl<'a> Draft<'a> {
    pub(super) fn new(before: &'a Record, rules: &'a Rules, now: i64) -> Self {
        let after = Record { revision: before.revision.saturating_add(1), ..before.clone() };
        Self { before, rules, now, after }
    }
}

impl Draft<'_> {
    pub(super) fn arrow(self, event: AuditEvent) -> Arrow {
        self.arrow_with(event, Effect::None)
    }

    pub(super) fn arrow_with(self, event: AuditEvent, effect: Effect) -> Arrow {
        Arrow { from: self.before.phase, record: self.after, takes: None, effect, event }
    }

    /// Goes to a phase that goes on at once.
    pub(super) fn go(mut self, phase: Phase, problem: Option<Problem>) -> Self {
        self.after.phase = phase;
        self.after.problem = problem;
        self.after.due_at = Some(self.now);
        self
    }

    /// Goes to a phase that waits: for a while, or for a decision if there were too many attempts.
    pub(super) fn set_back(self, phase: Phase, problem: Problem) -> Self {
        let limits = &self.rules.limits;
        let needs_person = matches!(problem, Problem::Misconfigured | Problem::PlaceChanged);
        let is_last = self.after.attempts >= limits.attempts || needs_person;
        let due_at = self.now.saturating_add(micros(limits.pause(self.after.attempts, phase, problem)));
        let mut draft = self.go(phase, Some(problem));
        draft.after.due_at = (!is_last).then_some(due_at);
        draft
    }

    /// Waits as long as before a further check.
    pub(super) fn wait_for_check(&mut self) {
        self.after.due_at = Some(self.now.saturating_add(micros(self.rules.limits.check_pause)));
    }

    /// A failure that leaves the secret as it was.
    pub(super) fn failed(self, phase: Phase, failure: Failure, event: AuditEvent) -> Arrow {
        if failure == Failure::IdentityChanged {
            let mut draft = self.go(Phase::IdentityChanged, Some(Problem::IdentityChanged));
            draft.after.due_at = None;
            return draft.arrow(AuditEvent::IdentityChanged);
        }
        self.set_back(phase, failure.into()).arrow(event)
    }

    pub(super) fn finish(mut self, event: AuditEvent, problem: Option<Problem>) -> Arrow {
        // A change that was not answered may still take effect, and must not meet the next one.
        let quiet = self.now.saturating_add(micros(self.rules.limits.check_pause));
        let due_at = self.before.in_doubt.then_some(quiet);
        self.after = Record { revision: self.after.revision, problem, due_at, ..Record::new() };
        self.arrow(event)
    }

    pub(super) fn open(self, cause: Cause) -> Arrow {
        let revision = self.after.revision;
        let in_doubt = cause == Cause::Reconciliation && self.rules.can_reconcile;
        let mut draft = self;
        draft.after = Record { revision, cause: Some(cause), in_doubt, ..Record::new() };
        let phase = draft.after.resumed_phase();
        let arrow = draft.go(phase, None).arrow_with(AuditEvent::Opened, Effect::StoreCandidate(Shape::First));
        Arrow { takes: Some(cause), ..arrow }
    }

    /// Whether the next step is due, and calls the target.
    pub(super) fn may_identify(&self) -> bool {
        let phases = [Phase::CandidateStored, Phase::Unreachable, Phase::Unverified, Phase::NeedsReconcile];
        self.is_due() && phases.contains(&self.before.phase)
    }

    /// Whether the next rotation may begin.
    pub(super) fn may_open(&self) -> bool {
        self.before.due_at.is_none_or(|due_at| due_at <= self.now)
    }

    fn is_due(&self) -> bool {
        self.before.due_at.is_some_and(|due_at| due_at <= self.now)
    }

    pub(super) fn pin(self, identity: &TargetIdentity) -> Arrow {
        self.arrow_with(AuditEvent::IdentityPinned, Effect::Pin(identity.clone()))
    }

    pub(super) fn not_identified(mut self, failure: Failure) -> Arrow {
        self.after.attempts = self.after.attempts.saturating_add(1);
        let phase = match self.before.phase {
            Phase::CandidateStored if failure == Failure::Unreachable => Phase::Unreachable,
            phase => phase,
        };
        self.failed(phase, failure, AuditEvent::NotIdentified)
    }

    pub(super) fn start(self) -> Result<Arrow, NotAllowed> {
        if !self.is_due() {
            return Err(NotAllowed(self.before.phase));
        }
        match self.before.phase {
            Phase::CandidateStored | Phase::NeedsReconcile => Ok(self.start_change()),
            Phase::Unreachable if !self.before.in_doubt => Ok(self.start_change()),
            Phase::Unreachable | Phase::Unverified => Ok(self.start_check()),
            Phase::Rejected => Ok(self.replace_candidate()),
            Phase::Current => Ok(self.start_retirement()),
            phase => Err(NotAllowed(phase)),
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
