//! When the next step of a rotation is due, in the light of the hours of automatic changes.

use crate::hours::Hours;
use crate::record::{Cause, Phase, Record, Waiting};

/// Returns when the next step is due: now, or later. `None`: nothing was requested, or a human has to decide.
///
/// Outside of the hours no change is begun or sent that nobody asked for. What was sent is checked, and mended by the reconciliation
/// account, at any time: the value in force may be unknown.
pub fn next_step(record: &Record, waiting: Waiting, hours: Hours, now: i64) -> Option<i64> {
    let due_at = match record.phase {
        Phase::Idle => {
            waiting.first()?;
            record.due_at.unwrap_or(now)
        }
        _ => record.due_at?,
    };
    let due_at = due_at.max(now);
    Some(if is_bound(record, waiting) { hours.at_or_after(due_at) } else { due_at })
}

/// Whether the next step is bound to the hours of automatic changes.
fn is_bound(record: &Record, waiting: Waiting) -> bool {
    let (cause, sends) = match record.phase {
        Phase::Idle => (waiting.first(), true),
        Phase::CandidateStored | Phase::Rejected => (record.cause, true),
        Phase::Unreachable => (record.cause, !record.in_doubt),
        _ => (record.cause, false),
    };
    sends && cause.is_some_and(Cause::is_automatic) && waiting.other != Some(Cause::Manual)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600 * 1_000_000;

    /// The first hour of each day.
    fn hours() -> Hours {
        Hours::new([true; 7], 0, 60).unwrap()
    }

    /// Returns when the next step is due at noon of the first day; the next hours begin after half a day.
    fn due(record: &Record, waiting: Waiting) -> Option<i64> {
        next_step(record, waiting, hours(), DAY / 2)
    }

    fn open(phase: Phase, cause: Cause) -> Record {
        Record { phase, cause: Some(cause), due_at: Some(DAY / 4), ..Record::new() }
    }

    fn requested(cause: Cause) -> Waiting {
        Waiting::default().with(cause, &Record::new())
    }

    #[test]
    fn what_nobody_asked_for_begins_within_the_hours() {
        let idle = Record::new();
        assert_eq!(due(&idle, Waiting::default()), None);
        for cause in [Cause::Age, Cause::Release] {
            assert_eq!(due(&idle, requested(cause)), Some(DAY));
            assert_eq!(due(&idle, requested(cause).with(Cause::Manual, &idle)), Some(DAY / 2));
        }
        for cause in [Cause::Manual, Cause::Parent, Cause::JustInTime, Cause::Reconciliation] {
            assert_eq!(due(&idle, requested(cause)), Some(DAY / 2));
        }
        let quiet = Record { due_at: Some(DAY * 3 / 2), ..Record::new() };
        assert_eq!(due(&quiet, requested(Cause::Age)), Some(2 * DAY));
        assert_eq!(due(&quiet, requested(Cause::Manual)), Some(DAY * 3 / 2));
    }

    #[test]
    fn what_was_sent_is_checked_and_mended_at_any_time() {
        let none = Waiting::default();
        for phase in [Phase::CandidateStored, Phase::Rejected, Phase::Unreachable] {
            let record = open(phase, Cause::Age);
            assert_eq!(due(&record, none), Some(DAY), "{phase}");
            assert_eq!(due(&record, none.with(Cause::Manual, &record)), Some(DAY / 2), "{phase}: a person asks for it");
            assert_eq!(due(&open(phase, Cause::Manual), none), Some(DAY / 2), "{phase}");
        }
        for phase in [Phase::Changing, Phase::Verifying, Phase::Current, Phase::Unverified, Phase::NeedsReconcile] {
            assert_eq!(due(&open(phase, Cause::Age), none), Some(DAY / 2), "{phase}");
        }
        let in_doubt = Record { in_doubt: true, ..open(Phase::Unreachable, Cause::Age) };
        assert_eq!(due(&in_doubt, none), Some(DAY / 2));
        let undecided = Record { due_at: None, ..open(Phase::CandidateStored, Cause::Age) };
        assert_eq!(due(&undecided, none), None);
    }
}
