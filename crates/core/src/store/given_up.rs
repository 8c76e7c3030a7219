//! The threads that are given up because their server does not answer. Nothing ends them before their connection ends, so their
//! number is bounded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::StoreError;
use super::watch::Watch;

/// The most threads of one kind that are given up and have not ended.
const MAX_GIVEN_UP: usize = 64;

/// The threads of one kind. A thread holds its watch until it ends.
#[derive(Default)]
pub(super) struct GivenUp {
    threads: Mutex<Vec<Weak<Watch>>>,
    is_logged: AtomicBool,
}

impl GivenUp {
    /// Gives a thread up, unless there are too many such threads. Returns whether another may take its place.
    pub(super) fn add(&self, hanging: &Arc<Watch>) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| thread.strong_count() > 0);
        let has_room = threads.len() < MAX_GIVEN_UP;
        if has_room {
            hanging.give_up();
            threads.push(Arc::downgrade(hanging));
        } else if !self.is_logged.swap(true, Ordering::Relaxed) {
            log::error!("{}", Self::error());
        }
        has_room
    }

    /// The error of an operation that waited in vain: that all threads hang, or `otherwise`.
    pub(super) fn error_or(&self, otherwise: StoreError) -> StoreError {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let hanging = threads.iter().filter(|thread| thread.strong_count() > 0).count();
        if hanging < MAX_GIVEN_UP { otherwise } else { Self::error() }
    }

    fn error() -> StoreError {
        StoreError::Unavailable("64 connections to it hang, and no more are opened; restart this node once it answers")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_threads_are_given_up_and_an_ended_one_makes_room() {
        let given_up = GivenUp::default();
        let mut threads: Vec<_> = (0..MAX_GIVEN_UP).map(|_| Watch::new(Duration::ZERO)).collect();
        assert_eq!(given_up.error_or(StoreError::Busy), StoreError::Busy);
        assert!(threads.iter().all(|thread| given_up.add(thread) && thread.is_given_up()));
        let next = Watch::new(Duration::ZERO);
        assert!(!given_up.add(&next) && !next.is_given_up());
        assert_eq!(given_up.error_or(StoreError::Busy), GivenUp::error());
        threads.pop();
        assert_eq!(given_up.error_or(StoreError::Busy), StoreError::Busy);
        assert!(given_up.add(&next));
    }
}
