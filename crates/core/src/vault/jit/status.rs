//! What is shown of an account: its state, never a value.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::remove::KIND;
use super::state::{JitAccount, JitState};
use crate::clock::from_micros;
use crate::store::id::CredentialId;
use crate::store::{AnyConnection, StoreError, jit_account, job};

/// The state of an account that exists only while custody lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// The state, as docs/rotation.md names them.
    pub state: String,
    /// `create` or `enable`.
    pub mode: String,
    /// Name or address of the target that the account is on.
    pub host: String,
    /// The port; `None`: the usual one of the target.
    pub port: Option<u16>,
    /// When the last step ended.
    pub since: DateTime<Utc>,
    /// Failed attempts to remove it.
    pub attempts: u32,
    /// What kept the last step from its end.
    pub problem: Option<String>,
    /// When its removal is tried again.
    pub due_at: Option<DateTime<Utc>>,
}

/// How many accounts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Those that exist, or can log in.
    pub present: i64,
    /// Those that are to be removed, and are not yet.
    pub removing: i64,
}

impl AccountCounts {
    pub(in crate::vault) fn read(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let counts = jit_account::counts(connection)?;
        let count =
            |state: JitState| counts.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count);
        Ok(Self { present: count(JitState::Present), removing: count(JitState::Removing) })
    }
}

/// Returns the state of the account of a credential; `None` for one that the vault never created or enabled.
pub(in crate::vault) fn status_of(
    connection: &mut AnyConnection,
    id: CredentialId,
) -> Result<Option<AccountStatus>, StoreError> {
    let Some(account) = JitAccount::find(connection, id)? else { return Ok(None) };
    let due_at = match account.state {
        JitState::Removing => job::live(connection, KIND, &id.to_string())?.map(|job| from_micros(job.due_at)),
        _ => None,
    };
    Ok(Some(AccountStatus {
        state: account.state.as_str().into(),
        mode: account.mode.as_str().into(),
        host: account.location.host,
        port: account.location.port,
        since: from_micros(account.changed_at),
        attempts: account.attempts,
        problem: account.problem.map(|problem| problem.as_str().into()),
        due_at,
    }))
}
