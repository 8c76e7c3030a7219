//! The keys of the vault, without key material.

use chrono::{DateTime, Utc};

use super::{signing, split};
use crate::clock::from_micros;
use crate::crypto::{ShareScheme, SplitRecord};
use crate::store::key::{self, KeyState};
use crate::store::{job, meta, reseal};
use crate::vault::jobs::JobKind;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Vault, VaultError};

/// A data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyStatus {
    /// The id, which each value under the key names.
    pub id: i32,
    /// What the key is for: `values`, or `audit` for MACs and digests.
    pub purpose: String,
    /// Current or retiring.
    pub state: KeyState,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When another key became current.
    pub retired_at: Option<DateTime<Utc>>,
    /// The number of rows with values under it.
    pub values: i64,
    /// The number of rows that were moved from it to the current key.
    pub resealed: i64,
}

impl DataKeyStatus {
    /// How much of a retiring key was moved, in percent; `None` for a current key.
    pub fn progress(&self) -> Option<i64> {
        let all = self.values.saturating_add(self.resealed);
        let moved = || self.resealed.saturating_mul(100).checked_div(all).unwrap_or(100);
        (self.state == KeyState::Retiring).then(moved)
    }
}

/// A key of access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SigningKeyStatus {
    pub kid: String,
    pub state: KeyState,
    pub created_at: DateTime<Utc>,
    /// Until when its tokens are accepted; `None` for the current key.
    pub accepted_until: Option<DateTime<Utc>>,
}

/// The keys of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeyStatus {
    /// The location of the root key.
    pub root_key_location: String,
    /// The id of the root key, which reveals nothing of it; `None`: this node has another one than the database.
    pub root_key_id: Option<String>,
    /// The shares of the root key; `None`: it was not split.
    pub root_key_shares: Option<ShareScheme>,
    pub data_keys: Vec<DataKeyStatus>,
    pub signing_keys: Vec<SigningKeyStatus>,
    /// Why the job that re-seals values failed the last time.
    pub last_error: Option<String>,
}

impl Vault {
    /// Returns the keys of the vault, without key material.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub async fn key_status(&self, permit: Permit) -> Result<KeyStatus, VaultError> {
        self.query(permit, status).await
    }
}

fn status(context: &mut OperationContext<'_>) -> Result<Done<KeyStatus>, VaultError> {
    let (keys, settings) = (&context.vault.data_keys, &context.vault.settings);
    let connection = context.connection();
    let check = meta::root_key_check(connection)?;
    let root_key = check.and_then(|check| keys.root_key_of(&check));
    let root_key_shares = split::record(connection)?.as_ref().map(SplitRecord::scheme);
    let mut data_keys = Vec::new();
    for row in key::data_keys(connection)? {
        data_keys.push(DataKeyStatus {
            id: row.id.get(),
            state: row.state.parse()?,
            created_at: from_micros(row.created_at),
            retired_at: row.retired_at.map(from_micros),
            values: reseal::count_under(connection, row.id)?,
            resealed: row.resealed,
            purpose: row.purpose,
        });
    }
    let mut signing_keys = Vec::new();
    let lifetime = signing::lifetime(settings);
    for row in key::signing_keys(connection)? {
        signing_keys.push(SigningKeyStatus {
            state: row.state.parse()?,
            created_at: from_micros(row.created_at),
            accepted_until: signing::accepted_until(&row, lifetime),
            kid: row.kid,
        });
    }
    let job = job::live(connection, JobKind::MaintainKeys.as_str(), "")?;
    let status = KeyStatus {
        root_key_location: keys.location().to_string(),
        root_key_id: root_key.map(|root_key| root_key.id()),
        root_key_shares,
        data_keys,
        signing_keys,
        last_error: job.and_then(|job| job.last_error),
    };
    Ok(Done::new(Subject::Collection, status))
}
