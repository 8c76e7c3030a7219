//! The removal of an account, by a leased job that lives as long as the account may exist: whatever ends in between, the job finds it.

use super::custody::{GRACE, start_removal};
use super::state::{AccountProblem, JitAccount, JitState, OPEN_CREATION};
use crate::store::id::CredentialId;
use crate::store::job::{self, Lease};
use crate::store::{AnyConnection, StoreError, Transaction};
use crate::vault::operation::{Action, Done, OperationContext, Permit, Subject};
use crate::vault::{Vault, VaultError};

/// The name of the jobs, as stored. The key is the id of the credential.
pub(in crate::vault) const KIND: &str = "jit.account";

/// Queues the job of an account, or makes the queued one due.
pub(super) fn wake(
    connection: &mut AnyConnection,
    id: CredentialId,
    requested_by: &str,
    now: i64,
) -> Result<(), StoreError> {
    job::wake(connection, KIND, &id.to_string(), requested_by, now)
}

impl Vault {
    /// Runs the job of an account: removes it unless it is in custody.
    pub(in crate::vault) async fn run_account_job(&self, lease: &Lease) -> Result<(), VaultError> {
        let id = lease.key.parse().map(CredentialId::new).map_err(|_| StoreError::Query("a job has an unknown key"))?;
        let now = self.now_micros();
        let look = move |connection: &mut AnyConnection| -> Result<_, StoreError> {
            let account = JitAccount::find(connection, id)?;
            let is_usable = match &account {
                Some(account) => account.is_usable(connection, now)?,
                None => false,
            };
            Ok((account, is_usable))
        };
        let (account, is_usable) = self.0.store.read(look).await?;
        match account.map(|account| account.state) {
            None | Some(JitState::Absent) => return self.end_account_job(lease, id).await,
            Some(_) if is_usable => return self.end_account_job(lease, id).await,
            Some(JitState::Removing) => {}
            Some(JitState::Creating | JitState::Present) => {
                if !self.start_account_removal(lease, id).await? {
                    return Ok(());
                }
            }
        }
        self.remove_account(lease, id).await.map(drop)
    }

    /// Lets the job look again, or ends it for an account that does not exist.
    async fn end_account_job(&self, lease: &Lease, id: CredentialId) -> Result<(), VaultError> {
        let (lease, now) = (lease.clone(), self.now_micros());
        let end = move |transaction: &mut Transaction<'_>| {
            let connection = transaction.connection()?;
            match JitAccount::lock(connection, id)?.map(|account| account.state) {
                None | Some(JitState::Absent) => job::complete(connection, &lease),
                Some(JitState::Creating | JitState::Present) => {
                    job::repeat(connection, &lease, now.saturating_add(GRACE))
                }
                // Custody has ended since the job looked.
                Some(JitState::Removing) => job::repeat(connection, &lease, now),
            }
        };
        Ok(self.write_in_background(end).await?)
    }

    /// Notes that the account is to be removed. Returns whether it is: custody may have been taken meanwhile.
    async fn start_account_removal(&self, lease: &Lease, id: CredentialId) -> Result<bool, VaultError> {
        let (lease, until) = (lease.clone(), self.lease_end());
        let rule = move |context: &mut OperationContext<'_>| {
            let now = context.micros();
            let account = JitAccount::lock_under(context, &lease, until, id)?;
            if account.is_usable(context.connection(), now)? {
                job::repeat(context.connection(), &lease, now.saturating_add(GRACE))?;
                return Ok(Done::several(format!("{}, in custody again", Subject::Credential(id)), false));
            }
            start_removal(context, id)?;
            Ok(Done::new(Subject::Credential(id), true))
        };
        self.execute(Permit::system(Action::JIT_REMOVAL_STARTED), rule).await.map(|(is_started, _)| is_started)
    }

    /// Deletes or disables an account whose removal has begun, under the lease of its job. Returns what kept it, which the job tries
    /// again after a pause.
    pub(super) async fn remove_account(
        &self,
        lease: &Lease,
        id: CredentialId,
    ) -> Result<Result<(), AccountProblem>, VaultError> {
        let mut target = self.load_target(id).await?;
        let end = async {
            if let Err(problem) = self.pin_target(lease, id, &mut target).await? {
                return Ok(Err(problem));
            }
            Ok::<_, VaultError>(target.end().await)
        };
        let ended = tokio::select! {
            ended = end => ended?,
            error = self.lose(lease) => return Err(error.into()),
        };
        let action = match ended {
            Ok(()) => Action::JIT_REMOVED,
            Err(AccountProblem::NotOurs) => Action::JIT_NOT_OURS,
            Err(_) => Action::JIT_REMOVAL_FAILED,
        };
        let (lease, until, location) = (lease.clone(), self.lease_end(), target.location().clone());
        let rule = move |context: &mut OperationContext<'_>| {
            let account = JitAccount::lock_under(context, &lease, until, id)?.in_state(JitState::Removing)?;
            if account.location.same_account(&location) {
                self::ended(context, &lease, &account, ended)?;
            } else {
                // A person has decided meanwhile that it is elsewhere: this answer is about another account.
                let now = context.micros();
                job::repeat(context.connection(), &lease, now)?;
            }
            Ok(Done::new(Subject::Credential(id), ()))
        };
        self.execute(Permit::system(action), rule).await?;
        Ok(ended)
    }
}

/// Stores what the target answered to the removal.
fn ended(
    context: &mut OperationContext<'_>,
    lease: &Lease,
    account: &JitAccount,
    ended: Result<(), AccountProblem>,
) -> Result<(), VaultError> {
    let now = context.micros();
    let problem = ended.err();
    if problem.is_none() && account.is_creation_open() {
        account.move_to(context.connection(), JitState::Removing, account.problem, now)?;
        return Ok(job::repeat(context.connection(), lease, now.saturating_add(OPEN_CREATION))?);
    }
    if matches!(problem, None | Some(AccountProblem::NotOurs)) {
        account.move_to(context.connection(), JitState::Absent, problem, now)?;
        return Ok(job::complete(context.connection(), lease)?);
    }
    account.move_to(context.connection(), JitState::Removing, problem, now)?;
    let due_at = now.saturating_add(JitAccount::pause(account.attempts.saturating_add(1)));
    Ok(job::repeat(context.connection(), lease, due_at)?)
}
