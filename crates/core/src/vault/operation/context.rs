//! The context of a rule: connection, request and time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{Permit, Principal, Request, Subject};
use crate::clock::{instant, to_micros};
use crate::config::Settings;
use crate::store::credential::CredentialRow;
use crate::store::credential_lock::{LockedAhead, LockedPassword};
use crate::store::id::{AuthorizationId, CredentialId};
use crate::store::{AnyConnection, DeferrableWrite, StoreError, Transaction};
use crate::vault::{DenyReason, Inner, VaultError};

/// Where the statements of a rule run.
pub(super) enum Source<'a> {
    /// On a connection for reads, or in a transaction in which the savepoint of the job is set.
    Connection(&'a mut AnyConnection),
    /// In a transaction that has begun. The first statement sets the savepoint, and a job with what was looked up ahead may need none.
    Begun(Transaction<'a>),
}

/// The context of one operation, in a transaction or on a read connection.
pub(in crate::vault) struct OperationContext<'a> {
    source: Source<'a>,
    /// The account that was looked up ahead, until the operation takes it.
    locked_account: LockedAhead,
    /// The password of that account, until the operation takes it.
    locked_password: Option<(CredentialId, LockedPassword)>,
    /// That account, if no credential has it as its parent.
    childless: Option<CredentialId>,
    pub(super) permit: &'a Permit,
    /// The principal with its current grants; the permit holds the grants at the time of the request.
    principal: Principal,
    pub(in crate::vault) vault: &'a Inner,
    now: DateTime<Utc>,
    /// The last object that was looked up, for the record of a refusal.
    pub(super) found: Subject,
    /// The credential whose view the operation stores if it succeeds.
    pub(super) viewed: Option<CredentialId>,
    pub(super) preconditions_checked: bool,
}

/// How long after a stored view no other is stored, in microseconds. The audit log has every view.
const VIEW_INTERVAL: i64 = 60_000_000;

/// The outcome of a read of an inactive object, of which nothing is shown.
const INACTIVE: &str = "inactive";

/// The result of a rule, with the subject of its audit record.
#[derive(Debug)]
pub(in crate::vault) struct Done<T> {
    pub(in crate::vault) subject: Subject,
    pub(in crate::vault) value: T,
    pub(super) outcome: &'static str,
    /// What the record names in place of the subject.
    pub(super) objects: Option<String>,
}

impl<T> Done<T> {
    /// A success.
    pub(in crate::vault) fn new(subject: Subject, value: T) -> Self {
        Self { subject, value, outcome: "ok", objects: None }
    }

    /// A success that concerns several objects; its record has `objects` instead of a subject.
    pub(in crate::vault) fn several(objects: String, value: T) -> Self {
        Self { objects: Some(objects), ..Self::new(Subject::Collection, value) }
    }

    /// A success that shows nothing of the object, because it is inactive: the read is recorded as such and not noted as a view.
    pub(in crate::vault) fn inactive(subject: Subject, value: T) -> Self {
        Self { subject, value, outcome: INACTIVE, objects: None }
    }

    /// A success that changed nothing, because there was nothing left to do.
    pub(in crate::vault) fn unchanged(subject: Subject, value: T) -> Self {
        Self { subject, value, outcome: "unchanged", objects: None }
    }

    /// The stored success of an earlier request with the same idempotency key.
    pub(super) fn repeated(subject: Subject, value: T) -> Self {
        Self { subject, value, outcome: "repeated", objects: None }
    }

    /// The same with another value.
    pub(in crate::vault) fn map<U>(self, map: impl FnOnce(T) -> U) -> Done<U> {
        Done { subject: self.subject, value: map(self.value), outcome: self.outcome, objects: self.objects }
    }
}

impl<'a> OperationContext<'a> {
    pub(super) fn new(
        connection: &'a mut AnyConnection,
        permit: &'a Permit,
        principal: Principal,
        vault: &'a Inner,
    ) -> Self {
        Self::with_source(Source::Connection(connection), permit, principal, vault)
    }

    /// Creates the context of a job in its transaction, with the account that was locked for it.
    pub(super) fn in_transaction(
        transaction: &'a mut Transaction<'_>,
        permit: &'a Permit,
        principal: Principal,
        vault: &'a Inner,
    ) -> Result<Self, StoreError> {
        let ahead = transaction.take_locked_account();
        let source = match &ahead {
            LockedAhead::Found(_) | LockedAhead::Reserved(_) => Source::Begun(transaction.reborrow()),
            LockedAhead::NotFound | LockedAhead::NotTried => Source::Connection(transaction.connection()?),
        };
        Ok(Self { locked_account: ahead, ..Self::with_source(source, permit, principal, vault) })
    }

