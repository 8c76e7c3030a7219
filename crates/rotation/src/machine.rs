//! The state machine: the arrow that follows from a state and an event. Pure: time is an argument.

mod change;
mod check;
mod draft;
#[cfg(test)]
mod tests;

use crate::arrow::{Arrow, AuditEvent};
use crate::limits::Rules;
use crate::record::{Cause, Phase, Problem, Record};
use crate::target::{Failure, TargetIdentity};
use draft::Draft;

/// What happened to a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A waiting request is taken.
    Opened(Cause),
    /// The target presented itself, and its identity was not pinned yet.
    Identified(TargetIdentity),
    /// The target did not present itself.
    NotIdentified(Failure),
    /// The next step begins. The arrow is committed before anything is sent.
    Started,
    /// The target answered a change, or did not.
    Changed {
        /// Who made it.
        by: Maker,
        /// The answer.
        result: Result<(), Failure>,
    },
    /// The values were tried.
    Checked(Check),
    /// The values could not be tried.
    CheckFailed {
        /// What the target answered instead.
        failure: Failure,
        /// Whether the candidate had been refused by then, which targets count.
        candidate_refused: bool,
    },
    /// The target removed what the former value opens, or did not.
    Retired(Result<(), Failure>),
    /// A step was found that began in a run which has ended.
    Resumed,
}

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The operator of the account: itself or another account.
    Operator,
    /// The reconciliation account.
    Reconciliation,
}

/// Which value logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The candidate. The current value was not tried then.
    Candidate,
    /// The current value, and not the candidate.
    Current,
    /// Neither.
    Neither,
    /// Not the candidate; there is no current value to try.
    NotCandidate,
}

/// An event or decision that the phase does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not allowed in the phase {0}")]
pub struct NotAllowed(pub Phase);

/// Returns the arrow that follows from an event.
///
/// # Errors
/// [`NotAllowed`] if the phase does not expect the event, or if a step starts before it is due.
pub fn next(record: &Record, event: &Event, rules: &Rules, now: i64) -> Result<Arrow, NotAllowed> {
    let draft = Draft::new(record, rules, now);
    match (record.phase, event) {
        (Phase::Idle, Event::Opened(cause)) if draft.may_open() => Ok(draft.open(*cause)),
        (_, Event::Identified(identity)) if draft.may_identify() => Ok(draft.pin(identity)),
        (_, Event::NotIdentified(failure)) if draft.may_identify() => Ok(draft.not_identified(*failure)),
        (_, Event::Started) => draft.start(),
        (Phase::Changing, Event::Changed { by, result }) => Ok(draft.changed(*by, *result)),
        (Phase::Changing, Event::Resumed) => Ok(draft.check_now(AuditEvent::Interrupted, Some(Problem::Interrupted))),
        (Phase::Verifying, Event::Checked(check)) => Ok(draft.checked(*check)),
        (Phase::Verifying, Event::CheckFailed { failure, candidate_refused }) => {
            Ok(draft.check_failed(*failure, *candidate_refused))
        }
        (Phase::Verifying, Event::Resumed) => {
            Ok(draft.set_back(Phase::Unverified, Problem::Interrupted).arrow(AuditEvent::Interrupted))
        }
        // With a problem, the last attempt has ended and the next one has not started.
        (Phase::Current, Event::Retired(result)) if record.problem.is_none() => Ok(draft.retired(*result)),
        (phase, _) => Err(NotAllowed(phase)),
    }
}
