//! Administration, from the command line. Each change is recorded, and raises the mark by which every node notices it
//! within a second.

pub(super) mod answer_key;
mod application;
mod authorization;
mod link;
mod registry;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use application::ApplicationSummary;
pub use authorization::{AuthorizationRequest, AuthorizationSummary, NewClient};
pub use link::LinkTarget;

pub(super) use authorization::role_named;

use super::{Inner, Vault};
use crate::audit::Record;
use crate::clock::to_micros;
use crate::crypto::AnswerKeyError;
use crate::store::{AnyConnection, StoreError, Ticket, Transaction, meta};

/// Who the command line is in the audit log.
const ACTOR: &str = "command-line";

/// Why a command was not carried out. The texts are for the person at the keyboard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// There is nothing of that name.
    #[error("there is no {0}")]
    Unknown(String),
    /// An argument makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A key cannot be used.
    #[error(transparent)]
    AnswerKey(#[from] AnswerKeyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Vault {
    /// One change: `change` gives its result and the object for the record.
    pub(super) async fn administer<T: Send + 'static>(
        &self,
        action: &'static str,
        change: impl Fn(&mut AnyConnection, i64) -> Result<(T, String), AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let inner: Arc<Inner> = Arc::clone(&self.0);
        let job = move |transaction: &mut Transaction<'_>| {
            let now = inner.clock.now();
            let (value, object) = match change(transaction.connection(), to_micros(now)) {
                Ok(changed) => changed,
                Err(AdminError::Store(error)) => return Err(error),
                Err(refusal) => {
                    transaction.roll_back()?;
                    return Ok(Err(refusal));
                }
            };
            meta::raise_change_mark(transaction.connection())?;
            inner.record(transaction, &admin_record(now, action, object))?;
            Ok(Ok(value))
        };
        self.0.store.write(Ticket::operator(), job).await?
    }
}

fn admin_record(at: DateTime<Utc>, action: &'static str, object: String) -> Record {
    Record {
        at,
        request_id: String::new(),
        actor: ACTOR.into(),
        source: String::new(),
        action,
        object,
        outcome: "ok",
        times: 1,
    }
}

/// A name that is not empty, has no comma (lists are separated by them) and no control character.
fn named(name: &str, what: &str) -> Result<String, AdminError> {
    let name = name.trim();
    let sound = !name.is_empty() && name.len() <= 255 && !name.contains(',') && !name.chars().any(char::is_control);
    if sound {
        Ok(name.into())
    } else {
        Err(AdminError::Invalid(format!("{what} needs a name of up to 255 characters, without comma")))
    }
}

pub(super) fn exists(name: &str) -> impl FnOnce(StoreError) -> AdminError {
    let name = name.to_string();
    move |error| if error.is_conflict() { AdminError::Exists(name) } else { error.into() }
}
