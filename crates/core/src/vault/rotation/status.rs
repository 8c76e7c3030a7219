//! What is shown of a rotation: its state, never a value.

use chaveiro_rotation::{Cause, next_step};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::policy;
use super::rotatable::Rotatable;
use super::run::days_before;
use super::state::RotationState;
use crate::clock::from_micros;
use crate::store::credential;
use crate::store::id::CredentialId;
use crate::store::{rotation, rotation_record};
use crate::vault::jit::{self, AccountStatus};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Vault, VaultError};

/// The state of the rotation of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationStatus {
    /// The credential.
    pub credential: CredentialId,
    /// The policy of the settings; `None`: the section `[rotation]` alone.
    pub policy: Option<String>,
    /// The phase, as docs/rotation.md names them.
    pub phase: String,
    /// Why the open rotation was requested.
    pub cause: Option<String>,
    /// The requests that wait for the end of the open one.
    pub waiting: u32,
    /// Steps on the target since the request or the last decision.
    pub attempts: u32,
    /// What kept the last step from its end.
    pub problem: Option<String>,
    /// When the rotation goes on by itself.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether a person has to decide.
    pub needs_decision: bool,
    /// When the last rotation ended with a new password.
    pub changed_at: Option<DateTime<Utc>>,
    /// When the password is changed by age, within the hours of the policy.
    pub next_change_at: Option<DateTime<Utc>>,
    /// The last events, newest first.
    pub events: Vec<RotationEvent>,
    /// The account on the target, if it was ever one that exists only while custody lasts.
    #[serde(default)]
    pub account: Option<AccountStatus>,
}

/// An event of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationEvent {
    /// The time.
    pub at: DateTime<Utc>,
    /// The name, as in the audit log.
    pub event: String,
    /// What kept the step from its end.
    pub problem: Option<String>,
}

impl Vault {
    /// Returns the state of the rotation of a credential.
    ///
    /// # Errors
    /// As for reading the credential.
    pub async fn rotation_status(
        &self,
        permit: Permit,
        what: Rotatable,
        key: String,
    ) -> Result<RotationStatus, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let row = what.resolve(context, &key)?;
            Ok(Done::new(Subject::Credential(row.id), status_of(context, row.id)?))
        };
        self.query(permit, query).await
    }
}

/// Returns the state of the rotation of a credential.
pub(super) fn status_of(context: &mut OperationContext<'_>, id: CredentialId) -> Result<RotationStatus, VaultError> {
    let RotationState { record, waiting, changed_at, .. } = RotationState::load(context.connection(), id)?;
    let is_automatic = rotation::find(context.connection(), id)?.is_some_and(|row| row.automatic_change);
    let (settings, now) = (&context.vault.settings, context.micros());
    let policy = policy::of_credential(context.connection(), &settings.rotation, id)?;
    let hours = policy.hours();
    let is_child = credential::by_id(context.connection(), id)?.is_some_and(|row| row.parent_id.is_some());
    let days = policy.after_days().filter(|_| is_automatic && !is_child);
    let next = changed_at.zip(days).map(|(at, days)| hours.at_or_after(at - days_before(0, days)));
    // What is due already is due as it says, unless it waits for the hours.
    let step = next_step(&record, waiting, hours, now).filter(|at| *at > now);
    let events = rotation_record::events(context.connection(), id)?;
    Ok(RotationStatus {
        credential: id,
        policy: policy.name().map(Into::into),
        phase: record.phase.as_str().into(),
        cause: record.cause.map(|cause: Cause| cause.as_str().into()),
        waiting: waiting.releases.saturating_add(u32::from(waiting.other.is_some())),
        attempts: record.attempts,
        problem: record.problem.map(|problem| problem.as_str().into()),
        due_at: step.or(record.due_at).map(from_micros),
        needs_decision: record.needs_decision(),
        changed_at: changed_at.map(from_micros),
        next_change_at: next.map(from_micros),
        events: events
            .into_iter()
            .map(|row| RotationEvent { at: from_micros(row.at), event: row.event, problem: row.problem })
            .collect(),
        account: jit::status_of(context.connection(), id)?,
    })
}
