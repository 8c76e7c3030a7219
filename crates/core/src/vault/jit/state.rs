//! The state of an account, as stored.

use chaveiro_rotation::{Failure, Limits, Phase, Problem, TargetIdentity};

use super::location::AccountLocation;
use super::policy::{AccountPlugin, account_plugin};
use crate::crypto::random_bytes;
use crate::store::id::{CredentialId, DeviceId};
use crate::store::jit_account::{self, JitAccountRow};
use crate::store::job::{self, Lease};
use crate::store::{AnyConnection, StoreError, credential};
use crate::vault::jobs::micros;
use crate::vault::operation::OperationContext;
use crate::vault::rotation::PLACE_CHANGED;

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JitState {
    /// It may exist: a call that creates it may be running, or was interrupted.
    Creating,
    /// It exists, with the current password.
    Present,
    /// It may exist, and is to be removed.
    Removing,
    /// It does not exist, as far as the vault has made it.
    Absent,
}

/// What "exists" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JitMode {
    /// The account is created and deleted.
    Create,
    /// An account of the target is enabled and disabled.
    Enable,
}

/// What kept a step from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountProblem {
    /// A failure of the target.
    Target(Problem),
    /// The target had an account of this name, or its home directory, before the vault could create it.
    ExistedBefore,
    /// The target has an account of this name which the vault has not created. It is not removed.
    NotOurs,
    /// The account cannot log in any more, and is still there: it owns objects, or something runs in its name.
    InUse,
    /// Another request has been creating or removing it for too long.
    Busy,
}

/// An account of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JitAccount {
    pub(super) credential: CredentialId,
    pub(super) state: JitState,
    pub(super) mode: JitMode,
    pub(super) plugin: String,
    pub(super) device: DeviceId,
    pub(super) username: String,
    /// Where it is, as it was when it was created.
    pub(super) location: AccountLocation,
    pub(super) operator: CredentialId,
    pub(super) mark: String,
    /// Failed attempts to remove it.
    pub(super) attempts: u32,
    pub(super) problem: Option<AccountProblem>,
    /// When the state was reached.
    pub(super) changed_at: i64,
}

const LONGEST_PAUSE: i64 = 15 * 60 * 1_000_000;
/// The time after a refused login in which no client causes another one.
const REST: i64 = 5_000_000;
/// The time between two looks for an account whose creation had no answer, and the number of looks after which it counts as not
/// created.
pub(super) const OPEN_CREATION: i64 = 120_000_000;
const LOOKS: u32 = 3;

/// Every state with its name.
const STATES: [(JitState, &str); 4] = [
    (JitState::Creating, "creating"),
    (JitState::Present, "present"),
    (JitState::Removing, "removing"),
    (JitState::Absent, "absent"),
];

/// Every mode with its name.
const MODES: [(JitMode, &str); 2] = [(JitMode::Create, "create"), (JitMode::Enable, "enable")];

/// The problems beside those of targets, with their names.
const PROBLEMS: [(AccountProblem, &str); 4] = [
    (AccountProblem::ExistedBefore, "existed-before"),
    (AccountProblem::NotOurs, "not-ours"),
    (AccountProblem::InUse, "in-use"),
    (AccountProblem::Busy, "busy"),
];

