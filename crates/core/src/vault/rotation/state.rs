//! The state of a rotation, as stored.

use chaveiro_rotation::{Arrow, Cause, Record, Waiting};

use crate::store::id::CredentialId;
use crate::store::rotation_record::{self, RotationEventRow, RotationRecordRow};
use crate::store::{AnyConnection, StoreError};

/// The versions of a secret that a change replaces on its target: those that were current when it was sent. A value that is saved
/// meanwhile is newer, and not what the target had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplacedVersions {
    pub(super) value: Option<i32>,
    pub(super) passphrase: Option<i32>,
}

/// The state of the rotation of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RotationState {
    pub(super) record: Record,
    pub(super) waiting: Waiting,
    /// When the last rotation ended with a new password. `None`: never, so that none is changed automatically.
    pub(super) changed_at: Option<i64>,
    /// Whether the target of a child does not have the value of its parent yet: the value in force is the child's own.
    pub(super) is_behind: bool,
    /// What the last change that was sent replaces.
    pub(super) former: ReplacedVersions,
}

impl RotationState {
    /// Loads the state; that of a credential without a row is the first one.
    pub(super) fn load(connection: &mut AnyConnection, id: CredentialId) -> Result<Self, StoreError> {
        rotation_record::find(connection, id)?.map_or_else(|| Ok(Self::default()), Self::from_row)
    }

    /// As [`RotationState::load`], with the row locked until the transaction ends. A credential without a row gets one.
    pub(super) fn lock(connection: &mut AnyConnection, id: CredentialId) -> Result<Self, StoreError> {
        if let Some(row) = rotation_record::locked(connection, id)? {
            return Self::from_row(row);
        }
        let state = Self::default();
        rotation_record::insert(connection, &state.row(id))?;
        Ok(state)
    }

    /// Stores the state.
    pub(super) fn store(&self, connection: &mut AnyConnection, id: CredentialId) -> Result<(), StoreError> {
        rotation_record::update(connection, &self.row(id))
    }

    fn from_row(row: RotationRecordRow) -> Result<Self, StoreError> {
        let unreadable = StoreError::Query("the state of a rotation cannot be read");
        let count = |number: i32| u32::try_from(number).map_err(|_| unreadable.clone());
        let cause =
            |name: Option<String>| name.map(|name| name.parse::<Cause>()).transpose().map_err(|_| unreadable.clone());
        let problem = row.problem.map(|name| name.parse()).transpose().map_err(|_| unreadable.clone())?;
        let record = Record {
            revision: row.revision,
            phase: row.phase.parse().map_err(|_| unreadable.clone())?,
            cause: cause(row.cause)?,
            attempts: count(row.attempts)?,
            checks: count(row.checks)?,
            rejections: count(row.rejections)?,
            sends: count(row.sends)?,
            in_doubt: row.in_doubt,
            due_at: row.due_at,
            problem,
        };
        let waiting = Waiting { releases: count(row.waiting_releases)?, other: cause(row.waiting_cause)? };
        let former = ReplacedVersions { value: row.former_version, passphrase: row.former_passphrase_version };
        Ok(Self { record, waiting, changed_at: row.changed_at, is_behind: row.is_behind, former })
    }

    fn row(&self, credential_id: CredentialId) -> RotationRecordRow {
        let Self { record, waiting, changed_at, is_behind, former } = self;
        let name = |cause: Cause| cause.as_str().to_string();
        RotationRecordRow {
            credential_id,
            revision: record.revision,
            phase: record.phase.as_str().into(),
            cause: record.cause.map(name),
            attempts: stored(record.attempts),
            checks: stored(record.checks),
            rejections: stored(record.rejections),
            sends: stored(record.sends),
            in_doubt: record.in_doubt,
            due_at: record.due_at,
            problem: record.problem.map(|problem| problem.as_str().into()),
            waiting_releases: stored(waiting.releases),
            waiting_cause: waiting.other.map(name),
            changed_at: *changed_at,
            is_behind: *is_behind,
            former_version: former.value,
            former_passphrase_version: former.passphrase,
        }
    }
}

fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Returns the row of an arrow in the list of events.
pub(super) fn event_of(arrow: &Arrow, credential_id: CredentialId, at: i64) -> RotationEventRow {
    let record = &arrow.record;
    RotationEventRow {
        credential_id,
        revision: record.revision,
        at,
        event: arrow.event.as_str().into(),
        problem: record.problem.map(|problem| problem.as_str().into()),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_rotation::{Phase, Problem};

    use super::*;

    #[test]
    fn a_state_is_read_back() {
        let record = Record {
            revision: 7,
            phase: Phase::Unverified,
            cause: Some(Cause::Age),
            attempts: 1,
            checks: 2,
            rejections: 3,
            sends: 4,
            in_doubt: true,
            due_at: Some(5),
            problem: Some(Problem::NothingLogsIn),
        };
        let waiting = Waiting { releases: 2, other: Some(Cause::Manual) };
        let former = ReplacedVersions { value: Some(8), passphrase: Some(9) };
        let state = RotationState { record, waiting, changed_at: Some(6), is_behind: true, former };
        assert_eq!(RotationState::from_row(state.row(CredentialId::new(1))), Ok(state.clone()));
        let mut row = state.row(CredentialId::new(1));
        row.phase = "another".into();
        assert!(RotationState::from_row(row).is_err());
    }
}
