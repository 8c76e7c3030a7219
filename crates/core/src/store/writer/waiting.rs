//! The queue behind a lock: callers push jobs without waiting, writers wait for jobs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::super::queue::{FairQueue, Lane};

/// An item that can become useless while it waits.
pub(super) trait Abandonable {
    /// Whether no caller waits for it any more.
    fn is_abandoned(&self) -> bool;
}

/// Why a job was not queued.
pub(super) enum NotQueued {
    Full,
    Closed,
}

/// A [`FairQueue`] for several threads. It ends when it is closed and empty.
pub(super) struct Waiting<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    queue: FairQueue<T>,
    closed: bool,
    /// The number of writers that wait for a job. While all are at work, a new job wakes nobody: each looks at the queue
    /// before it waits.
    idle: usize,
}

impl<T: Abandonable> Waiting<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State { queue: FairQueue::new(capacity), closed: false, idle: 0 }),
            arrived: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job. A full queue first drops its abandoned jobs.
    pub(super) fn put(&self, lane: Lane, items: u32, job: T) -> Result<(), NotQueued> {
        let mut state = self.state();
        if state.closed {
            return Err(NotQueued::Closed);
        }
        if state.queue.is_full_for(lane) {
            state.queue.retain(|job| !job.is_abandoned());
        }
        state.queue.push(lane, items, job).map_err(|_| NotQueued::Full)?;
        let is_awaited = state.idle > 0;
        drop(state);
        if is_awaited {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for the next job. Returns `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Returns the next job, if there is one.
    pub(super) fn try_next(&self) -> Option<T> {
        self.state().queue.pop()
    }

    /// Returns the number of queued jobs; 0 once the queue is closed.
    pub(super) fn len(&self) -> usize {
        let state = self.state();
        if state.closed { 0 } else { state.queue.len() }
    }

    /// Refuses further jobs and wakes the waiting writers.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_all();
    }
}