    /// Creates the context of a job that writes nothing itself.
    pub(super) fn for_read(
        transaction: &'a mut Transaction<'_>,
        permit: &'a Permit,
        principal: Principal,
        vault: &'a Inner,
    ) -> Result<Self, StoreError> {
        let source = if transaction.needs_savepoint_to_read() {
            Source::Begun(transaction.reborrow())
        } else {
            Source::Connection(transaction.read_connection()?)
        };
        Ok(Self::with_source(source, permit, principal, vault))
    }

    fn with_source(source: Source<'a>, permit: &'a Permit, principal: Principal, vault: &'a Inner) -> Self {
        Self {
            source,
            locked_account: LockedAhead::NotTried,
            locked_password: None,
            childless: None,
            permit,
            principal,
            vault,
            now: vault.clock.now(),
            found: Subject::Collection,
            viewed: None,
            preconditions_checked: false,
        }
    }

    /// The connection, for the functions of the tables.
    pub(in crate::vault) fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.source {
            Source::Connection(connection) => connection,
            Source::Begun(transaction) => transaction.connection_when_begun(),
        }
    }

    /// Returns the account that was looked up ahead. Its password stays for [`OperationContext::take_locked_password`].
    pub(in crate::vault) fn take_locked_account(&mut self) -> LockedAhead {
        let mut ahead = std::mem::take(&mut self.locked_account);
        if let LockedAhead::Found(account) = &mut ahead {
            let (id, password) = (account.row.id, account.password.take());
            self.childless = password.as_ref().filter(|password| !password.has_children).map(|_| id);
            self.locked_password = password.map(|password| (id, password));
        }
        ahead
    }

    /// Whether it is known that no credential has this one as its parent, until the end of the transaction.
    pub(in crate::vault) fn is_childless(&self, id: CredentialId) -> bool {
        self.childless == Some(id)
    }

    /// Returns what is stored of the password of a credential, if it was locked ahead.
    pub(in crate::vault) fn take_locked_password(&mut self, id: CredentialId) -> Option<LockedPassword> {
        self.locked_password.take_if(|(locked, _)| *locked == id).map(|(_, password)| password)
    }

    /// Writes rows of an account, at the end of the transaction where that saves statements.
    pub(in crate::vault) fn write(&mut self, write: DeferrableWrite) -> Result<(), StoreError> {
        let now = match &mut self.source {
            Source::Connection(_) => Some(write),
            Source::Begun(transaction) => transaction.write_later(write),
        };
        now.map_or(Ok(()), |write| write.write(self.connection()))
    }

    /// The time of the operation.
    pub(in crate::vault) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The time of the operation in microseconds, as the tables store it.
    pub(in crate::vault) fn micros(&self) -> i64 {
        to_micros(self.now)
    }

    /// The principal of the request.
    pub(in crate::vault) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The source address of the request.
    pub(in crate::vault) fn source(&self) -> IpAddr {
        self.permit.origin().source
    }

    /// When the request is answered 503 at the latest, whatever the operation has done by then, if it begins now.
    pub(in crate::vault) fn deadline(&self) -> Instant {
        instant() + Duration::from_secs(self.settings().http.deadline_seconds.max(1))
    }

    pub(in crate::vault) fn settings(&self) -> &Settings {
        &self.vault.settings
    }

    pub(super) fn request(&self) -> &Request {
        self.permit.request()
    }

    /// The id of the client's authorization.
    ///
    /// # Errors
    /// [`DenyReason::Resource`] for a principal without one.
    pub(in crate::vault) fn authorization(&self) -> Result<AuthorizationId, VaultError> {
        self.principal().authorization().ok_or(VaultError::Denied(DenyReason::Resource))
    }

    /// Notes the object that was looked up, so that a refusal is recorded with it.
    pub(in crate::vault) fn found(&mut self, subject: Subject) {
        self.found = subject;
    }

    /// Notes that the secret of a credential is shown. The stored time is not updated again within [`VIEW_INTERVAL`],
    /// so that a busy credential is not written at every read.
    pub(in crate::vault) fn note_view(&mut self, row: &CredentialRow) {
        // A time in the future is that of a node with a wrong clock.
        let is_recent = |at| (0..VIEW_INTERVAL).contains(&self.micros().saturating_sub(at));
        let is_known = row.viewed_at.is_some_and(is_recent);
        self.viewed = (!is_known).then_some(row.id);
    }

    /// The credential whose view was noted, and the time.
    pub(super) fn viewed_at(&self) -> Option<(CredentialId, i64)> {
        self.viewed.map(|id| (id, self.micros()))
    }
}
