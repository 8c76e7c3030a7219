//! Drives the rotation of one account from arrow to arrow.

use crate::arrow::Arrow;
use crate::journal::{Journal, JournalError, Loaded};
use crate::limits::{Limits, Rules};
use crate::machine::{Check, Event, Maker, NotAllowed, next};
use crate::record::{Phase, Record};
use crate::schedule::next_step;
use crate::target::{Change, Failure, LoginSecret, Operator, Target, TargetError, Work};

/// Why a rotator has ended, and when it is to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No rotation is open, and none was requested.
    Idle,
    /// The rotation goes on at this time, in microseconds since 1970.
    Due(i64),
    /// A human has to decide.
    NeedsDecision,
}

/// Why a rotator has ended before it had to. The durable state is whole: the next run goes on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The journal did not do what was asked.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record was in no state for the event.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The record has a candidate and its versions have none, or the other way round.
    #[error("the stored versions of the secret do not fit the phase {0}")]
    Inconsistent(Phase),
}

/// Drives the rotation of one account.
///
/// At most one external call runs at a time, and none within a transaction. May be dropped at any await, like a process that
/// crashes: the next run goes on from the durable state.
pub struct Rotator<'a> {
    target: &'a dyn Target,
    journal: &'a dyn Journal,
    limits: Limits,
}

impl<'a> Rotator<'a> {
    /// Returns a rotator of the account of the journal.
    pub fn new(target: &'a dyn Target, journal: &'a dyn Journal, limits: Limits) -> Self {
        Self { target, journal, limits }
    }

    /// Goes on until the rotation waits or has ended, and answers the requests that wait.
    ///
    /// # Errors
    /// [`RotationError`]; [`JournalError::Lost`] says that another node goes on.
    pub async fn run(&self) -> Result<Outcome, RotationError> {
        loop {
            let run = Run { rotator: self, loaded: self.journal.load().await? };
            if let Some(outcome) = run.advance().await? {
                return Ok(outcome);
            }
        }
    }
}

/// One way from a loaded state to the next state that has to be loaded.
struct Run<'a> {
    rotator: &'a Rotator<'a>,
    loaded: Loaded,
}

