//! Jobs that a writer takes from the queue together, with what it looks up and locks for them by few statements.

use std::collections::VecDeque;

use super::open::{Changed, OpenTransaction};
use super::submitted::Job;
use super::waiting::Queued;
use crate::store::credential_lock::LockedAhead;
use crate::store::id::CredentialId;
use crate::store::object_lookup::FoundObject;

/// The most jobs of a round. Other writers take jobs from the queue too, and what the round looks up is in memory at once.
const MAX_JOBS: usize = 32;
/// The most jobs of a round that share no statements: other writers may be free for them.
const MAX_UNSHARED: usize = 4;

/// What was looked up and locked for a job before it runs.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub(super) lookup: Lookup,
    pub(super) account: LockedAhead,
}

/// What the lookup of a job found.
#[derive(Debug, Default)]
pub(super) enum Lookup {
    #[default]
    NotMade,
    Made(Option<FoundObject>),
}

impl Ahead {
    /// The place of its job among the others. First come those for which it holds until another one writes, and a read before the
    /// creation of the account that it did not find.
    fn turn(&self, is_unshared: bool) -> u8 {
        match &self.account {
            _ if is_unshared => 3,
            LockedAhead::NotTried => 0,
            // The job uses the connection, and what it changes is not known.
            account if account.only_id().is_none() => 2,
            LockedAhead::Reserved(_) => 1,
            _ => 0,
        }
    }

    /// Drops what shows this credential.
    fn forget_account(&mut self, id: CredentialId) {
        if let Lookup::Made(Some(FoundObject::Credential(found))) = &self.lookup
            && found.row.id == id
        {
            self.lookup = Lookup::NotMade;
        }
        if self.account.id() == Some(id) {
            self.account = LockedAhead::NotTried;
        }
    }
}

/// Jobs that a writer runs one after the other.
#[derive(Default)]
pub(super) struct Round(VecDeque<(Box<dyn Job>, Ahead)>);

impl Round {
    /// Adds a job.
    pub(super) fn push(&mut self, job: Box<dyn Job>) {
        self.0.push_back((job, Ahead::default()));
    }

    /// Takes more jobs, until there are `room`. On PostgreSQL, makes their lookups and locks their accounts, several with one statement,
    /// and sorts them: what was looked up for them holds until another one writes.
    pub(super) fn fill(&mut self, open: &mut OpenTransaction, room: usize, take: impl Fn() -> Option<Box<dyn Job>>) {
        self.forget();
        if !open.is_remote() {
            if self.0.is_empty() && room > 0 {
                take().into_iter().for_each(|job| self.push(job));
            }
            return;
        }
        self.take_more(room, take);
        // Before the locks, with which the transaction begins: no job has written anything that a lookup would have to see.
        self.look_up(open);
        self.lock(open);
        self.0.make_contiguous().sort_by_key(|(job, ahead)| ahead.turn(!job.shares_statements()));
    }

    /// Takes jobs from the queue.
    fn take_more(&mut self, room: usize, take: impl Fn() -> Option<Box<dyn Job>>) {
        let mut unshared = self.0.iter().filter(|(job, _)| !job.shares_statements()).count();
        while self.0.len() < room.min(MAX_JOBS)
            && (unshared == 0 || (unshared < MAX_UNSHARED && unshared < self.0.len()))
            && let Some(job) = take()
        {
            unshared += usize::from(!job.shares_statements());
            self.push(job);
        }
    }

    /// Looks up for several jobs, and for one beside another job, which may begin the transaction: in it, a lookup needs a savepoint.
    fn look_up(&mut self, open: &mut OpenTransaction) {
        let lookups: Vec<_> = self.0.iter().filter_map(|(job, _)| job.lookup()).map(AsRef::as_ref).collect();
        if self.0.len() > 1 && !lookups.is_empty() {
            let found = open.look_up_ahead(&lookups);
            let looking_up = self.0.iter_mut().filter(|(job, _)| job.lookup().is_some());
            for ((_, ahead), found) in looking_up.zip(found) {
                ahead.lookup = Lookup::Made(found);
            }
        }
    }

    /// Locks the accounts of several jobs, and the places of new ones, and those of one beside another job: what was looked up for that
    /// holds after it.
    fn lock(&mut self, open: &mut OpenTransaction) {
        let accounts: Vec<_> = self.0.iter().filter_map(|(job, _)| job.account()).map(AsRef::as_ref).collect();
        if self.0.len() > 1 && !accounts.is_empty() {
            let found = open.lock_ahead(&accounts);
            let changing = self.0.iter_mut().filter(|(job, _)| job.account().is_some());
            for ((_, ahead), account) in changing.zip(found) {
                ahead.account = account;
            }
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

    /// Drops what was looked up of what a job has changed.
    pub(super) fn forget_changed(&mut self, changed: Changed) {
        match changed {
            Changed::Nothing => {}
            Changed::Account(id) => self.0.iter_mut().for_each(|(_, ahead)| ahead.forget_account(id)),
            Changed::AnyRow => self.forget(),
        }
    }

    /// Drops what was looked up.
    fn forget(&mut self) {
        self.0.iter_mut().for_each(|(_, ahead)| *ahead = Ahead::default());
    }

    /// Returns the jobs that are left.
    pub(super) fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        self.0.into_iter().map(|(job, _)| job)
    }
}
