//! Once: a request that bears an idempotency key has its effect once, however often it is sent. What it did is kept in
//! the transaction that did it; a repetition is given that again, and the answer is made from it as it was before.
//!
//! Only what succeeded is kept. A refusal has changed nothing, so the request may be tried again under its key.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Action, Call, Conditions, Inner, InvalidInput, Object, Parameters, Vault, VaultError, Work};
use crate::clock::to_micros;
use crate::store::claim::claim;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::job::{self, Lease};
use crate::store::{StoreError, Ticket, Transaction};

/// About how many rows one transaction deletes.
const BATCH: i64 = 500;
const HOUR: i64 = 3_600_000_000;

/// What tells that a request is the same as an earlier one: its key and its content, both as MACs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    key: [u8; 32],
    request: [u8; 32],
}

/// What a request did, as it is kept.
#[derive(Serialize, Deserialize)]
struct Done<T> {
    object: Option<Object>,
    result: T,
}

impl Vault {
    /// The request that bears an idempotency key. It is the same as another one when method, path and parameters are;
    /// how the parameters were written (as JSON, as a form, in which order) does not matter.
    pub fn once(&self, key: &str, method: &str, path: &str, parameters: &Parameters) -> Once {
        let fingerprints = &self.0.fingerprints;
        Once {
            key: fingerprints.of(&("idempotency key", key)),
            request: fingerprints.of(&("request", method, path, parameters)),
        }
    }

    /// As [`Vault::perform`], for a call that may bear an idempotency key: every `POST`.
    ///
    /// `T` is kept in clear, so it must hold no secret; a secret that the call brings out stays sealed in it until
    /// after the commit. The answer has to follow from the request and from `T` alone.
    pub(crate) async fn perform_once<T>(
        &self,
        call: &Call,
        action: Action,
        rule: impl Fn(&mut Work<'_, '_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let once = move |work: &mut Work<'_, '_>| {
            let call = work.call;
            match &call.conditions()?.once {
                None => work.under_conditions(true, &rule),
                Some(once) => under_key(work, once, |work| work.under_conditions(true, &rule)),
            }
        };
        self.transact(call, action, once).await
    }

    /// Forgets what requests did longer ago than the settings say. The clock decides; see `upkeep.rs`.
    pub async fn forget_requests(&self) -> Result<(), VaultError> {
        self.delete_expired(None).await
    }

    /// The same as a job.
    pub(super) async fn prune_idempotency(&self, lease: &Lease) -> Result<(), VaultError> {
        self.delete_expired(Some(lease)).await
    }

    async fn delete_expired(&self, lease: Option<&Lease>) -> Result<(), VaultError> {
        let oldest = to_micros(self.0.clock.now()).saturating_sub(self.0.lifetime_of_requests());
        // Each batch is a transaction of its own, so that requests get their turn in between.
        loop {
            let (lease, until) = (lease.cloned(), self.lease_end());
            let job = move |transaction: &mut Transaction<'_>| {
                if let Some(lease) = &lease {
                    job::renew(transaction.connection(), lease, until)?;
                }
                idempotency::delete_up_to(transaction.connection(), oldest, BATCH)
            };
            if !self.0.store.write(Ticket::system(), job).await? {
                return Ok(());
            }
        }
    }
}

impl Once {
    /// The same for one of several items of the request.
    pub(super) fn part(&self, inner: &Inner, index: usize) -> Once {
        Once { key: inner.fingerprints.of(&("item", self.key, index)), request: self.request }
    }
}

impl Inner {
    fn lifetime_of_requests(&self) -> i64 {
        i64::from(self.settings.retries.hours).saturating_mul(HOUR)
    }
}

impl Conditions {
    /// Refuses a key on a call that does not know what to do with it: better than to let it have its effect twice.
    pub(super) fn refuse_once(&self) -> Result<(), VaultError> {
        match self.once {
            None => Ok(()),
            Some(_) => Err(InvalidInput::header("Idempotency-Key", "this call takes none")),
        }
    }
}

/// Runs `rule` once under the key, or gives what it did before.
pub(super) fn under_key<T: Serialize + DeserializeOwned>(
    work: &mut Work<'_, '_>,
    once: &Once,
    rule: impl FnOnce(&mut Work<'_, '_>) -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    if let Some(known) = recognised(work, once)? {
        // Kept by another release, perhaps. Doing it again is what the client wants least.
        let done: Done<T> =
            serde_json::from_str(&known.result).map_err(|_| StoreError::Query("what a request did cannot be read"))?;
        work.object = done.object;
        work.outcome = "repeated";
        return Ok(done.result);
    }
    let result = rule(work)?;
    let done = Done { object: work.object, result };
    keep(work, once, &done)?;
    Ok(done.result)
}

/// What the request did, if it was done already.
///
/// # Errors
/// [`VaultError::IdempotencyKeyUsed`]
fn recognised(work: &mut Work<'_, '_>, once: &Once) -> Result<Option<IdempotencyRow>, VaultError> {
    let (authorization, now) = (work.authorization(), work.micros());
    claim(work.connection(), &format!("idempotency/{authorization}/{}", hex::encode(once.key)))?;
    let known = idempotency::find(work.connection(), authorization, &once.key)?;
    match known.filter(|known| known.created_at > now.saturating_sub(work.inner.lifetime_of_requests())) {
        Some(known) if known.request_mac != once.request => Err(VaultError::IdempotencyKeyUsed),
        known => Ok(known),
    }
}

fn keep(work: &mut Work<'_, '_>, once: &Once, done: &impl Serialize) -> Result<(), VaultError> {
    let row = IdempotencyRow {
        authorization_id: work.authorization(),
        key_mac: once.key.into(),
        request_mac: once.request.into(),
        result: serde_json::to_string(done).map_err(|_| StoreError::Query("what a request did has no form"))?,
        created_at: work.micros(),
    };
    Ok(idempotency::put(work.connection(), &row)?)
}

/// Marks the key as that of this request, whose parts keep what they did under keys of their own.
pub(super) fn mark(work: &mut Work<'_, '_>, once: &Once) -> Result<(), VaultError> {
    match recognised(work, once)? {
        Some(_) => Ok(()),
        None => keep(work, once, &()),
    }
}