fn name_of<T: Copy + PartialEq>(names: &[(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(known, _)| *known == value).map_or("", |(_, name)| name)
}

fn named<T: Copy>(names: &[(T, &'static str)], name: &str) -> Result<T, StoreError> {
    let found = names.iter().find(|(_, known)| *known == name);
    found.map(|(value, _)| *value).ok_or(StoreError::Query("the state of an account cannot be read"))
}

impl JitState {
    pub(super) fn as_str(self) -> &'static str {
        name_of(&STATES, self)
    }
}

impl JitMode {
    pub(super) fn as_str(self) -> &'static str {
        name_of(&MODES, self)
    }
}

impl AccountProblem {
    /// Returns the name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Target(problem) => problem.as_str(),
            other => name_of(&PROBLEMS, other),
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        name.parse().map(Self::Target).or_else(|_| named(&PROBLEMS, name))
    }

    /// Returns what it is, for a client.
    pub fn description(self) -> &'static str {
        match self {
            Self::Target(Problem::Unreachable | Problem::Interrupted) => "the target cannot be reached",
            Self::Target(Problem::IdentityChanged) => "the target has another identity than the pinned one",
            Self::Target(Problem::Denied) => {
                "the target refused the login or the permission of the account that creates it"
            }
            Self::Target(Problem::Rejected) => "the target refused the new password",
            Self::Target(Problem::TooEarly) => "the target refuses changes for now",
            Self::Target(Problem::Locked) => "the account that creates it is locked",
            Self::Target(Problem::Unknown | Problem::NotChanged | Problem::NothingLogsIn) => {
                "the target did not answer"
            }
            Self::Target(Problem::Misconfigured) => "the settings do not fit the target",
            Self::Target(Problem::PlaceChanged) => PLACE_CHANGED,
            Self::ExistedBefore => "the target has an account of this name already",
            Self::NotOurs => "the target has an account of this name that was not created here",
            Self::InUse => {
                "the former account of this name is not removed yet: it owns objects, or something runs in its name"
            }
            Self::Busy => "another request is still creating or removing it",
        }
    }

    /// Whether the same request may succeed later, without a change of settings or of the target.
    pub fn is_temporary(self) -> bool {
        use Problem::{Locked, TooEarly, Unknown, Unreachable};
        matches!(self, Self::Busy | Self::InUse | Self::Target(Unreachable | Unknown | Locked | TooEarly))
    }
}

impl From<Failure> for AccountProblem {
    fn from(failure: Failure) -> Self {
        Self::Target(failure.into())
    }
}

impl JitAccount {
    pub(super) fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<Self>, StoreError> {
        jit_account::find(connection, credential)?.map(Self::from_row).transpose()
    }

    /// As [`JitAccount::find`], with the row locked until the transaction ends. A transaction locks in this order: credential,
    /// account, job.
    pub(super) fn lock(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<Self>, StoreError> {
        jit_account::locked(connection, credential)?.map(Self::from_row).transpose()
    }

    /// Locks the credential, the account and the job of a lease until the transaction ends, and renews the lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub(super) fn lock_under(
        context: &mut OperationContext<'_>,
        lease: &Lease,
        until: i64,
        id: CredentialId,
    ) -> Result<Self, StoreError> {
        credential::locked(context.connection(), id)?;
        let account = Self::lock(context.connection(), id)?;
        job::renew(context.connection(), lease, until)?;
        account.ok_or(StoreError::LeaseLost)
    }

    /// Returns its plugin.
    ///
    /// # Errors
    /// [`StoreError::Query`] for one that is not in this build.
    pub(super) fn plugin(&self) -> Result<AccountPlugin, StoreError> {
        account_plugin(&self.plugin).ok_or(StoreError::Query("the plugin of an account is not in this build"))
    }

    /// Returns the account on a target of this identity.
    pub(super) fn with_identity(self, identity: &TargetIdentity) -> Self {
        let location = AccountLocation { identity: Some(identity.clone()), ..self.location };
        Self { location, ..self }
    }

