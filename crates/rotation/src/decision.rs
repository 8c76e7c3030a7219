//! What a human decides of a rotation that does not go on by itself, or that goes on too slowly.

use crate::arrow::{Arrow, AuditEvent, Effect};
use crate::machine::NotAllowed;
use crate::record::{Phase, Record};
use crate::target::TargetIdentity;

/// A human's decision. Who decided is in the audit record of its arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The candidate is in force, although it was not verified: it becomes current. Nothing is retired.
    AcceptCandidate,
    /// The current value is in force: the candidate is kept as rejected, and the rotation ends.
    KeepCurrent,
    /// The rotation is tried again, at once and with fresh bounds.
    Retry,
    /// The target's new identity is right: it is pinned, and the rotation is tried again.
    TrustIdentity(TargetIdentity),
    /// The removal of a just-in-time account is tried at the device's present address. No rotation has this decision: each of its
    /// calls goes to the present address.
    FollowDevice,
}

/// Returns the arrow of a decision.
///
/// # Errors
/// [`NotAllowed`] while a step runs on the target, if no rotation is open, or if the phase does not fit the decision.
pub fn decide(record: &Record, decision: &Decision, now: i64) -> Result<Arrow, NotAllowed> {
    let phase = record.phase;
    if matches!(phase, Phase::Idle | Phase::Changing | Phase::Verifying | Phase::Current) {
        return Err(NotAllowed(phase));
    }
    let ended = Record { revision: record.revision.saturating_add(1), ..Record::new() };
    let (after, effect, event) = match decision {
        Decision::AcceptCandidate if phase != Phase::Rejected => {
            (ended, Effect::Promote, AuditEvent::CandidateAccepted)
        }
        Decision::KeepCurrent => {
            let effect = if phase == Phase::Rejected { Effect::None } else { Effect::Reject };
            (ended, effect, AuditEvent::CurrentKept)
        }
        Decision::Retry => (retried(record, now), Effect::None, AuditEvent::Retried),
        Decision::TrustIdentity(identity) if phase == Phase::IdentityChanged => {
            (retried(record, now), Effect::Pin(identity.clone()), AuditEvent::IdentityTrusted)
        }
        _ => return Err(NotAllowed(phase)),
    };
    Ok(Arrow { from: phase, record: after, takes: None, effect, event })
}

/// Returns the record from which the rotation is tried again.
fn retried(record: &Record, now: i64) -> Record {
    let phase = if record.phase == Phase::Rejected { Phase::Rejected } else { record.resumed_phase() };
    Record {
        revision: record.revision.saturating_add(1),
        phase,
        attempts: 0,
        checks: 0,
        rejections: 0,
        due_at: Some(now),
        problem: None,
        ..record.clone()
    }
}
