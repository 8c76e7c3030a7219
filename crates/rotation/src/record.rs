//! The durable state of the rotation of one account.

use crate::arrow::{Arrow, Effect};
use crate::names::named;
use crate::target::Failure;

named! {
    /// The phase of a rotation.
    Phase, "phase" {
        /// No rotation is open.
        Idle = "idle",
        /// A candidate is stored, and it is certain that it is not in force.
        CandidateStored = "candidate-stored",
        /// A change was sent, or is about to be: the candidate may be in force. Found after a crash, both values are tried.
        Changing = "changing",
        /// The values are tried, the candidate first.
        Verifying = "verifying",
        /// The candidate was verified and is the current value. What the former one may still open is to be removed.
        Current = "current",
        /// The candidate may be in force, and nothing proved it. The current value is unchanged.
        Unverified = "unverified",
        /// The target refused the candidate by its rules; another one has to be stored.
        Rejected = "rejected",
        /// The target could not be reached.
        Unreachable = "unreachable",
        /// The target presented another identity than the pinned one. Nothing is sent to it until a human decides.
        IdentityChanged = "identity-changed",
        /// The reconciliation account has to set the same candidate.
        NeedsReconcile = "needs-reconcile",
    }
}

named! {
    /// Why a rotation was requested.
    Cause, "cause" {
        /// A person asked for it.
        Manual = "manual",
        /// The value reached its age.
        Age = "age",
        /// Custody of the credential was released. Each release is a rotation of its own.
        Release = "release",
        /// Just-in-time access ended.
        JustInTime = "just-in-time",
        /// The account shares its parent's secret, and that has a new value.
        Parent = "parent",
        /// The value in force is unknown: the reconciliation account sets a new one.
        Reconciliation = "reconciliation",
    }
}

impl Cause {
    /// Whether nobody asked for it: then the hours of automatic changes bind it.
    pub fn is_automatic(self) -> bool {
        matches!(self, Self::Age | Self::Release)
    }
}

named! {
    /// What kept the last step of a rotation from its end.
    Problem, "problem" {
        /// The target could not be reached.
        Unreachable = "unreachable",
        /// The target presented another identity than the pinned one.
        IdentityChanged = "identity-changed",
        /// The target refused the login or the permission of who makes the change.
        Denied = "denied",
        /// The target refused the new value by its rules.
        Rejected = "rejected",
        /// The target refuses changes for now.
        TooEarly = "too-early",
        /// The account is locked.
        Locked = "locked",
        /// It was not known whether the value was changed.
        Unknown = "unknown",
        /// The settings do not fit the target.
        Misconfigured = "misconfigured",
        /// The account is not where the login that changes it was granted for.
        PlaceChanged = "place-changed",
        /// The candidate does not log in, although no change failed.
        NotChanged = "not-changed",
        /// Neither the candidate nor the current value logs in.
        NothingLogsIn = "nothing-logs-in",
        /// The process ended, or lost its lease, while it waited for the target.
        Interrupted = "interrupted",
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable => Self::Unreachable,
            Failure::IdentityChanged => Self::IdentityChanged,
            Failure::Denied => Self::Denied,
            Failure::Rejected => Self::Rejected,
            Failure::TooEarly => Self::TooEarly,
            Failure::Locked => Self::Locked,
            Failure::Unknown => Self::Unknown,
            Failure::Misconfigured => Self::Misconfigured,
            Failure::PlaceChanged => Self::PlaceChanged,
        }
    }
}

/// The state of the rotation of one account. Times are microseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Incremented by every arrow. A journal applies an arrow only to the revision that it was computed from.
    pub revision: i64,
    /// The phase.
    pub phase: Phase,
    /// Why the open rotation was requested; `None` if none is open.
    pub cause: Option<Cause>,
    /// Steps on the target since the request or the last decision, counted before each of them.
    pub attempts: u32,
    /// Checks, one after the other, in which neither value logged in.
    pub checks: u32,
    /// Candidates of this rotation that the target refused.
    pub rejections: u32,
    /// How often the candidate may have been sent. A candidate that was ever sent is never deleted.
    pub sends: u32,
    /// Whether no stored value is known to be in force, so that both have to be tried before the next change. In `Current`:
    /// whether a change was not answered, and may still take effect.
    pub in_doubt: bool,
    /// When the rotation goes on by itself. `None`: not by itself; in every phase but `Idle` a human has to decide.
    /// In `Idle`: the next rotation does not begin before.
    pub due_at: Option<i64>,
    /// What kept the last step from its end.
    pub problem: Option<Problem>,
}

impl Record {
    /// Returns the record of an account that was never rotated.
    pub fn new() -> Self {
        Self {
            revision: 0,
            phase: Phase::Idle,
            cause: None,
            attempts: 0,
            checks: 0,
            rejections: 0,
            sends: 0,
            in_doubt: false,
            due_at: None,
            problem: None,
        }
    }

    /// Whether a rotation is open whose candidate is not current yet.
    pub fn is_open(&self) -> bool {
        is_open(self.phase)
    }

    /// Whether the rotation goes on only by a human's decision.
    pub fn needs_decision(&self) -> bool {
        self.phase != Phase::Idle && self.due_at.is_none()
    }

