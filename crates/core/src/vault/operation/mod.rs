//! The pipeline of every operation: `authorize → Permit → execute | reveal | search | query`.
//!
//! * [`Vault::authorize`] decides in memory and records a refusal. Parsing comes after it: an unauthorized client gets no
//!   parse errors.
//! * `execute`: one rule in one transaction with its audit record.
//! * `reveal`: a lookup that returns sealed values; its record is durable before a value is opened.
//! * `search`: as `reveal`, for lists and searches, which run on a snapshot and never in the writer.
//! * `query`: a search without secrets.
//!
//! A rule returns its audit subject with its value (`Done`). A refusal rolls back everything but its record.

mod action;
mod batch;
mod context;
mod execute;
mod idempotency;
mod permit;
mod preconditions;
mod principal;
mod read;
mod record;
mod request;
mod subject;

use std::sync::Arc;

pub use action::{AccessKind, Action, Need, RolePermission};
pub use idempotency::IdempotencyKey;
pub use permit::Permit;
pub use preconditions::{ETag, EntityTags, Preconditions};
pub use principal::Principal;
pub use request::{Request, RequestOptions, SecretWriter};
pub use subject::Subject;

pub(super) use context::{Done, OperationContext};
pub(super) use record::Recorded;

use super::access::check;
use super::error::Precondition;
use super::{Inner, Vault, VaultError};
use crate::audit::Record;
use crate::store::{StoreError, Ticket, Transaction};

impl Vault {
    /// Uses the proof of a request, if it has one, and checks the permission for an action in memory. Records a refusal.
    ///
    /// # Errors
    /// [`VaultError::Denied`]; [`VaultError::Unavailable`] while the grants in memory are too old to decide by.
    pub async fn authorize(&self, mut request: Request, action: Action) -> Result<Permit, VaultError> {
        self.0.require_fresh_grants(request.principal())?;
        if let Some(proof) = request.single_use.take() {
            self.use_proof(&request, &proof).await?;
        }
        self.check(Permit::new(request, action)).await
    }

    /// Checks the permission of a permitted request for another action; its options stay. Records a refusal.
    ///
    /// # Errors
    /// As [`Vault::authorize`].
    pub async fn authorize_as(&self, permit: &Permit, action: Action) -> Result<Permit, VaultError> {
        self.check(permit.for_part(action)).await
    }

    /// Checks the permission for the action of a permit. Records a refusal.
    async fn check(&self, permit: Permit) -> Result<Permit, VaultError> {
        match check::permitted(permit.principal(), permit.action(), permit.origin()) {
            Ok(()) => Ok(permit),
            Err(denied) => Err(self.refuse(&permit, denied).await),
        }
    }

    /// Adds options to a permitted request. Records a refusal.
    ///
    /// # Errors
    /// [`Precondition::Failed`] for preconditions on a change whose object has no ETag; [`VaultError::NotFound`] without a
    /// response key; [`VaultError::Invalid`] when the key does not support the encryption.
    pub async fn accept(&self, permit: Permit, options: RequestOptions) -> Result<Permit, VaultError> {
        match permit.with_options(options) {
            Ok(permit) => Ok(permit),
            Err(error) => Err(self.refuse(&permit, error).await),
        }
    }

    /// Records a refusal that `execute`, `reveal` or `query` does not record, and returns the error.
    pub async fn refuse(&self, permit: &Permit, error: VaultError) -> VaultError {
        match self.record_refusal(permit, &error.reason()).await {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// Records a refusal of a protocol's own rules by its stable reason.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the record could not be written.
    pub async fn record_refusal(&self, permit: &Permit, reason: &str) -> Result<(), VaultError> {
        let (inner, job_permit, reason) = (Arc::clone(&self.0), permit.clone(), reason.to_string());
        let job = move |transaction: &mut Transaction<'_>| {
            inner.record(transaction, &job_permit, Subject::Collection, &reason);
            Ok(())
        };
        self.submit(permit, 1, job).await
    }

    /// Checks a permit again in the writer, and appends a record of several events of its kind in place of its own.
    ///
    /// # Errors
    /// [`VaultError::Denied`], which is recorded; [`VaultError::Store`] when no record could be written.
    pub(super) async fn record_merged(&self, permit: &Permit, record: Record) -> Result<(), VaultError> {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            let revalidated = inner.revalidate(&job_permit).map(drop);
            match &revalidated {
                Ok(()) => inner.append(transaction, &record),
                Err(denied) => inner.record(transaction, &job_permit, Subject::Collection, &denied.reason()),
            }
            Ok(revalidated)
        };
        self.submit(permit, 1, job).await?
    }

