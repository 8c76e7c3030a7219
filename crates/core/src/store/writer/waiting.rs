//! The queue behind a lock: callers push jobs without waiting, writers wait for jobs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::queue::{FairQueue, Lane};

/// How long a writer waits until there are [`ENOUGH`] jobs, while another one is at work.
const GATHERING: Duration = Duration::from_micros(500);

/// The number of jobs from which a writer waits for no more.
const ENOUGH: usize = 8;

/// An item of the queue.
pub(super) trait Queued {
    /// Whether no caller waits for it any more.
    fn is_abandoned(&self) -> bool;

    /// Whether it shares statements with others of its kind, and costs less together with them.
    fn shares_statements(&self) -> bool;
}

/// Why a job was not queued.
pub(super) enum NotQueued {
    Full,
    Closed,
}

/// A [`FairQueue`] for several writers. It ends when it is closed and empty.
pub(super) struct Waiting<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    queue: FairQueue<T>,
    closed: bool,
    writers: usize,
    /// [`ENOUGH`], or as many as a transaction may have.
    enough: usize,
    /// The number of writers that wait for a job. While all are at work, a new job wakes nobody: each looks at the queue
    /// before it waits.
    idle: usize,
    /// The number of those that wait for more jobs than there are.
    gathering: usize,
    /// The number of queued jobs that share no statements.
    unshared: usize,
}

impl<T: Queued> State<T> {
    fn push(&mut self, lane: Lane, items: u32, job: T) -> Result<(), NotQueued> {
        let unshared = usize::from(!job.shares_statements());
        self.queue.push(lane, items, job).map_err(|_| NotQueued::Full)?;
        self.unshared += unshared;
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        let job = self.queue.pop()?;
        self.unshared -= usize::from(!job.shares_statements());
        Some(job)
    }

    fn drop_abandoned(&mut self) {
        let unshared = &mut self.unshared;
        self.queue.retain(|job| {
            let is_kept = !job.is_abandoned();
            *unshared -= usize::from(!is_kept && !job.shares_statements());
            is_kept
        });
    }

    /// Whether a writer that is free waits for more jobs. Another writer is at work, so that the processor is not idle meanwhile,
    /// and the jobs are few.
    fn is_worth_gathering(&self) -> bool {
        let others_idle = self.idle + 1 >= self.writers;
        !others_idle && !self.closed && self.unshared == 0 && (1..self.enough).contains(&self.queue.len())
    }

    /// Whether a new job wakes a writer.
    fn wakes(&self) -> bool {
        self.idle > 0 && (self.gathering == 0 || self.unshared > 0 || self.queue.len() >= self.enough)
    }
}

impl<T: Queued> Waiting<T> {
    /// Creates the queue of `writers`, each of which has at most `batch` jobs in a transaction.
    pub(super) fn new(capacity: usize, writers: usize, batch: usize) -> Self {
        let (queue, enough) = (FairQueue::new(capacity), ENOUGH.min(batch));
        Self {
            state: Mutex::new(State { queue, closed: false, writers, enough, idle: 0, gathering: 0, unshared: 0 }),
            arrived: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no queued job shares statements.
    pub(super) fn are_all_unshared(&self) -> bool {
        let state = self.state();
        state.unshared == state.queue.len()
    }

    /// Queues a job. A full queue first drops its abandoned jobs.
    pub(super) fn put(&self, lane: Lane, items: u32, job: T) -> Result<(), NotQueued> {
        let mut state = self.state();
        if state.closed {
            return Err(NotQueued::Closed);
        }
        if state.queue.is_full_for(lane) {
            state.drop_abandoned();
        }
        state.push(lane, items, job)?;
        let wakes = state.wakes();
        drop(state);
        if wakes {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for the next job, and for a moment until there are several that share statements. Returns `None` when the queue is
    /// closed and empty.
    pub(super) fn next(&self) -> Option<T> {
        let mut state = self.state();
        let mut has_gathered = false;
        loop {
            let gathers = !has_gathered && state.is_worth_gathering();
            if !gathers && let Some(job) = state.pop() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            if gathers {
                state.gathering += 1;
                let waited = self.arrived.wait_timeout(state, GATHERING).unwrap_or_else(PoisonError::into_inner);
                (state, has_gathered) = (waited.0, waited.1.timed_out());
                state.gathering -= 1;
            } else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                has_gathered = false;
            }
            state.idle -= 1;
        }
    }

    /// Wakes a writer that is idle, if a job is left. Called when a writer has taken what it takes: those that came while it
    /// gathered woke nobody.
    pub(super) fn wake_another(&self) {
        let state = self.state();
        let is_left = state.queue.len() > 0 && state.idle > state.gathering;
        drop(state);
        if is_left {
            self.arrived.notify_one();
        }
    }

    /// Returns the next job, if there is one.
    pub(super) fn try_next(&self) -> Option<T> {
        self.state().pop()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A job; whether it shares statements.
    struct Sample(bool);

    impl Queued for Sample {
        fn is_abandoned(&self) -> bool {
            true
        }

        fn shares_statements(&self) -> bool {
            self.0
        }
    }

    fn state(writers: usize, idle: usize, jobs: &[bool]) -> State<Sample> {
        let queue = FairQueue::new(64);
        let (enough, gathering, unshared) = (ENOUGH, 0, 0);
        let mut state = State { queue, closed: false, writers, enough, idle, gathering, unshared };
        for shares in jobs {
            assert!(state.push(Lane::Operator, 1, Sample(*shares)).is_ok());
        }
        state
    }

    #[test]
    fn a_writer_waits_for_more_of_few_jobs_that_share_statements_while_another_is_at_work() {
        for (writers, idle, jobs, expected) in [
            (4, 2, &[true][..], true),
            (4, 2, &[true; ENOUGH - 1], true),
            (4, 2, &[true; ENOUGH], false),
            (4, 2, &[true, false], false),
            (4, 2, &[], false),
            (4, 3, &[true], false),
            (1, 0, &[true], false),
        ] {
            assert_eq!(state(writers, idle, jobs).is_worth_gathering(), expected, "{writers} {idle} {}", jobs.len());
        }
        let closed = State { closed: true, ..state(4, 2, &[true]) };
        let alone = State { enough: 1, ..state(4, 2, &[true]) };
        assert!(!closed.is_worth_gathering() && !alone.is_worth_gathering());
    }

    #[test]
    fn a_job_wakes_a_writer_unless_one_gathers_already() {
        for (idle, gathering, jobs, expected) in [
            (0, 0, &[true][..], false),
            (1, 0, &[true], true),
            (2, 1, &[true; 2], false),
            (2, 1, &[true; ENOUGH], true),
            (2, 1, &[true, false], true),
        ] {
            let state = State { gathering, ..state(4, idle, jobs) };
            assert_eq!(state.wakes(), expected, "{idle} {gathering} {}", jobs.len());
        }
    }

    #[test]
    fn unshared_jobs_are_counted_until_they_leave() {
        let mut state = state(4, 2, &[false, true, false]);
        assert_eq!(state.unshared, 2);
        assert!(state.pop().is_some_and(|job| !job.0));
        assert_eq!(state.unshared, 1);
        state.drop_abandoned();
        assert_eq!((state.unshared, state.queue.len()), (0, 0));
    }

    #[test]
    fn a_job_that_waits_for_others_is_returned_in_the_end() {
        let waiting = Waiting::new(64, 2, 64);
        assert!(waiting.put(Lane::Operator, 1, Sample(true)).is_ok());
        assert!(waiting.next().is_some(), "the other writer is at work and brings nothing");
    }
}
