//! The audit records of issued tokens, merged by client, source and minute, so that a client that asks for tokens in a loop
//! does not fill the log.
//!
//! The first token of a minute waits for its record. Further ones are counted in memory, and recorded with the first token after
//! that minute. The count of a client that asks for no more tokens is recorded after a second minute: so a client leaves
//! one record a minute for each of its sources. The time of a record is that of its last token; the first is the one after
//! the record before it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::audit::Record;
use crate::network::subscriber_network;
use crate::vault::operation::{Action, Permit, Subject};
use crate::vault::{Vault, VaultError};

/// Time after a record during which further tokens are counted.
const MINUTE: TimeDelta = TimeDelta::minutes(1);
/// Number of sources of a client that are recorded as they are; further ones are merged by their networks, and beyond twice
/// this number under 0.0.0.0.
const MAX_SOURCES: usize = 64;
/// Number of counts of a client beyond which the reason, the subject of a workload, is left out.
const MAX_COUNTS: usize = 4096;
/// Number of records inserted by one job.
const RECORDS_PER_JOB: usize = 64;

/// The tokens since their last records, by client.
#[derive(Default)]
pub(in crate::vault) struct IssuedTokens(Mutex<HashMap<String, HashMap<Key, Count>>>);

/// What tokens of one client have in common to be merged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: String,
    family: &'static str,
    object: String,
    reason: String,
}

#[derive(Default)]
struct Count {
    /// When the last record was made; `None` if there is none.
    recorded_at: Option<DateTime<Utc>>,
    /// The record of the tokens since then.
    unrecorded: Option<Record>,
    /// The outcome of the record that is being written.
    writing: Option<Outcome>,
}

type Outcome = watch::Receiver<Option<Result<(), VaultError>>>;

/// A record that is being written, while other tokens of its client and source wait.
struct Pending {
    key: Key,
    record: Record,
    outcome: watch::Sender<Option<Result<(), VaultError>>>,
}

enum Step {
    /// The token was counted: there is a record of this minute.
    Counted,
    /// The record of another token is being written.
    Wait(Outcome),
    /// The token needs a record.
    Record(Box<Pending>, Outcome),
}

impl Key {
    fn new(record: &Record) -> Self {
        let Record { source, family, object, reason, .. } = record;
        Self { source: source.clone(), family, object: object.clone(), reason: reason.clone() }
    }

    /// The key for a token from `address` beside `others` counts of its client.
    fn merged(mut self, address: IpAddr, others: usize) -> Self {
        if others >= MAX_SOURCES * 2 {
            self.source = IpAddr::V4(Ipv4Addr::UNSPECIFIED).to_string();
        } else if others >= MAX_SOURCES {
            self.source = subscriber_network(address).to_string();
        }
        if others >= MAX_COUNTS {
            self.reason = String::new();
        }
        self
    }
}

impl Count {
    fn add(&mut self, record: Record) {
        let before = self.unrecorded.take().map_or(0, |record| record.times);
        self.unrecorded = Some(Record { times: record.times.saturating_add(before), ..record });
    }

    /// Whether a record is being written. A writer that has ended without an outcome writes no more.
    fn is_writing(&self) -> bool {
        self.writing.as_ref().is_some_and(|outcome| outcome.has_changed().is_ok())
    }

    fn is_older_than(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        // A clock that was set back does not keep a minute open.
        self.recorded_at.is_none_or(|at| now < at || now >= at + age)
    }
}

impl IssuedTokens {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<Key, Count>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the token that `record` is of, or makes the record for it and all that were counted.
    fn count(&self, record: Record, address: IpAddr) -> Step {
        let (mut clients, mut key) = (self.lock(), Key::new(&record));
        let counts = clients.entry(record.actor.clone()).or_default();
        if !counts.contains_key(&key) {
            key = key.merged(address, counts.len());
        }
        let count = counts.entry(key.clone()).or_default();
        if let Some(outcome) = count.writing.as_ref().filter(|_| count.is_writing()) {
            return Step::Wait(outcome.clone());
        }
        let record = Record { source: key.source.clone(), reason: key.reason.clone(), ..record };
        if !count.is_older_than(MINUTE, record.at) {
            count.add(record);
            return Step::Counted;
        }
        let before = count.unrecorded.as_ref().map_or(0, |record| record.times);
        let record = Record { times: record.times.saturating_add(before), ..record };
        let (sender, outcome) = watch::channel(None);
        count.writing = Some(outcome.clone());
        Step::Record(Box::new(Pending { key, record, outcome: sender }), outcome)
    }

