//! The creation of an account, by the client that takes custody of its credential. The client holds the lease of the account's job
//! meanwhile; when it ends in between, the job removes what there may be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chaveiro_rotation::Failure;

use super::custody::{GRACE, start_removal};
use super::decision::pin_first;
use super::policy::{planned, prove};
use super::remove::{KIND, wake};
use super::state::{AccountProblem, JitAccount, JitState};
use super::target::{JitTarget, failed};
use crate::clock::instant;
use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::store::job::{self, JobState, Lease, Wanted};
use crate::store::{AnyConnection, StoreError, credential, custody};
use crate::vault::credential::resolve;
use crate::vault::custody::require_free;
use crate::vault::jobs::LEASE;
use crate::vault::operation::{Action, Done, OperationContext, Permit, Subject};
use crate::vault::rotation::{is_open, new_password};
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Noun, Switchable, Vault, VaultError};

/// How often a client looks whether another one has created the account.
const POLL: Duration = Duration::from_millis(100);

/// What a client finds.
enum Look {
    /// The account exists.
    Ready,
    /// Somebody holds its job.
    WorkedOn,
    /// Neither.
    Idle,
}

/// What a client does next.
enum Next {
    /// The account exists.
    Ready,
    /// The client creates it.
    Create(Lease),
    /// The client removes first what there is, or may be.
    Remove(Lease),
    /// Somebody else is at it.
    Wait,
}

impl Vault {
    /// Takes custody by `take`. If that needs an account that does not exist, creates the account and takes custody once more.
    ///
    /// # Errors
    /// Those of `take`; [`VaultError::AccountNotMade`]; [`VaultError::Invalid`] for settings that cannot be followed.
    pub(in crate::vault) async fn with_account<T>(
        &self,
        permit: &Permit,
        take: impl AsyncFn() -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        match take().await {
            Err(VaultError::AccountAbsent(id)) => {
                self.make_account(permit, id).await?;
                take().await
            }
            taken => taken,
        }
    }

    /// Creates or enables the account of a credential for the client of a permit, unless it is there. Of several clients one does, and
    /// the others wait for it.
    ///
    /// # Errors
    /// [`VaultError::AccountNotMade`]; [`VaultError::Invalid`] for settings that cannot be followed.
    async fn make_account(&self, permit: &Permit, id: CredentialId) -> Result<(), VaultError> {
        let permit = self.authorize_as(permit, Action::JIT_REQUEST).await?;
        // What is left of the deadline of the request is for the rest of it.
        let deadline = instant() + Duration::from_secs(self.0.settings.http.deadline_seconds.max(1)) * 3 / 4;
        while instant() < deadline {
            match self.look_at_account(id).await? {
                Look::Ready => return Ok(()),
                Look::WorkedOn => {}
                Look::Idle => match self.request_account(permit.clone(), id).await? {
                    Next::Ready => return Ok(()),
                    Next::Create(lease) => return self.create_account(&lease, id, deadline).await,
                    Next::Remove(lease) => {
                        let removal = self.remove_account(&lease, id);
                        let Ok(removed) = tokio::time::timeout_at(deadline.into(), removal).await else { break };
                        removed?.map_err(VaultError::AccountNotMade)?;
                        continue;
                    }
                    Next::Wait => {}
                },
            }
            tokio::time::sleep(POLL).await;
        }
        Err(VaultError::AccountNotMade(AccountProblem::Busy))
    }

    /// Looks, without a record, whether there is anything to do.
    async fn look_at_account(&self, id: CredentialId) -> Result<Look, VaultError> {
        let now = self.now_micros();
        let look = move |connection: &mut AnyConnection| -> Result<Look, StoreError> {
            if let Some(account) = JitAccount::find(connection, id)?
                && account.is_usable(connection, now)?
            {
                return Ok(Look::Ready);
            }
            let job = job::live(connection, KIND, &id.to_string())?;
            let running = job.filter(|row| row.state == JobState::Running.as_str());
            let is_held = running.is_some_and(|row| row.lease_until.is_some_and(|until| until > now));
            Ok(if is_held { Look::WorkedOn } else { Look::Idle })
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Notes, before anything is sent, that the account may exist from here on.
    async fn request_account(&self, permit: Permit, id: CredentialId) -> Result<Next, VaultError> {
        let until = self.lease_end();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = credential::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
            context.found(Subject::Credential(id));
            let row = resolve::require_visible(context, row)?;
            let row = resolve::locked(context, row)?;
            let (row, _) = resolve::readable(context, row, Switchable::Credential)?;
            require_free(context, &row)?;
            let plan = planned(context, &row)?;
            let by = format!("{} by {}", Subject::Credential(id), Subject::Credential(plan.operator));
            Ok(Done::several(by, next(context, &plan, until)?))
        };
        self.execute(permit, rule).await.map(|(next, _)| next)
    }

    /// Creates the account under the lease of its job, with a new password.
    async fn create_account(&self, lease: &Lease, id: CredentialId, deadline: Instant) -> Result<(), VaultError> {
        let inner = Arc::clone(&self.0);
        let draw = move |connection: &mut AnyConnection| Ok(new_password(connection, &inner.settings.rotation, id));
        let password = self.0.store.read(draw).await??;
        let mut target = self.load_target(id).await?;
        // It ends within half of the lease, so that the next holder of the job finds the account.
        let deadline = deadline.min(instant() + LEASE / 2);
        let made = self.begin_on_target(lease, &mut target, &password, deadline).await?;
        let action = if made.is_ok() { Action::JIT_CREATED } else { Action::JIT_CREATION_FAILED };
        let (lease, until, identity) = (lease.clone(), self.lease_end(), target.identity().cloned());
        let rule = move |context: &mut OperationContext<'_>| {
            let account = JitAccount::lock_under(context, &lease, until, id)?.in_state(JitState::Creating)?;
            begun(context, &lease, &account, made, &password)?;
            if let (Ok(()), Some(identity)) = (made, &identity) {
                prove(context, &account, identity)?;
            }
            Ok(Done::new(Subject::Credential(id), ()))
        };
        match self.execute(Permit::system(action), rule).await {
            // Another holder may have looked for the account before it was there.
            Err(error @ VaultError::Store(StoreError::LeaseLost)) => {
                if let Err(problem) = target.undo().await {
                    log::error!(
                        "the just-in-time account of credential {id} may be left on its target: {}",
                        problem.as_str()
                    );
                }
                Err(error)
            }
            noted => noted.and(made.map_err(VaultError::AccountNotMade)),
        }
    }

