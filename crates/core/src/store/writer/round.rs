//! Jobs that a writer takes from the queue together, with what it looks up for them in one statement.

use std::collections::VecDeque;

use super::open::OpenTransaction;
use super::submitted::Job;
use crate::store::object_lookup::FoundObject;

/// The most jobs of a round. Other writers take jobs from the queue too, and what the round looks up is in memory at once.
const MAX_JOBS: usize = 32;

/// What the lookup of a job found before the job runs.
#[derive(Debug)]
pub(super) enum Ahead {
    NotLookedUp,
    LookedUp(Option<FoundObject>),
}

/// Jobs that look something up, one after the other, and the one behind them.
#[derive(Default)]
pub(super) struct Round(VecDeque<(Box<dyn Job>, Ahead)>);

impl Round {
    /// Adds a job.
    pub(super) fn push(&mut self, job: Box<dyn Job>) {
        self.0.push_back((job, Ahead::NotLookedUp));
    }

    /// Takes more jobs, up to `room`, and looks up for all of them.
    ///
    /// Only where that saves round trips, and before the transaction has begun: no job has written anything that a lookup would
    /// have to see, and a lookup that fails ends no transaction.
    pub(super) fn fill(&mut self, open: &mut OpenTransaction, room: usize, take: impl Fn() -> Option<Box<dyn Job>>) {
        self.forget();
        let may_look_up = open.may_look_up_ahead();
        let most = if may_look_up { room.min(MAX_JOBS) } else { room.min(1) };
        while self.0.len() < most
            && self.0.back().is_none_or(|(last, _)| last.lookup().is_some())
            && let Some(job) = take()
        {
            self.push(job);
        }
        let lookups: Vec<_> = self.0.iter().filter_map(|(job, _)| job.lookup()).map(AsRef::as_ref).collect();
        if !may_look_up || lookups.len() < 2 {
            return;
        }
        let found = open.look_up_ahead(&lookups);
        let looking_up = self.0.iter_mut().filter(|(job, _)| job.lookup().is_some());
        for ((_, ahead), found) in looking_up.zip(found) {
            *ahead = Ahead::LookedUp(found);
        }
    }

    /// Returns the next job.
    pub(super) fn next(&mut self) -> Option<(Box<dyn Job>, Ahead)> {
        self.0.pop_front()
    }

    /// Whether no job is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops what was looked up: a job may have changed it.
    pub(super) fn forget(&mut self) {
        self.0.iter_mut().for_each(|(_, ahead)| *ahead = Ahead::NotLookedUp);
    }

    /// Returns the jobs that are left.
    pub(super) fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        self.0.into_iter().map(|(job, _)| job)
    }
}