    /// Notes the outcome of a record, and wakes the tokens that wait for it.
    fn end(&self, pending: Pending, written: Result<(), VaultError>) {
        let Pending { key, record, outcome } = pending;
        if let Some(count) = self.lock().get_mut(&record.actor).and_then(|counts| counts.get_mut(&key)) {
            count.writing = None;
            if written.is_ok() {
                *count = Count { recorded_at: Some(record.at), ..Count::default() };
            }
        }
        outcome.send_replace(Some(written));
    }

    /// Takes the counts of clients that have asked for no token since their minute ended, or all counts. Forgets minutes that
    /// have ended without further tokens.
    fn take(&self, now: DateTime<Utc>, all: bool) -> Vec<Record> {
        let (mut clients, mut taken) = (self.lock(), Vec::new());
        clients.retain(|_, counts| {
            counts.retain(|_, count| {
                if count.is_writing() {
                    return true;
                }
                if all || count.is_older_than(MINUTE * 2, now) {
                    taken.extend(count.unrecorded.take());
                }
                count.unrecorded.is_some() || !count.is_older_than(MINUTE, now)
            });
            !counts.is_empty()
        });
        taken
    }

    /// Puts back counts that could not be recorded.
    fn put_back(&self, records: Vec<Record>) {
        let mut clients = self.lock();
        for record in records {
            let counts = clients.entry(record.actor.clone()).or_default();
            counts.entry(Key::new(&record)).or_default().add(record);
        }
    }
}

impl Vault {
    /// Records an issued token, or counts it if this minute has a record of its client and source. Returns when the record is
    /// durable.
    ///
    /// # Errors
    /// [`VaultError::Store`] when it cannot be written; [`VaultError::Denied`] when the client was disabled meanwhile.
    pub(super) async fn record_issued_token(&self, permit: &Permit, subject: Subject) -> Result<(), VaultError> {
        loop {
            let record = self.0.record_of(permit, subject, "ok");
            let (mut outcome, is_own) = match self.0.issued_tokens.count(record, permit.origin().source) {
                Step::Counted => return Ok(()),
                Step::Wait(outcome) => (outcome, false),
                Step::Record(pending, outcome) => {
                    let (vault, permit) = (self.clone(), permit.clone());
                    // A task of its own: the outcome counts also if the client closes its connection meanwhile. Else each
                    // connection that is closed at once would leave a record.
                    tokio::spawn(async move {
                        let written = vault.record_merged(&permit, pending.record.clone()).await;
                        vault.0.issued_tokens.end(*pending, written);
                    });
                    (outcome, true)
                }
            };
            let ended = outcome.wait_for(Option::is_some).await.map(|written| written.clone());
            match ended {
                Ok(Some(Ok(()))) if !is_own => {}
                Ok(Some(written)) => return written,
                // The writer has ended without an outcome.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Records the counts of clients that have asked for no token for a while.
    ///
    /// # Errors
    /// [`VaultError::Store`]; the counts are then kept for the next call.
    pub async fn record_issued_tokens(&self) -> Result<(), VaultError> {
        self.record_counted_tokens(false).await
    }

    /// Records all counts, before the vault stops.
    ///
    /// # Errors
    /// As [`Vault::record_issued_tokens`].
    pub async fn record_all_issued_tokens(&self) -> Result<(), VaultError> {
        self.record_counted_tokens(true).await
    }

    async fn record_counted_tokens(&self, all: bool) -> Result<(), VaultError> {
        let mut rest = self.0.issued_tokens.take(self.0.clock.now(), all);
        let permit = Permit::system(Action::TOKEN_ISSUE);
        // In batches, so that many counts do not block other writes.
        while !rest.is_empty() {
            let some = rest.split_off(rest.len().saturating_sub(RECORDS_PER_JOB));
            if let Err(error) = self.append_records(&permit, some.clone()).await {
                self.0.issued_tokens.put_back(rest);
                self.0.issued_tokens.put_back(some);
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