    /// Returns the phase from which the rotation goes on with what is known.
    pub(crate) fn resumed_phase(&self) -> Phase {
        match (self.in_doubt, self.sends) {
            (false, _) => Phase::CandidateStored,
            (true, 0) => Phase::NeedsReconcile,
            (true, _) => Phase::Unverified,
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

fn is_open(phase: Phase) -> bool {
    !matches!(phase, Phase::Idle | Phase::Current)
}

/// The requests for a rotation that wait until the open one has ended. Stored beside the record, and changed without it:
/// a request may be added, in the transaction of what causes it, at any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Released custodies, each of which is a rotation of its own.
    pub releases: u32,
    /// Another cause: one rotation answers all requests that came before it.
    pub other: Option<Cause>,
}

impl Waiting {
    /// Adds a request.
    ///
    /// [`Cause::Manual`] and [`Cause::Age`] add nothing while a rotation is open, which answers them; but a person's
    /// request stays beside an automatic one, which it frees from its hours.
    #[must_use]
    pub fn with(self, cause: Cause, record: &Record) -> Self {
        let is_automatic = record.cause.is_some_and(Cause::is_automatic);
        match cause {
            Cause::Release => Self { releases: self.releases.saturating_add(1), ..self },
            Cause::Age if record.is_open() => self,
            Cause::Manual if record.is_open() && !is_automatic => self,
            Cause::Reconciliation => Self { other: Some(cause), ..self },
            Cause::Manual if self.other == Some(Cause::Age) => Self { other: Some(cause), ..self },
            _ => Self { other: self.other.or(Some(cause)), ..self },
        }
    }

    /// Returns the requests that wait after an arrow: without the one that it takes, and without those that it answers. `None`: the one
    /// that it takes does not wait.
    #[must_use]
    pub fn after(self, arrow: &Arrow) -> Option<Self> {
        let waiting = match arrow.takes {
            Some(cause) => self.without(cause)?,
            None => self,
        };
        let is_closed = is_open(arrow.from) && !arrow.record.is_open();
        let answered = match arrow.effect {
            // The value of the parent is the newest one.
            Effect::StoreCandidate(_) => Some(Cause::Parent),
            // What a person asked for while it was open.
            _ if is_closed => Some(Cause::Manual),
            _ => None,
        };
        Some(answered.and_then(|cause| waiting.without(cause)).unwrap_or(waiting))
    }

    /// Returns the request that is next.
    pub fn first(self) -> Option<Cause> {
        self.other.or((self.releases > 0).then_some(Cause::Release))
    }

    /// Removes one request; `None` if there is none of this cause.
    #[must_use]
    pub fn without(self, cause: Cause) -> Option<Self> {
        if cause == Cause::Release {
            return Some(Self { releases: self.releases.checked_sub(1)?, ..self });
        }
        (self.other == Some(cause)).then_some(Self { other: None, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Record {
        Record { phase: Phase::Changing, ..Record::new() }
    }

    #[test]
    fn each_release_waits_on_its_own() {
        let waiting = Waiting::default().with(Cause::Release, &open()).with(Cause::Release, &Record::new());
        assert_eq!(waiting.releases, 2);
        let once = waiting.without(Cause::Release).unwrap();
        assert_eq!(once.first(), Some(Cause::Release));
        let never = once.without(Cause::Release).unwrap();
        assert_eq!((never.first(), never.without(Cause::Release)), (None, None));
    }

    #[test]
    fn an_open_rotation_answers_age_and_a_person() {
        for cause in [Cause::Age, Cause::Manual] {
            assert_eq!(Waiting::default().with(cause, &open()), Waiting::default());
            for phase in [Phase::Idle, Phase::Current] {
                let record = Record { phase, ..Record::new() };
                assert_eq!(Waiting::default().with(cause, &record).first(), Some(cause));
            }
        }
    }

    #[test]
    fn a_person_frees_an_automatic_rotation_from_its_hours_and_is_answered_by_it() {
        let automatic = Record { cause: Some(Cause::Age), ..open() };
        let asked = Waiting::default().with(Cause::Manual, &automatic).with(Cause::Manual, &automatic);
        assert_eq!(asked, Waiting { releases: 0, other: Some(Cause::Manual) });
        let by_hand = Record { cause: Some(Cause::Manual), ..open() };
        assert_eq!(Waiting::default().with(Cause::Manual, &by_hand), Waiting::default());
        let due = Waiting::default().with(Cause::Age, &Record::new());
        assert_eq!(due.with(Cause::Manual, &Record::new()).first(), Some(Cause::Manual));

        let arrow = |from, to, effect| {
            let record = Record { phase: to, ..automatic.clone() };
            Arrow { from, record, takes: None, effect, event: crate::arrow::AuditEvent::Verified }
        };
        for (from, to, is_answered) in [
            (Phase::Verifying, Phase::Current, true),
            (Phase::Unverified, Phase::Idle, true),
            (Phase::Changing, Phase::Verifying, false),
            (Phase::Current, Phase::Idle, false),
        ] {
            let after = asked.after(&arrow(from, to, Effect::None)).unwrap();
            assert_eq!(after.first().is_none(), is_answered, "{from} to {to}");
        }
        let taken = Arrow { takes: Some(Cause::Age), ..arrow(Phase::Idle, Phase::CandidateStored, Effect::None) };
        assert_eq!((asked.after(&taken), due.after(&taken)), (None, Some(Waiting::default())));
    }

    #[test]
    fn one_rotation_answers_several_requests_of_other_causes() {
        let waiting = Waiting::default().with(Cause::Parent, &open()).with(Cause::Parent, &open());
        assert_eq!(waiting.without(Cause::Parent), Some(Waiting::default()));
        assert_eq!(waiting.without(Cause::Age), None);
        assert_eq!(waiting.with(Cause::Reconciliation, &open()).first(), Some(Cause::Reconciliation));
    }
}
