//! The simulated database: one row for each account, and the transactions on it.

use chaveiro_rotation::{
    Arrow, AuditEvent, Cause, Effect, Hours, JournalError, PasswordPolicy, Phase, Record, TargetIdentity, Waiting,
    next_step,
};

use crate::sabotage::Sabotage;
use crate::world::{SECOND, World};

/// Lifetime of a lease: longer than any call of a target.
pub(crate) const LEASE: i64 = 120 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Current,
    Previous,
    Candidate,
    Unverified,
    Rejected,
}

impl State {
    /// Whether the vault allows the transition.
    fn may_become(self, next: State) -> bool {
        match self {
            State::Candidate => matches!(next, State::Unverified | State::Current | State::Rejected),
            State::Unverified => matches!(next, State::Current | State::Rejected),
            State::Current => next == State::Previous,
            State::Previous | State::Rejected => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) state: State,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) record: Record,
    pub(crate) waiting: Waiting,
    pub(crate) identity: Option<TargetIdentity>,
    pub(crate) versions: Vec<Version>,
    /// The value that the last change replaces.
    pub(crate) replaced: Option<String>,
    /// The fence of the newest lease, and when it ends.
    pub(crate) lease: (u64, i64),
    /// The account whose secret this one shares.
    pub(crate) parent: Option<usize>,
    /// Releases that were asked for, that were answered by a new current value, and that a human ended.
    pub(crate) releases: (u32, u32, u32),
    /// Calls of the target since the rotation was opened or a human decided.
    pub(crate) calls: u32,
    /// Values that were sent to the target.
    pub(crate) sent: Vec<String>,
    /// Whether something that no rotator can see changed the target: a human, or a request that arrived when its value was
    /// no candidate any more.
    pub(crate) is_disturbed: bool,
    /// Whether a value was set at the target that the vault does not know.
    pub(crate) is_lost: bool,
    /// Values that were tried since the last arrow, with the fence of who tried them.
    pub(crate) tried: Vec<(u64, String)>,
}

impl Row {
    pub(crate) fn value(&self, states: &[State]) -> Option<&String> {
        self.versions.iter().rev().find(|version| states.contains(&version.state)).map(|version| &version.value)
    }

    pub(crate) fn current(&self) -> Option<&String> {
        self.value(&[State::Current])
    }

    pub(crate) fn candidate(&self) -> Option<&String> {
        self.value(&[State::Candidate, State::Unverified])
    }

    /// Whether a rotator has something to do.
    pub(crate) fn is_due(&self, hours: Hours, now: i64) -> bool {
        next_step(&self.record, self.waiting, hours, now).is_some_and(|due_at| due_at <= now)
    }

    fn become_state(&mut self, from: &[State], to: State) -> Result<(), String> {
        let version = self.versions.iter_mut().rev().find(|version| from.contains(&version.state));
        let version = version.ok_or(format!("no version to become {to:?}"))?;
        if !version.state.may_become(to) {
            return Err(format!("{:?} may not become {to:?}", version.state));
        }
        version.state = to;
        Ok(())
    }
}

