//! Requests for a change: by a client or the operator, by age, and by the release or the expiry of custody.

use chaveiro_rotation::{Cause, Phase, Waiting};

use super::policy::{self, PolicyFacts};
use super::rotatable::Rotatable;
use super::run::{days_before, wake};
use super::secret::RotatedSecret;
use super::setup::Setup;
use super::shared::followers;
use super::state::RotationState;
use super::status::{RotationStatus, status_of};
use crate::store::credential::{self, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::job::{self, Lease};
use crate::store::{AnyConnection, StoreError, custody, rotation, rotation_record};
use crate::vault::credential::parent::oldest_ancestor;
use crate::vault::custody::require_free;
use crate::vault::operation::{Action, Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Vault, VaultError, jit};

/// The changes by age, and the custodies that have expired, that one look takes.
const MOST_AT_A_TIME: i64 = 100;

impl Vault {
    /// Requests a change of a credential's password, or of an SSH key, on its target, and returns the state of its rotation. It goes on in the
    /// background; a rotation that is open answers the request.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::Invalid`] for a credential without a plugin for its kind, and for one that has a
    /// parent.
    pub async fn request_rotation(
        &self,
        permit: Permit,
        what: Rotatable,
        key: String,
    ) -> Result<RotationStatus, VaultError> {
        let again = key.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = what.for_change(context, &key)?;
            if context.principal().authorization().is_some() {
                require_free(context, &row)?;
            }
            require_changeable(context, &row)?;
            request(context, row.id, Cause::Manual)?;
            Ok(Done::new(Subject::Credential(row.id), status_of(context, row.id)?))
        };
        let revalidate =
            move |context: &mut OperationContext<'_>, _: &RotationStatus| what.readable(context, &again).map(drop);
        self.execute_idempotent(permit, rule, revalidate).await.map(|(status, _)| status)
    }

    /// Requests a change of the passwords that have reached their age, and of those whose custody has expired, as the settings say.
    /// One transaction for each.
    pub(in crate::vault) async fn request_due_rotations(&self, lease: &Lease) -> Result<(), VaultError> {
        self.renew_lease(lease).await?;
        if let Some(days) = self.0.settings.rotation.least_days() {
            self.request_by_age(lease, days).await?;
        }
        if self.0.settings.rotation.changes_after_release() { self.expire_custodies(lease).await } else { Ok(()) }
    }

    /// Requests a change of each password whose own policy says that it is old: older than `days`, which is what the strictest says.
    async fn request_by_age(&self, lease: &Lease, days: u32) -> Result<(), VaultError> {
        let now = self.now_micros();
        let (before, mut last) = (days_before(now, days), None);
        let just_in_time = self.0.settings.rotation.just_in_time;
        loop {
            let read = move |c: &mut AnyConnection| {
                rotation_record::changed_before(c, before, last, MOST_AT_A_TIME, just_in_time)
            };
            let aged = self.0.store.read(read).await?;
            let Some(newest) = aged.last() else { return Ok(()) };
            last = Some((newest.changed_at, newest.credential_id));
            for row in aged {
                let policy = policy::choose(&self.0.settings.rotation, &PolicyFacts::of_aged(&row));
                if policy.after_days().is_none_or(|days| row.changed_at > days_before(now, days)) {
                    continue;
                }
                let id = row.credential_id;
                let rule = move |context: &mut OperationContext<'_>| {
                    request(context, id, Cause::Age)?;
                    Ok(Done::new(Subject::Credential(id), ()))
                };
                self.one_of_many(lease, Action::ROTATION_REQUEST_BY_AGE, rule).await?;
            }
        }
    }

    /// Ends the custodies whose time, or whose client's rights, are over, as a release would. Each starts a change once: who deletes it requests it.
    async fn expire_custodies(&self, lease: &Lease) -> Result<(), VaultError> {
        let now = self.now_micros();
        loop {
            let expired = self.0.store.read(move |c| custody::ended(c, now, MOST_AT_A_TIME)).await?;
            let mut ended = 0;
            for (id, authorization) in expired {
                let rule = move |context: &mut OperationContext<'_>| {
                    let row = credential::locked(context.connection(), id)?.ok_or(StoreError::NotFound)?;
                    // Its client may have read the credential again, or released it, since it was found.
                    if !custody::end_if_over(context.connection(), id, authorization, now)? {
                        return Ok(Done::unchanged(Subject::Credential(id), ()));
                    }
                    released(context, &row)?;
                    jit::custody_ended(context, id)?;
                    Ok(Done::new(Subject::Credential(id), ()))
                };
                ended += usize::from(self.one_of_many(lease, Action::CUSTODY_EXPIRE, rule).await?);
            }
            if ended == 0 {
                return Ok(());
            }
        }
    }

    /// Runs a rule under the lease, and returns whether it succeeded: the error of one is logged, and keeps no other from its turn.
    async fn one_of_many(
        &self,
        lease: &Lease,
        action: Action,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<()>, VaultError> + Send + 'static,
    ) -> Result<bool, VaultError> {
        let (lease, until) = (lease.clone(), self.lease_end());
        let rule = move |context: &mut OperationContext<'_>| {
            job::renew(context.connection(), &lease, until)?;
            rule(context)
        };
        match self.execute(Permit::system(action), rule).await {
            Ok(((), _)) => Ok(true),
            Err(error @ VaultError::Store(StoreError::LeaseLost)) => Err(error),
            Err(error) => {
                log::error!("{}: {error}", action.name());
                Ok(false)
            }
        }
    }
}