    /// Requires a state that the holder of the lease has left the account in.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub(super) fn in_state(self, state: JitState) -> Result<Self, StoreError> {
        if self.state == state { Ok(self) } else { Err(StoreError::LeaseLost) }
    }

    /// Stores the account in another state.
    pub(super) fn move_to(
        &self,
        connection: &mut AnyConnection,
        state: JitState,
        problem: Option<AccountProblem>,
        now: i64,
    ) -> Result<(), StoreError> {
        let attempts = match (state, problem) {
            (JitState::Removing, Some(_)) => self.attempts.saturating_add(1),
            _ => 0,
        };
        Self { state, problem, attempts, changed_at: now, ..self.clone() }.store(connection)
    }

    pub(super) fn store(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        jit_account::store(connection, &self.row())
    }

    /// The pause before the next attempt to remove it, in microseconds: 30 s, doubling up to 15 min. It can log in meanwhile.
    pub(super) fn pause(attempts: u32) -> i64 {
        micros(Limits::default().pause(attempts, Phase::Unreachable, Problem::Unreachable)).min(LONGEST_PAUSE)
    }

    /// Returns why it is too early for another call on behalf of a client, which may come at any rate: the target may count failed
    /// logins of the operator, or be carrying out a creation.
    pub(super) fn rests(&self, now: i64) -> Option<AccountProblem> {
        let rest = match self.problem {
            _ if self.is_creation_open() => OPEN_CREATION,
            Some(AccountProblem::Target(Problem::Denied | Problem::Locked)) => REST,
            _ => 0,
        };
        self.problem.filter(|_| self.changed_at <= now && now < self.changed_at.saturating_add(rest))
    }

    /// Whether a creation without an answer may still be carried out by the target, so that an account that is not there proves nothing.
    pub(super) fn is_creation_open(&self) -> bool {
        let is_unanswered = self.problem == Some(Failure::Unknown.into());
        self.state == JitState::Removing && self.mode == JitMode::Create && is_unanswered && self.attempts < LOOKS
    }

    /// Returns a word that was never used before.
    pub(super) fn new_mark() -> String {
        format!("chaveiro-{}", hex::encode(random_bytes::<12>()))
    }

    fn from_row(row: JitAccountRow) -> Result<Self, StoreError> {
        Ok(Self {
            location: AccountLocation::from_row(&row)?,
            credential: row.credential_id,
            state: named(&STATES, &row.state)?,
            mode: named(&MODES, &row.mode)?,
            plugin: row.plugin,
            device: row.device_id,
            username: row.username,
            operator: row.operator_id,
            mark: row.mark,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            problem: row.problem.as_deref().map(AccountProblem::from_name).transpose()?,
            changed_at: row.changed_at,
        })
    }

    fn row(&self) -> JitAccountRow {
        JitAccountRow {
            credential_id: self.credential,
            state: self.state.as_str().into(),
            mode: self.mode.as_str().into(),
            plugin: self.plugin.clone(),
            device_id: self.device,
            username: self.username.clone(),
            host: self.location.host.clone(),
            port: self.location.port.map(i32::from),
            options: self.location.options_text(),
            identity: self.location.identity.as_ref().map(|identity| identity.0.clone()),
            operator_id: self.operator,
            mark: self.mark.clone(),
            attempts: i32::try_from(self.attempts).unwrap_or(i32::MAX),
            problem: self.problem.map(|problem| problem.as_str().into()),
            changed_at: self.changed_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_back() {
        let problems = PROBLEMS.iter().map(|(problem, _)| *problem);
        let of_targets = Problem::ALL.iter().map(|problem| AccountProblem::Target(*problem));
        for problem in problems.chain(of_targets).map(Some).chain([None]) {
            for (state, mode) in STATES.iter().flat_map(|(state, _)| MODES.iter().map(move |(mode, _)| (*state, *mode)))
            {
                let account = JitAccount {
                    credential: CredentialId::new(1),
                    state,
                    mode,
                    plugin: "postgresql".into(),
                    device: DeviceId::new(2),
                    username: "jo".into(),
                    location: AccountLocation {
                        host: "10.0.0.1".into(),
                        port: Some(636),
                        options: [("user-dn".into(), "uid={username}".into())].into(),
                        identity: Some(TargetIdentity("SHA256:x".into())),
                    },
                    operator: CredentialId::new(3),
                    mark: JitAccount::new_mark(),
                    attempts: 4,
                    problem,
                    changed_at: 5,
                };
                assert_eq!(JitAccount::from_row(account.row()), Ok(account));
            }
        }
        assert_ne!(JitAccount::new_mark(), JitAccount::new_mark());
    }
}
