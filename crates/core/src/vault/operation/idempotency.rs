//! Idempotent requests: a repeated request with the same key returns the stored result and has no further effect.
//!
//! Only successes are stored. A refusal changes nothing, so a retry with the same key runs again. The permission for a
//! stored result is checked on each repetition.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Done, OperationContext, Precondition, Subject};
use crate::store::StoreError;
use crate::store::id::DataKeyId;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::lock::lock_name;
use crate::vault::{Inner, Vault, VaultError, secrets};

const HOUR_MICROS: i64 = 3_600_000_000;

/// The MACs of a request's idempotency key and content. Keyed, so that neither can be guessed from the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: [u8; 32],
    request: [u8; 32],
}

/// The stored result of a request.
#[derive(Serialize, Deserialize)]
struct StoredResult<T> {
    subject: Subject,
    value: T,
}

impl Vault {
    /// Computes the idempotency key of a request. Two requests are the same when method, path and parameters are equal.
    /// Encoding (JSON or form) and order of the parameters do not matter.
    pub fn idempotency_key(&self, key: &str, method: &str, path: &str, parameters: &impl Serialize) -> IdempotencyKey {
        let digest = &self.0.keyed_digest;
        IdempotencyKey {
            key: digest.digest(&("idempotency key", key)),
            request: digest.digest(&("request", method, path, parameters)),
        }
    }
}

impl IdempotencyKey {
    /// The key of one of several items of the request.
    pub(super) fn of_item(&self, vault: &Inner, index: usize) -> Self {
        Self { key: vault.keyed_digest.digest(&("item", self.key, index)), request: self.request }
    }
}

impl Inner {
    /// Lifetime of stored results, in microseconds.
    pub(in crate::vault) fn result_lifetime(&self) -> i64 {
        i64::from(self.settings.retries.hours).saturating_mul(HOUR_MICROS)
    }
}

/// Runs `rule` once per key. Returns the stored result of an earlier run after `revalidate` has checked the permission.
///
/// # Errors
/// [`Precondition::KeyReused`]; those of `rule` and `revalidate`.
pub(super) fn run<T: Serialize + DeserializeOwned>(
    context: &mut OperationContext<'_>,
    key: &IdempotencyKey,
    rule: impl FnOnce(&mut OperationContext<'_>) -> Result<Done<T>, VaultError>,
    revalidate: impl FnOnce(&mut OperationContext<'_>, &T) -> Result<(), VaultError>,
) -> Result<Done<T>, VaultError> {
    if let Some(known) = find_completed(context, key)? {
        // Fails when another version stored the result in another format: running the rule again would repeat its effect.
        let stored: StoredResult<T> =
            serde_json::from_str(&known.result).map_err(|_| StoreError::Query("a stored result cannot be read"))?;
        context.found(stored.subject);
        // The preconditions were checked in the first run and do not apply to its stored result.
        context.preconditions_checked = true;
        revalidate(context, &stored.value)?;
        return Ok(Done::repeated(stored.subject, stored.value));
    }
    let done = rule(context)?;
    let stored = StoredResult { subject: done.subject, value: done.value };
    store_result(context, key, &stored)?;
    Ok(Done { subject: stored.subject, value: stored.value, outcome: done.outcome, objects: done.objects })
}

/// Stores a marker under the key of a batch request. Its items store their results under their own keys.
pub(super) fn store_marker(context: &mut OperationContext<'_>, key: &IdempotencyKey) -> Result<(), VaultError> {
    match find_completed(context, key)? {
        Some(_) => Ok(()),
        None => store_result(context, key, &()),
    }
}

/// Finds the stored result of an earlier request with this key.
///
/// # Errors
/// [`Precondition::KeyReused`] when the earlier request was a different one.
fn find_completed(
    context: &mut OperationContext<'_>,
    key: &IdempotencyKey,
) -> Result<Option<IdempotencyRow>, VaultError> {
    let (authorization, now) = (context.authorization()?, context.micros());
    lock_name(context.connection(), &format!("idempotency/{authorization}/{}", hex::encode(key.key)))?;
    let known = idempotency::find(context.connection(), authorization, &key.key)?;
    let oldest = now.saturating_sub(context.vault.result_lifetime());
    match known.filter(|known| known.created_at > oldest) {
        Some(known) if known.request_mac != key.request => Err(Precondition::KeyReused.into()),
        known => Ok(known),
    }
}

fn store_result(
    context: &mut OperationContext<'_>,
    key: &IdempotencyKey,
    result: &impl Serialize,
) -> Result<(), VaultError> {
    let result = serde_json::to_string(result).map_err(|_| StoreError::Query("a result cannot be written as JSON"))?;
    let row = IdempotencyRow {
        authorization_id: context.authorization()?,
        key_mac: key.key.into(),
        request_mac: key.request.into(),
        data_key_id: secrets::oldest_key(&result).map(DataKeyId::new),
        result,
        created_at: context.micros(),
    };
    Ok(idempotency::replace(context.connection(), &row)?)
}
