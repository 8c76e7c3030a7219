//! The executor: nodes whose futures are polled one at a time, in an order that the seed decides.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use chaveiro_rotation::{JournalError, Limits, Outcome, RotationError, Rotator};

use crate::database::LEASE;
use crate::journal::SimulatedJournal;
use crate::target::SimulatedTarget;
use crate::world::Shared;

type Run = Pin<Box<dyn Future<Output = Result<Outcome, RotationError>> + Send>>;

/// Gives the other nodes, the clock and the faults a turn.
pub(crate) async fn pause() {
    let mut has_paused = false;
    poll_fn(|_| if std::mem::replace(&mut has_paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// A node: it rotates one account at a time.
#[derive(Default)]
pub(crate) struct Node {
    run: Option<(usize, u64, Run)>,
}

impl Node {
    /// Claims an account, or goes one step on with the one that it has.
    pub(crate) fn turn(&mut self, world: &Shared) {
        let Some((account, fence, run)) = &mut self.run else { return self.claim(world) };
        let (account, fence) = (*account, *fence);
        let Poll::Ready(result) = run.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { return };
        self.run = None;
        world.with(|world| {
            world.trace(|| format!("{account} {fence} ends: {result:?}"));
            let expected =
                matches!(result, Ok(_) | Err(RotationError::Journal(JournalError::Lost | JournalError::Failed(_))));
            if !expected {
                world.violate(format!("account {account}: {result:?}"));
            }
            let lease = &mut world.rows[account].lease;
            if lease.0 == fence {
                lease.1 = 0;
            }
        });
    }

    fn claim(&mut self, world: &Shared) {
        let claimed = world.with(|state| {
            let now = state.now;
            let due: Vec<usize> = (0..state.rows.len())
                .filter(|account| state.rows[*account].is_due(state.hours, now) && state.rows[*account].lease.1 <= now)
                .collect();
            if due.is_empty() {
                return None;
            }
            let account = state.random.pick(&due);
            let fence = state.number();
            state.rows[account].lease = (fence, now + LEASE);
            Some((account, fence, Limits { hours: state.hours, ..state.sabotage.limits() }))
        });
        let Some((account, fence, limits)) = claimed else { return };
        let (target, journal) = (
            SimulatedTarget { world: world.clone(), account, fence },
            SimulatedJournal { world: world.clone(), account, fence },
        );
        let run: Run = Box::pin(async move { Rotator::new(&target, &journal, limits).run().await });
        self.run = Some((account, fence, run));
    }

    /// Ends the process: what is in memory is gone, and the lease stays.
    pub(crate) fn crash(&mut self) {
        self.run = None;
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.run.is_none()
    }
}