impl Run<'_> {
    /// Returns an outcome if there is nothing more to do now.
    async fn advance(&self) -> Result<Option<Outcome>, RotationError> {
        let (record, waiting, now) = (&self.loaded.record, self.loaded.waiting, self.now());
        match next_step(record, waiting, self.rotator.limits.hours, now) {
            None if record.phase == Phase::Idle => return Ok(Some(Outcome::Idle)),
            None => return Ok(Some(Outcome::NeedsDecision)),
            Some(due_at) if due_at > now => return Ok(Some(Outcome::Due(due_at))),
            Some(_) => {}
        }
        if let (Phase::Idle, Some(cause)) = (record.phase, waiting.first()) {
            self.apply(record, Event::Opened(cause)).await?;
            return Ok(None);
        }
        self.step(record).await?;
        Ok(None)
    }

    /// Makes the step that is due. A running step in a record that was loaded is one that was interrupted.
    async fn step(&self, record: &Record) -> Result<(), RotationError> {
        match record.phase {
            Phase::Changing => {
                let resumed = self.apply(record, Event::Resumed).await?;
                self.check(&resumed, self.replaced()).await
            }
            Phase::Verifying => self.apply(record, Event::Resumed).await.map(drop),
            Phase::Current => {
                let started = self.apply(record, Event::Started).await?;
                self.retire(&started, self.loaded.former.as_ref(), self.loaded.current.as_ref()).await
            }
            Phase::Rejected => self.apply(record, Event::Started).await.map(drop),
            _ if self.loaded.account.identity.is_none() || self.loaded.refusal.is_some() => {
                self.identify_and_start(record).await
            }
            _ => self.start(record).await,
        }
    }

    /// Pins the identity of a target that was never connected to; then the state is loaded again. A target without identity
    /// goes on at once.
    async fn identify_and_start(&self, record: &Record) -> Result<(), RotationError> {
        self.rotator.journal.renew().await?;
        let event = match self.on_target(|target| target.identify(&self.loaded.account)).await {
            Ok(None) => return self.start(record).await,
            Ok(Some(identity)) => Event::Identified(identity),
            Err(error) => Event::NotIdentified(self.failed(error)),
        };
        self.apply(record, event).await.map(drop)
    }

    async fn start(&self, record: &Record) -> Result<(), RotationError> {
        let maker = if record.phase == Phase::NeedsReconcile { Maker::Reconciliation } else { Maker::Operator };
        let started = self.apply(record, Event::Started).await?;
        if started.phase == Phase::Verifying {
            return self.check(&started, self.replaced()).await;
        }
        let result = self.change(maker).await?;
        let changed = self.apply(&started, Event::Changed { by: maker, result }).await?;
        if changed.phase != Phase::Verifying {
            return Ok(());
        }
        self.check(&changed, self.loaded.current.as_ref()).await
    }

    async fn change(&self, maker: Maker) -> Result<Result<(), Failure>, RotationError> {
        let operator = match maker {
            Maker::Operator => self.loaded.operator.clone(),
            Maker::Reconciliation => match &self.loaded.reconciliation {
                Some(login) => Operator::Other(login.clone()),
                None => return Ok(Err(Failure::Misconfigured)),
            },
        };
        let current = self.loaded.current.clone();
        if matches!(operator, Operator::Itself) && current.is_none() {
            return Ok(Err(Failure::Misconfigured));
        }
        let candidate = self.candidate()?.clone();
        let change = Change { account: self.loaded.account.clone(), operator, current, candidate };
        Ok(self.on_target(|target| target.change(&change)).await.map_err(|error| self.failed(error)))
    }

    /// Calls the target, unless it must not be contacted.
    async fn on_target<'w, T>(&'w self, call: impl FnOnce(&'w dyn Target) -> Work<'w, T>) -> Result<T, TargetError> {
        match self.loaded.refusal {
            Some(refusal) => Err(refusal),
            None => call(self.rotator.target).await,
        }
    }

    /// Tells the journal of an error of the target. Returns what follows from it.
    fn failed(&self, error: TargetError) -> Failure {
        self.rotator.journal.note_error(error);
        error.failure
    }

    /// Returns the value that a change of an earlier run replaces: the current one, unless another was saved since.
    fn replaced(&self) -> Option<&LoginSecret> {
        self.loaded.former.as_ref().or(self.loaded.current.as_ref())
    }

    /// Tries the values, each once, and retires the one that is replaced if the candidate logs in.
    async fn check(&self, verifying: &Record, replaced: Option<&LoginSecret>) -> Result<(), RotationError> {
        let event = self.try_values().await?;
        let checked = self.apply(verifying, event).await?;
        if checked.phase != Phase::Current {
            return Ok(());
        }
        self.retire(&checked, replaced, self.loaded.candidate.as_ref()).await
    }

    async fn try_values(&self) -> Result<Event, RotationError> {
        let candidate_refused = match self.logs_in(self.candidate()?).await {
            Ok(true) => return Ok(Event::Checked(Check::Candidate)),
            Ok(false) => true,
            Err(failure) => return Ok(Event::CheckFailed { failure, candidate_refused: false }),
        };
        let Some(current) = &self.loaded.current else { return Ok(Event::Checked(Check::NotCandidate)) };
        self.rotator.journal.renew().await?;
        Ok(match self.logs_in(current).await {
            Ok(true) => Event::Checked(Check::Current),
            Ok(false) => Event::Checked(Check::Neither),
            Err(failure) => Event::CheckFailed { failure, candidate_refused },
        })
    }

    async fn logs_in(&self, secret: &LoginSecret) -> Result<bool, Failure> {
        self.on_target(|target| target.verify(&self.loaded.account, secret)).await.map_err(|error| self.failed(error))
    }

    async fn retire(
        &self,
        record: &Record,
        former: Option<&LoginSecret>,
        current: Option<&LoginSecret>,
    ) -> Result<(), RotationError> {
        if record.phase != Phase::Current {
            return Ok(());
        }
        let candidate = current.ok_or(RotationError::Inconsistent(Phase::Current))?.clone();
        let (account, operator) = (self.loaded.account.clone(), self.loaded.operator.clone());
        let change = Change { account, operator, current: former.cloned(), candidate };
        let result = self.on_target(|target| target.retire(&change)).await.map_err(|error| self.failed(error));
        self.apply(record, Event::Retired(result)).await.map(drop)
    }

    fn candidate(&self) -> Result<&LoginSecret, RotationError> {
        self.loaded.candidate.as_ref().ok_or(RotationError::Inconsistent(self.loaded.record.phase))
    }

    /// Applies the arrow of an event, and returns the record after it.
    async fn apply(&self, record: &Record, event: Event) -> Result<Record, RotationError> {
        let can_reconcile = self.loaded.reconciliation.is_some();
        let rules = Rules::new(self.rotator.limits, &self.loaded.operator, can_reconcile);
        let arrow: Arrow = next(record, &event, &rules, self.now())?;
        self.rotator.journal.apply(&arrow).await?;
        Ok(arrow.record)
    }

    fn now(&self) -> i64 {
        self.rotator.journal.now()
    }
}
