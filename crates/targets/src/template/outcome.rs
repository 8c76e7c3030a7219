//! What the end of a template means.

use chaveiro_rotation::TargetError;
use chaveiro_templates::{Effect, End, FailureReason, Outcome};

use super::Rehearsal;
use crate::failure::{self, LOST};

/// Returns what the end of a dialogue means for a change. Once the new password was sent, only success is clear.
pub(crate) fn judged(outcome: &Outcome) -> Result<(), TargetError> {
    if let End::Failed { at, reason } = outcome.end {
        log::warn!("template: {at}: {reason}");
    }
    match (outcome.effect(), outcome.end) {
        (Effect::Changed, _) => Ok(()),
        (Effect::Unknown, _) => Err(failure::unknown("the template failed after the new password was sent")),
        (Effect::NotChanged, End::Failed { reason, .. }) => Err(unchanged(reason)),
        (Effect::NotChanged, _) => Err(failure::misconfigured("the template ended without sending the new password")),
    }
}

fn unchanged(reason: FailureReason) -> TargetError {
    match reason {
        FailureReason::Closed | FailureReason::Connection => failure::unreachable(LOST),
        FailureReason::Forbidden | FailureReason::Exit(_) => {
            failure::denied("the target gave an answer that the template takes for a refusal")
        }
        FailureReason::TimedOut | FailureReason::Repeated => {
            failure::misconfigured("the output that the template expects did not come")
        }
    }
}

/// Returns how far a dialogue came.
pub(crate) fn rehearsed(outcome: Outcome) -> Rehearsal {
    let transcript = outcome.transcript;
    match outcome.end {
        End::BeforeNewPassword { at } => Rehearsal { at: Some(at), failure: None, transcript },
        End::Failed { at, reason } => Rehearsal { at: Some(at), failure: Some(reason.to_string()), transcript },
        End::Finished => {
            let failure = Some("the template ended without sending the new password".into());
            Rehearsal { at: None, failure, transcript }
        }
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_rotation::Failure;
    use chaveiro_templates::Position;

    use super::*;

    fn judge(reason: Option<FailureReason>, new_password_sent: bool) -> Option<Failure> {
        let at = Position::new(1, 1);
        let end = reason.map_or(End::Finished, |reason| End::Failed { at, reason });
        let outcome = Outcome { end, secret_sent: true, new_password_sent, transcript: String::new() };
        judged(&outcome).err().map(|error| error.failure)
    }

    #[test]
    fn every_failure_after_the_new_password_is_unknown() {
        use FailureReason::{Closed, Connection, Exit, Forbidden, Repeated, TimedOut};
        for (reason, before) in [
            (Closed, Failure::Unreachable),
            (Connection, Failure::Unreachable),
            (Forbidden, Failure::Denied),
            (Exit(1), Failure::Denied),
            (Repeated, Failure::Misconfigured),
            (TimedOut, Failure::Misconfigured),
        ] {
            assert_eq!(judge(Some(reason), false), Some(before));
            assert_eq!(judge(Some(reason), true), Some(Failure::Unknown));
        }
        assert_eq!((judge(None, true), judge(None, false)), (None, Some(Failure::Misconfigured)));
    }
}
