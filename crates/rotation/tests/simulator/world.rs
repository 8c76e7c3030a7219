//! All state of a simulation: the clock, the database, the targets, and what is on its way between them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use chaveiro_rotation::{AuditEvent, Failure, Hours, Phase, TargetIdentity};

use crate::database::{Row, State};
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::system::System;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3600 * SECOND;

/// The most calls of the target in one rotation: a change or a check is at most three, and a crash in a change adds a check.
const MOST_CALLS: u32 = 12 * 5 + 12;

/// A change on its way to the target.
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) account: usize,
    /// The value that the account itself logs in with; `None`: another account makes the change.
    pub(crate) itself: Option<String>,
    pub(crate) candidate: String,
    pub(crate) arrives_at: i64,
    /// Whether its node had lost the lease when it was sent.
    pub(crate) is_outdated: bool,
    /// Whether the target takes longer than its client waits.
    pub(crate) is_late: bool,
    pub(crate) pinned: Option<TargetIdentity>,
}

/// What a simulation is made of. The futures of the nodes share it; one of them runs at a time.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: i64,
    pub(crate) sabotage: Sabotage,
    /// Faults in a thousand calls; 0 once everything heals.
    pub(crate) fault_rate: usize,
    /// Faults of the next changes, before any is drawn.
    pub(crate) script: Vec<crate::target::Fault>,
    /// Whether the account changes its own secret, for each account.
    pub(crate) changes_itself: Vec<bool>,
    pub(crate) can_reconcile: bool,
    /// When automatic changes are sent.
    pub(crate) hours: Hours,
    pub(crate) rows: Vec<Row>,
    pub(crate) systems: Vec<System>,
    pub(crate) requests: Vec<Request>,
    pub(crate) answers: BTreeMap<u64, Result<(), Failure>>,
    pub(crate) fences: u64,
    /// Decisions of a human since the faults ended, for each account.
    pub(crate) decisions: Vec<usize>,
    pub(crate) violation: Option<String>,
    pub(crate) visited: HashSet<(Phase, AuditEvent)>,
    pub(crate) is_traced: bool,
    pub(crate) log: Vec<String>,
}

/// A world that the nodes share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }
}

impl World {
    pub(crate) fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.is_traced {
            let line = format!("{:>12.3} {}", self.now as f64 / SECOND as f64, line());
            self.log.push(line);
        }
    }

    pub(crate) fn violate(&mut self, violation: String) {
        self.trace(|| format!("VIOLATION {violation}"));
        self.violation.get_or_insert(violation);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.fences += 1;
        self.fences
    }

    /// Lets the requests arrive whose time has come.
    pub(crate) fn deliver(&mut self) {
        let now = self.now;
        while let Some(index) = self.requests.iter().position(|request| request.arrives_at <= now) {
            let request = self.requests.swap_remove(index);
            let answer = self.arrive(&request);
            self.trace(|| format!("{} arrives at the target: {answer:?}", request.account));
            self.answers.insert(request.number, answer);
            self.check_invariants();
        }
    }

    fn arrive(&mut self, request: &Request) -> Result<(), Failure> {
        let (now, is_compared) = (self.now, self.sabotage != Sabotage::IgnoreIdentity);
        let row = &mut self.rows[request.account];
        let system = &mut self.systems[request.account];
        if is_compared {
            system.connect(request.pinned.as_ref(), now)?;
        }
        let known = row.versions.iter().find(|version| version.value == request.candidate);
        let is_awaited = known.is_some_and(|version| matches!(version.state, State::Current | State::Unverified));
        // The login of a request that takes long was made when it was sent.
        let itself = request.itself.as_deref().filter(|_| !request.is_late);
        system.change(itself, &request.candidate, now)?;
        row.is_disturbed |= !is_awaited || request.is_outdated;
        Ok(())
    }

    /// Checks what has to hold at any moment.
    pub(crate) fn check_invariants(&mut self) {
        let found = (0..self.rows.len()).find_map(|account| {
            let violation = self.violation_of(account)?;
            Some(format!("account {account}, {}: {violation}", self.rows[account].record.phase))
        });
        if let Some(violation) = found {
            self.violate(violation);
        }
    }

    fn violation_of(&self, account: usize) -> Option<&'static str> {
        let (row, system) = (&self.rows[account], &self.systems[account]);
        let is_accepted = |states: &[State]| {
            row.versions.iter().any(|version| states.contains(&version.state) && system.accepts(&version.value))
        };
        let count = |states: &[State]| row.versions.iter().filter(|version| states.contains(&version.state)).count();
        let all = [State::Current, State::Previous, State::Candidate, State::Unverified, State::Rejected];
        let has_values = !row.versions.is_empty() && row.current().is_some();
        let candidates = count(&[State::Candidate, State::Unverified]);
        let has_candidate = !matches!(row.record.phase, Phase::Idle | Phase::Current | Phase::Rejected);
        let is_kept = |value: &String| row.versions.iter().any(|version| version.value == *value);
        let (asked, answered, ended) = row.releases;
        let checks = [
            (has_values && !row.is_lost && !is_accepted(&all), "no stored value logs in"),
            (
                has_values && !row.is_disturbed && !is_accepted(&[State::Current, State::Unverified]),
                "neither the current value nor the candidate logs in",
            ),
            (!row.is_lost && is_accepted(&[State::Candidate]), "a value is in force that was never marked as sent"),
            (!row.sent.iter().all(is_kept), "a value that was sent was deleted"),
            (count(&[State::Current]) > 1 || candidates > 1, "two versions of one state"),
            ((candidates == 1) != has_candidate, "the versions do not fit the phase"),
            (answered + ended > asked, "a release rotated twice"),
            (row.calls > MOST_CALLS, "the target is called for ever"),
        ];
        checks.into_iter().find_map(|(is_violated, name)| is_violated.then_some(name))
    }
}
