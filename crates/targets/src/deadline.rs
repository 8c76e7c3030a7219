//! Deadlines of calls, and what an interruption means: before the change was sent, nothing has happened; afterwards
//! nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chaveiro_rotation::{Account, Failure, TargetError, Work};

use crate::failure;

/// The deadline of a whole call, unless the account has another.
const CALL: Duration = Duration::from_secs(60);

/// Whether the bytes that make a change have been sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// Records that the change is about to be sent: from now on, no answer means "unknown".
    pub(crate) fn sent(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Takes that back: the bytes never left, because no connection came about.
    #[cfg(feature = "http")]
    pub(crate) fn not_sent(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn is_sent(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Turns a lost connection into [`Failure::Unknown`] once the change was sent. Clear answers stay as they are.
    fn judge(&self, error: TargetError) -> TargetError {
        if self.is_sent() && error.failure == Failure::Unreachable { failure::unknown(error.cause) } else { error }
    }
}

/// Runs a call of a target within the deadline of the account.
pub(crate) fn bounded<'a, T, F>(account: &Account, call: impl FnOnce(Progress) -> F + Send + 'a) -> Work<'a, T>
where
    T: Send + 'a,
    F: Future<Output = Result<T, TargetError>> + Send + 'a,
{
    bounded_by(account.timeout.unwrap_or(CALL), call)
}

/// Runs a call of a target within a deadline of its own.
pub(crate) fn bounded_by<'a, T, F>(limit: Duration, call: impl FnOnce(Progress) -> F + Send + 'a) -> Work<'a, T>
where
    T: Send + 'a,
    F: Future<Output = Result<T, TargetError>> + Send + 'a,
{
    Box::pin(async move {
        let progress = Progress::default();
        let answer = tokio::time::timeout(limit, call(progress.clone())).await;
        let answer = answer.unwrap_or_else(|_| Err(failure::unreachable("no answer within the deadline")));
        answer.map_err(|error| progress.judge(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a call that ends with an error or not at all.
    fn ends_with(sent: bool, error: Option<TargetError>) -> Failure {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let call = |progress: Progress| async move {
            if sent {
                progress.sent();
            }
            match error {
                Some(error) => Err::<(), _>(error),
                None => std::future::pending().await,
            }
        };
        runtime.block_on(bounded_by(Duration::from_millis(1), call)).unwrap_err().failure
    }

    #[test]
    fn an_interruption_is_unknown_once_the_change_was_sent() {
        for error in [None, Some(failure::unreachable(failure::LOST))] {
            assert_eq!(ends_with(false, error), Failure::Unreachable);
            assert_eq!(ends_with(true, error), Failure::Unknown);
        }
    }

    #[test]
    fn a_call_ends_at_the_deadline_of_the_account() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let account = Account {
            host: "h".into(),
            port: None,
            username: "u".into(),
            options: std::collections::BTreeMap::new(),
            identity: None,
            timeout: Some(Duration::from_millis(1)),
        };
        let answer = runtime.block_on(bounded(&account, |_| std::future::pending::<Result<(), _>>()));
        assert_eq!(answer.unwrap_err().failure, Failure::Unreachable);
    }

    #[test]
    fn a_clear_answer_stays_what_it_is() {
        for error in [failure::rejected("x"), failure::too_early("x"), failure::denied("x"), failure::locked("x")] {
            assert_eq!(ends_with(true, Some(error)), error.failure);
        }
    }
}