    async fn begin_on_target(
        &self,
        lease: &Lease,
        target: &mut JitTarget,
        password: &SecretText,
        deadline: Instant,
    ) -> Result<Result<(), AccountProblem>, VaultError> {
        let id = target.credential();
        let begin = async {
            if let Err(problem) = self.pin_target(lease, id, target).await? {
                return Ok(Err(problem));
            }
            Ok(target.begin(password).await)
        };
        match tokio::time::timeout_at(deadline.into(), begin).await {
            Ok(begun) => begun,
            Err(_) => Ok(Err(Failure::Unknown.into())),
        }
    }

    /// Loads the account of a credential for a call of its target.
    pub(super) async fn load_target(&self, id: CredentialId) -> Result<JitTarget, VaultError> {
        let inner = Arc::clone(&self.0);
        let load = move |connection: &mut AnyConnection| -> Result<Result<JitTarget, VaultError>, StoreError> {
            let account = JitAccount::find(connection, id)?.ok_or(StoreError::LeaseLost)?;
            Ok(JitTarget::load(connection, &inner, &account))
        };
        self.0.store.read(load).await?
    }

    /// Pins what the target presents for the first time, before a secret is sent to it.
    pub(super) async fn pin_target(
        &self,
        lease: &Lease,
        id: CredentialId,
        target: &mut JitTarget,
    ) -> Result<Result<(), AccountProblem>, VaultError> {
        let identity = match target.unpinned().await {
            Ok(Some(identity)) => identity,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(failed(error))),
        };
        target.require_identity(identity.clone());
        let (lease, until, location) = (lease.clone(), self.lease_end(), target.location().clone());
        let rule = move |context: &mut OperationContext<'_>| {
            let account = JitAccount::lock_under(context, &lease, until, id)?;
            if !account.location.same_account(&location) {
                // A person has decided otherwise since it was loaded.
                return Err(StoreError::LeaseLost.into());
            }
            let subject = Subject::Credential(id);
            Ok(match pin_first(context, account, &identity)? {
                Ok(()) => Done::new(subject, Ok(())),
                Err(problem) => Done::unchanged(subject, Err(problem)),
            })
        };
        self.execute(Permit::system(Action::JIT_PINNED), rule).await.map(|(pinned, _)| pinned)
    }
}

/// Decides what a client does next, and takes the lease for it.
fn next(context: &mut OperationContext<'_>, plan: &JitAccount, until: i64) -> Result<Next, VaultError> {
    let (id, now) = (plan.credential, context.micros());
    let known = JitAccount::lock(context.connection(), id)?;
    if let Some(account) = &known
        && account.is_usable(context.connection(), now)?
    {
        return Ok(Next::Ready);
    }
    if is_open(context.connection(), id)? {
        return Err(VaultError::BeingChanged);
    }
    if let Some(problem) = known.as_ref().and_then(|account| account.rests(now)) {
        return Err(VaultError::AccountNotMade(problem));
    }
    let actor = context.principal().actor().to_string();
    wake(context.connection(), id, &actor, now)?;
    let wanted = Wanted { kind: KIND, key: Some(id.to_string()) };
    let Some(lease) = job::claim(context.connection(), &[wanted], now, until)? else { return Ok(Next::Wait) };
    match known.map(|account| account.state) {
        None | Some(JitState::Absent) => {
            // The custodies of a former account end.
            custody::end_all(context.connection(), id)?;
            plan.store(context.connection())?;
            Ok(Next::Create(lease))
        }
        Some(JitState::Creating | JitState::Present | JitState::Removing) => {
            start_removal(context, id)?;
            Ok(Next::Remove(lease))
        }
    }
}

/// Stores what the target answered to the creation.
fn begun(
    context: &mut OperationContext<'_>,
    lease: &Lease,
    account: &JitAccount,
    made: Result<(), AccountProblem>,
    password: &SecretText,
) -> Result<(), VaultError> {
    let now = context.micros();
    let Err(problem) = made else {
        secrets::add(context, SecretOwner::Password(account.credential), password)?;
        account.move_to(context.connection(), JitState::Present, None, now)?;
        return Ok(job::repeat(context.connection(), lease, now.saturating_add(GRACE))?);
    };
    if problem == Failure::Unknown.into() {
        account.move_to(context.connection(), JitState::Removing, Some(problem), now)?;
        let due_at = now.saturating_add(JitAccount::pause(1));
        return Ok(job::repeat(context.connection(), lease, due_at)?);
    }
    account.move_to(context.connection(), JitState::Absent, Some(problem), now)?;
    Ok(job::complete(context.connection(), lease)?)
}