    /// Appends records that belong to no single request: merged failed authentications, and counts of issued tokens.
    pub(super) async fn append_records(&self, permit: &Permit, records: Vec<Record>) -> Result<(), VaultError> {
        let (inner, cost) = (Arc::clone(&self.0), u32::try_from(records.len()).unwrap_or(u32::MAX));
        let job = move |transaction: &mut Transaction<'_>| {
            records.iter().for_each(|record| inner.append(transaction, record));
            Ok(())
        };
        self.submit(permit, cost, job).await
    }

    /// Queues a job of background work. It has no principal and writes no audit record of its own.
    pub(super) async fn write_in_background<T, J>(&self, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_in_background_for(Ticket::system(), job).await
    }

    /// As [`Vault::write_in_background`], at the cost of the ticket in the fair queue.
    pub(super) async fn write_in_background_for<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.write(ticket, job).await
    }

    /// Queues a job that has to be durable before its request is permitted, and writes no audit record.
    pub(super) async fn write_before_permit<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.write(ticket, job).await
    }

    /// The only caller of `Store::write`.
    async fn write<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.store.write(ticket, job).await
    }

    /// Queues a job of a permitted request for the writer. `items` is the cost of the job in the fair queue.
    async fn submit<T, J>(&self, permit: &Permit, items: u32, job: J) -> Result<T, VaultError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        Ok(self.write(ticket(permit, items), job).await?)
    }
}

/// The ticket of a permitted request.
fn ticket(permit: &Permit, items: u32) -> Ticket {
    Ticket { items, ..Ticket::new(permit.lane(), permit.origin().request_id.as_str()) }
}

/// The result of a rule or a snapshot, with the subject and outcome for its audit record.
struct Finished<T> {
    result: Result<T, VaultError>,
    subject: Subject,
    /// The object of the record: the subject, or all objects of the operation.
    object: String,
    outcome: String,
}

impl<T> Finished<T> {
    /// Takes the subject from the result, or from the object that was looked up last.
    fn new(result: Result<Done<T>, VaultError>, found: Subject) -> Self {
        match result {
            Ok(done) => Self {
                subject: done.subject,
                object: done.objects.unwrap_or_else(|| done.subject.to_string()),
                outcome: done.outcome.into(),
                result: Ok(done.value),
            },
            Err(error) => {
                let subject = match &error {
                    VaultError::Precondition(Precondition::NotModified { subject, .. }) => *subject,
                    _ => found,
                };
                Self { subject, object: subject.to_string(), outcome: error.reason(), result: Err(error) }
            }
        }
    }

    /// Whether the changes of the rule are committed. A refusal commits only its record.
    fn stands(&self) -> bool {
        matches!(self.result, Ok(_) | Err(VaultError::Precondition(Precondition::NotModified { .. })))
    }
}

impl Inner {
    /// Runs a rule and appends its record. A failure of the store fails the job.
    fn run<T>(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        rule: impl FnOnce(&mut OperationContext<'_>) -> Result<Done<T>, VaultError>,
    ) -> Result<Result<T, VaultError>, StoreError> {
        let finished = self.run_rule(transaction, permit, rule)?;
        if !finished.stands() {
            transaction.roll_back()?;
        }
        self.record(transaction, permit, &finished.object, &finished.outcome);
        Ok(finished.result)
    }

    fn run_rule<T>(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        rule: impl FnOnce(&mut OperationContext<'_>) -> Result<Done<T>, VaultError>,
    ) -> Result<Finished<T>, StoreError> {
        let principal = match self.revalidate(permit) {
            Ok(principal) => principal,
            Err(denied) => return Ok(Finished::new(Err(denied), Subject::Collection)),
        };
        let mut context = OperationContext::in_transaction(transaction, permit, principal, self)?;
        let result = rule(&mut context).and_then(|done| {
            context.require_preconditions_checked()?;
            Ok(done)
        });
        let (found, viewed) = (context.found, context.viewed_at());
        match result {
            Err(VaultError::Store(error)) => Err(error),
            result => {
                if let Some((id, at)) = viewed.filter(|_| result.is_ok()) {
                    transaction.note_view(id, at);
                }
                Ok(Finished::new(result, found))
            }
        }
    }

    /// Checks a permit again when its job runs, and returns the principal with its current grants. While the job waited, the
    /// client may have been disabled, its token revoked, or a role removed.
    fn revalidate(&self, permit: &Permit) -> Result<Principal, VaultError> {
        self.require_fresh_grants(permit.principal())?;
        let grants = self.grants.load();
        grants.confirm(permit.request(), permit.action(), self.clock.now())
    }
}