impl World {
    /// The transaction of an arrow. `fence`: that of the rotator; `None`: a human's decision, which needs no lease.
    pub(crate) fn commit(&mut self, account: usize, fence: Option<u64>, arrow: &Arrow) -> Result<(), JournalError> {
        let now = self.now;
        let is_fenced = self.sabotage != Sabotage::IgnoreFence;
        let row = &mut self.rows[account];
        if let Some(fence) = fence.filter(|_| is_fenced)
            && (row.lease.0 != fence || row.lease.1 <= now)
        {
            return Err(JournalError::Lost);
        }
        if row.record.revision != arrow.expected_revision() && is_fenced {
            return Err(JournalError::Lost);
        }
        let waiting = row.waiting.after(arrow).ok_or(JournalError::Lost)?;
        if self.sabotage != Sabotage::TakeNothing {
            row.waiting = waiting;
        }
        // The rotator looked at the clock within its lease.
        let is_in_time = self.hours.at_or_after(now - LEASE) <= now;
        let is_bound = arrow.record.cause.is_some_and(Cause::is_automatic) && waiting.other != Some(Cause::Manual);
        if arrow.to() == Phase::Changing && arrow.from != Phase::NeedsReconcile && is_bound && !is_in_time {
            self.violate(format!("account {account}: sent outside of the hours"));
        }
        let row = &mut self.rows[account];
        if arrow.event == AuditEvent::ChangeStarted {
            row.replaced = row.current().cloned();
        }
        let ended = (row.record.cause, row.record.phase);
        row.record = arrow.record.clone();
        row.lease.1 = if fence.is_some() { now + LEASE } else { row.lease.1 };
        row.tried.retain(|(by, _)| Some(*by) != fence);
        self.count(account, arrow, fence.is_none(), ended.0);
        if let Err(violation) = self.take_effect(account, arrow) {
            self.violate(format!("account {account}, {}: {violation}", arrow.event));
        }
        self.trace(|| format!("{account} {:?}: {} to {}, {:?}", fence, arrow.from, arrow.event, arrow.record));
        self.visited.insert((arrow.from, arrow.event));
        self.check_invariants();
        Ok(())
    }

    fn count(&mut self, account: usize, arrow: &Arrow, is_decision: bool, cause: Option<Cause>) {
        let row = &mut self.rows[account];
        let is_release = cause == Some(Cause::Release);
        match arrow.event {
            AuditEvent::Verified if is_release => row.releases.1 += 1,
            AuditEvent::CandidateAccepted | AuditEvent::CurrentKept if is_release => row.releases.2 += 1,
            _ => {}
        }
        if is_decision || arrow.event == AuditEvent::Opened || arrow.event == AuditEvent::Verified {
            row.calls = 0;
        }
    }

    fn take_effect(&mut self, account: usize, arrow: &Arrow) -> Result<(), String> {
        let deletes = self.sabotage == Sabotage::DeleteSentCandidate;
        let row = &mut self.rows[account];
        match &arrow.effect {
            Effect::None if deletes && arrow.event == AuditEvent::ChangeUnknown => {
                let value = row.current().cloned().unwrap_or_default();
                row.versions.retain(|version| version.state != State::Unverified);
                row.versions.push(Version { state: State::Unverified, value });
                Ok(())
            }
            Effect::None => Ok(()),
            Effect::Pin(identity) => {
                row.identity = Some(identity.clone());
                Ok(())
            }
            Effect::MarkSent => row.become_state(&[State::Candidate], State::Unverified),
            Effect::Reject => row.become_state(&[State::Candidate, State::Unverified], State::Rejected),
            Effect::StoreCandidate(shape) => {
                if row.candidate().is_some() {
                    return Err("a candidate is stored already".to_owned());
                }
                let value = match row.parent {
                    Some(parent) => self.rows[parent].current().cloned().ok_or("the parent has no value")?,
                    None => {
                        let random = &mut self.random;
                        let drawn = PasswordPolicy::default().generate(*shape, &mut || random.next());
                        drawn.map_err(|error| error.to_string())?.expose().to_owned()
                    }
                };
                self.rows[account].versions.push(Version { state: State::Candidate, value });
                Ok(())
            }
            Effect::Promote => self.promote(account, arrow.event),
        }
    }

    fn promote(&mut self, account: usize, event: AuditEvent) -> Result<(), String> {
        let row = &mut self.rows[account];
        let value = row.candidate().cloned().ok_or("there is no candidate")?;
        let is_proved = self.systems[account].proved.contains(&value);
        if event != AuditEvent::CandidateAccepted && !is_proved {
            return Err("the current value was replaced by one that was not verified".to_owned());
        }
        if row.current().is_some() {
            row.become_state(&[State::Current], State::Previous)?;
        }
        row.become_state(&[State::Candidate, State::Unverified], State::Current)?;
        // Something may have changed the target between the login and this transaction.
        if event == AuditEvent::Verified && self.systems[account].accepts(&value) {
            (row.is_disturbed, row.is_lost) = (false, false);
        }
        for child in &mut self.rows {
            if child.parent == Some(account) {
                child.waiting = child.waiting.with(Cause::Parent, &child.record);
            }
        }
        Ok(())
    }
}