/// Requests a change after the release or the expiry of custody, in its transaction, if the settings and the credential say so.
pub(in crate::vault) fn released(context: &mut OperationContext<'_>, row: &CredentialRow) -> Result<(), VaultError> {
    let settings = &context.vault.settings;
    if !settings.rotation.changes_after_release() {
        return Ok(());
    }
    // What was given out is the value of the oldest ancestor.
    let id = oldest_ancestor(context, row)?;
    if jit::is_managed(context, id)?
        || !policy::of_credential(context.connection(), &settings.rotation, id)?.after_release()
    {
        return Ok(());
    }
    let policy = rotation::find(context.connection(), id)?;
    if !policy.is_some_and(|policy| policy.automatic_change) {
        return Ok(());
    }
    // The first change is one that somebody asks for, and watches.
    let was_changed = RotationState::load(context.connection(), id)?.changed_at.is_some();
    if was_changed { Ok(request(context, id, Cause::Release)?) } else { Ok(()) }
}

/// Whether a change of the credential is open or requested.
pub(in crate::vault) fn is_open(connection: &mut AnyConnection, id: CredentialId) -> Result<bool, StoreError> {
    let state = RotationState::load(connection, id)?;
    Ok(state.record.phase != Phase::Idle || state.waiting.first().is_some())
}

/// Requires that an SSH key, or a password and those that follow it, can be changed on their targets.
fn require_changeable(context: &mut OperationContext<'_>, row: &CredentialRow) -> Result<(), VaultError> {
    if row.parent_id.is_some() {
        let expected = "this credential shares the password of its parent; change it there";
        return Err(VaultError::invalid(Field::Parent, expected));
    }
    if jit::is_managed(context, row.id)? {
        let expected = "an account that exists just in time gets a new password each time";
        return Err(VaultError::invalid(Field::JitPlugin, expected));
    }
    RotatedSecret::new(row).require_presentable(context.connection())?;
    let mut line = vec![row.id];
    while let Some(id) = line.pop() {
        Setup::load(context.connection(), id)?.require_operator_granted(context.connection())?;
        line.extend(followers(context.connection(), id)?);
    }
    Ok(())
}

fn request(context: &mut OperationContext<'_>, id: CredentialId, cause: Cause) -> Result<(), StoreError> {
    let (now, actor) = (context.micros(), context.principal().actor().to_string());
    let connection = context.connection();
    let mut state = RotationState::lock(connection, id)?;
    // It may have become a child meanwhile: then the change is one of its new parent.
    if credential::by_id(connection, id)?.is_some_and(|row| row.parent_id.is_some()) {
        return Err(StoreError::Contended(crate::store::Cause::default()));
    }
    state.waiting = Waiting::with(state.waiting, cause, &state.record);
    state.store(connection, id)?;
    wake(connection, id, &actor, now)
}
