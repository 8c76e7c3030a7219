//! The database as a rotator sees it: the state of one credential, under the lease of its job.

use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_rotation::{
    Arrow, AuditEvent, Effect, Journal, JournalError, Loaded, Operator, Phase, TargetError, TargetIdentity,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::effect::apply;
use super::granted_place::{AccountPlace, GrantedPlace, REFUSAL};
use super::secret::{NewSshKey, OpenedVersions, ReplacedSshKey};
use super::setup::{Setup, no_login};
use super::state::{ReplacedVersions, RotationState};
use crate::store::credential;
use crate::store::id::CredentialId;
use crate::store::job::{self, Lease};
use crate::store::{AnyConnection, StoreError, rotation};
use crate::vault::credential::parent::lock_parents;
use crate::vault::operation::{Action, Done, OperationContext, Permit, Subject};
use crate::vault::{Inner, Vault, VaultError};

/// The state of a credential, under a lease.
pub(super) struct VaultJournal {
    vault: Vault,
    lease: Lease,
    id: CredentialId,
    /// What was loaded last.
    last: Mutex<LastLoaded>,
}

/// What a journal remembers of the state that it has loaded: what the calls of the target are about.
#[derive(Clone, Debug, Default)]
struct LastLoaded {
    /// The versions of the current value: what a change that is sent replaces.
    current: ReplacedVersions,
    /// The identity that the target has to present; `None`: the next one.
    identity: Option<TargetIdentity>,
    /// The grant of the logins of other credentials.
    granted: Option<GrantedPlace>,
    /// The account and where it is reached.
    place: Option<AccountPlace>,
}

impl LastLoaded {
    /// Stores the identity that the target has presented at the granted place: at another address it proves the target.
    fn prove(&self, connection: &mut AnyConnection, setup: &Setup, arrow: &Arrow) -> Result<(), StoreError> {
        let identity = match (&arrow.effect, arrow.event) {
            (Effect::Pin(identity), AuditEvent::IdentityPinned) => Some(identity),
            (_, AuditEvent::ChangeConfirmed) => self.identity.as_ref(),
            _ => None,
        };
        let (Some(granted), Some(place), Some(identity)) = (&self.granted, &self.place, identity) else {
            return Ok(());
        };
        let Some(proved) = granted.with_identity(place, identity) else { return Ok(()) };
        rotation::replace_granted_place(connection, setup.credential.id, &granted.to_column(), &proved.to_column())
    }
}

impl VaultJournal {
    pub(super) fn new(vault: &Vault, lease: &Lease, id: CredentialId) -> Self {
        Self { vault: vault.clone(), lease: lease.clone(), id, last: Mutex::default() }
    }

    async fn loaded(&self) -> Result<Loaded, VaultError> {
        let (inner, id) = (Arc::clone(&self.vault.0), self.id);
        // The rules have errors of their own, beside those of the database.
        let load = move |connection: &mut AnyConnection| Ok::<_, StoreError>(load(connection, &inner, id));
        let (loaded, last) = self.vault.0.store.read(load).await??;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        Ok(loaded)
    }

    async fn applied(&self, arrow: Arrow) -> Result<(), VaultError> {
        let (lease, until, id) = (self.lease.clone(), self.vault.lease_end(), self.id);
        let permit = Permit::system(Action::rotation(arrow.event));
        let new = match arrow.effect {
            Effect::StoreCandidate(_) => self.new_ssh_key().await?,
            _ => None,
        };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rule = move |context: &mut OperationContext<'_>| {
            job::renew(context.connection(), &lease, until)?;
            // No credential becomes a descendant between the look for them and the end of the transaction.
            if arrow.effect == Effect::Promote {
                lock_parents(context.connection())?;
                credential::locked(context.connection(), id)?;
            }
            let setup = Setup::load(context.connection(), id)?;
            let mut state = RotationState::lock(context.connection(), id)?;
            if arrow.event == AuditEvent::ChangeStarted {
                state.former = last.current;
            }
            apply(context, &setup, state, &arrow, new.as_ref())?;
            last.prove(context.connection(), &setup, &arrow)?;
            Ok(match by(&setup, &arrow) {
                Some(operator) => Done::several(format!("{} by {operator}", Subject::Credential(id)), ()),
                None => Done::new(Subject::Credential(id), ()),
            })
        };
        self.vault.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Generates the next key of an SSH key; `None` for a password.
    async fn new_ssh_key(&self) -> Result<Option<NewSshKey>, VaultError> {
        let (inner, id) = (Arc::clone(&self.vault.0), self.id);
        let load =
            move |connection: &mut AnyConnection| Ok::<_, StoreError>(ReplacedSshKey::load(connection, &inner, id));
        let Some(replaced) = self.vault.0.store.read(load).await?? else { return Ok(None) };
        let generated = tokio::task::spawn_blocking(move || replaced.successor()).await;
        Ok(Some(generated.map_err(|_| StoreError::Panicked)??))
    }
}

/// Returns the credential whose secret the next call of the target needs beside the account's own.
fn by(setup: &Setup, arrow: &Arrow) -> Option<Subject> {
    if arrow.effect != Effect::MarkSent && arrow.to() != Phase::Changing {
        return None;
    }
    let other = if arrow.from == Phase::NeedsReconcile { setup.reconciliation_id() } else { setup.operator_id() };
    other.map(Subject::Credential)
}

/// Loads the state, with what the journal remembers of it.
fn load(connection: &mut AnyConnection, vault: &Inner, id: CredentialId) -> Result<(Loaded, LastLoaded), VaultError> {
    let setup = Setup::load(connection, id)?;
    let RotationState { record, waiting, is_behind, former, .. } = RotationState::load(connection, id)?;
    let opened = setup.secret().open(connection, vault, former)?;
    let OpenedVersions { mut current, candidate, former, current_versions } = opened;
    if setup.credential.parent_id.is_some() && !is_behind && record.phase != Phase::Current {
        // From before it had a parent. In `current` it is the value of this change.
        current = None;
    }
    let account = setup.account(connection, vault)?;
    let identity = account.identity.clone();
    let is_granted = |login| setup.require_granted(login, identity.as_ref()).is_ok();
    let (may_operate, may_reconcile) = (is_granted(setup.operator_id()), is_granted(setup.reconciliation_id()));
    let is_refused = !may_operate || (record.phase == Phase::NeedsReconcile && !may_reconcile);
    let operator = if may_operate { setup.operator(connection, vault, &account)? } else { Operator::Other(no_login()) };
    // One that is not granted is refused when its turn comes.
    let reconciliation =
        if may_reconcile { setup.reconciliation(connection, vault, &account)? } else { Some(no_login()) };
    let last = LastLoaded {
        current: current_versions,
        identity,
        granted: GrantedPlace::from_column(setup.policy.granted_place.as_deref()),
        place: Some(setup.place()),
    };
    let loaded = Loaded {
        record,
        waiting,
        account,
        refusal: is_refused.then_some(REFUSAL),
        operator,
        reconciliation,
        current,
        candidate,
        former,
    };
    Ok((loaded, last))
}

impl Journal for VaultJournal {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, JournalError>> {
        async { self.loaded().await.map_err(|error| failed(&error)) }.boxed()
    }

    fn apply<'a>(&'a self, arrow: &'a Arrow) -> BoxFuture<'a, Result<(), JournalError>> {
        async {
            self.applied(arrow.clone()).await.map_err(|error| failed(&error))?;
            self.vault.0.rotation_figures.count(arrow);
            if arrow.is_alert() {
                log::warn!("rotation of {}: {}; see its rotation", Subject::Credential(self.id), arrow.event);
            }
            Ok(())
        }
        .boxed()
    }

    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        async { self.vault.renew_lease(&self.lease).await.map_err(|error| failed(&error.into())) }.boxed()
    }

    fn note_error(&self, error: TargetError) {
        log::warn!("rotation of {}: {error}", Subject::Credential(self.id));
    }

    fn now(&self) -> i64 {
        self.vault.now_micros()
    }
}

fn failed(error: &VaultError) -> JournalError {
    match error {
        VaultError::Store(StoreError::LeaseLost) => JournalError::Lost,
        error => {
            log::error!("rotation: {error}");
            JournalError::Failed("the database, or the settings of the credential")
        }
    }
}
