//! The bounded, fair queue of jobs for the writers.
//!
//! Deficit round robin (Shreedhar and Varghese, 1995): in its turn, each lane gets a quantum of one item. Its first
//! job runs as soon as its credit covers the cost of the job. So a lane of batches gets as many items as a lane of
//! single requests, however many jobs it has queued.
//!
//! A data structure without threads; `writer/waiting.rs` adds a lock.

use std::collections::{HashMap, VecDeque};

use super::id::{AuthorizationId, IdentityId};

/// A lane of the queue. Jobs of one lane leave it in the order of their arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// An API client, by the id of its authorization.
    Client(AuthorizationId),
    /// An account with a password, by the id of its identity.
    Account(IdentityId),
    /// The command line.
    Operator,
    /// Background work.
    System,
    /// Background work in large numbers.
    Maintenance,
    /// An unauthenticated request.
    Anonymous,
}

/// The jobs of one lane and its unused credit, in items.
struct Line<T> {
    jobs: VecDeque<(u32, T)>,
    credit: u32,
}

/// The jobs of all lanes.
pub(super) struct FairQueue<T> {
    lines: HashMap<Lane, Line<T>>,
    /// The lanes that have jobs; the first one has its turn.
    turns: VecDeque<Lane>,
    /// Whether the first lane has got its quantum of this turn.
    credited: bool,
    length: usize,
    capacity: usize,
}

impl<T> FairQueue<T> {
    /// Creates an empty queue for at most `capacity` jobs, and at most half as many of one lane.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { lines: HashMap::new(), turns: VecDeque::new(), credited: false, length: 0, capacity }
    }

    /// Returns the number of queued jobs.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether a job of `lane` would be refused now.
    pub(super) fn is_full_for(&self, lane: Lane) -> bool {
        let own = self.lines.get(&lane).map_or(0, |line| line.jobs.len());
        self.length >= self.capacity || own >= self.capacity.div_ceil(2)
    }

    /// Appends a job that costs `items` (at least 1) to its lane. Returns the job when there is no room.
    pub(super) fn push(&mut self, lane: Lane, items: u32, job: T) -> Result<(), T> {
        if self.is_full_for(lane) {
            return Err(job);
        }
        let turns = &mut self.turns;
        let line = self.lines.entry(lane).or_insert_with(|| {
            turns.push_back(lane);
            Line { jobs: VecDeque::new(), credit: 0 }
        });
        line.jobs.push_back((items.max(1), job));
        self.length += 1;
        Ok(())
    }

    /// Removes and returns the next job. A lane without jobs loses its credit.
    pub(super) fn pop(&mut self) -> Option<T> {
        let mut passed = 0;
        loop {
            let lane = *self.turns.front()?;
            let line = self.lines.get_mut(&lane)?;
            if !self.credited {
                line.credit += 1;
                self.credited = true;
            }
            let cost = line.jobs.front().map_or(0, |(items, _)| *items);
            if cost <= line.credit {
                line.credit -= cost;
                let (_, job) = line.jobs.pop_front()?;
                self.length -= 1;
                if line.jobs.is_empty() {
                    self.lines.remove(&lane);
                    self.turns.pop_front();
                    self.credited = false;
                }
                return Some(job);
            }
            self.turns.rotate_left(1);
            self.credited = false;
            passed += 1;
            if passed == self.turns.len() {
                self.skip_rounds();
                passed = 0;
            }
        }
    }

    /// Credits every lane with the quanta of the rounds in which no job could run.
    fn skip_rounds(&mut self) {
        let missing = |line: &Line<T>| line.jobs.front().map_or(0, |(items, _)| items.saturating_sub(line.credit));
        let rounds = self.lines.values().map(missing).min().unwrap_or(0).saturating_sub(1);
        for line in self.lines.values_mut() {
            line.credit += rounds;
        }
    }

    /// Removes the jobs for which `keep` returns false.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let first = self.turns.front().copied();
        for line in self.lines.values_mut() {
            line.jobs.retain(|(_, job)| keep(job));
        }
        self.lines.retain(|_, line| !line.jobs.is_empty());
        self.turns.retain(|lane| self.lines.contains_key(lane));
        self.credited = self.credited && self.turns.front().copied() == first;
        self.length = self.lines.values().map(|line| line.jobs.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Lane = Lane::Client(AuthorizationId::new(1));
    const B: Lane = Lane::Client(AuthorizationId::new(2));

    fn queue(jobs: &[(Lane, u32, &'static str)]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::new(1000);
        for (lane, items, job) in jobs {
            queue.push(*lane, *items, *job).unwrap();
        }
        queue
    }

    fn drained<T>(mut queue: FairQueue<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn one_lane_is_served_in_order() {
        assert_eq!(drained(queue(&[(A, 1, "1"), (A, 3, "2"), (A, 1, "3")])), ["1", "2", "3"]);
    }

    #[test]
    fn lanes_take_turns() {
        let jobs = [(A, 1, "a1"), (A, 1, "a2"), (A, 1, "a3"), (B, 1, "b1"), (B, 1, "b2")];
        assert_eq!(drained(queue(&jobs)), ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_batch_waits_for_as_many_turns_as_it_has_items() {
        let jobs = [(A, 3, "batch"), (B, 1, "b1"), (B, 1, "b2"), (B, 1, "b3"), (B, 1, "b4")];
        assert_eq!(drained(queue(&jobs)), ["b1", "b2", "batch", "b3", "b4"]);
    }

    #[test]
    fn two_lanes_of_large_batches_need_no_turn_for_each_item() {
        let jobs = [(A, u32::MAX, "a"), (B, u32::MAX - 1, "b")];
        assert_eq!(drained(queue(&jobs)), ["b", "a"]);
    }

    #[test]
    fn a_job_that_costs_nothing_costs_one() {
        assert_eq!(drained(queue(&[(A, 0, "a1"), (A, 0, "a2"), (B, 1, "b")])), ["a1", "b", "a2"]);
    }

    #[test]
    fn a_lane_that_comes_back_has_saved_nothing() {
        let mut queue = queue(&[(A, 1, "a1"), (B, 1, "b1"), (B, 1, "b2")]);
        assert_eq!((queue.pop(), queue.pop()), (Some("a1"), Some("b1")));
        queue.push(A, 2, "a2").unwrap();
        queue.push(B, 1, "b3").unwrap();
        assert_eq!(drained(queue), ["b2", "a2", "b3"]);
    }

    #[test]
    fn one_lane_never_has_more_than_half_and_all_of_them_no_more_than_the_whole() {
        let mut queue = FairQueue::new(4);
        queue.push(A, 1, 1).unwrap();
        queue.push(A, 500, 2).unwrap();
        assert_eq!(queue.push(A, 1, 3), Err(3));
        queue.push(B, 1, 4).unwrap();
        queue.push(Lane::System, 1, 5).unwrap();
        assert!(queue.is_full_for(Lane::Operator));
        assert_eq!((queue.push(Lane::Operator, 1, 6), queue.len()), (Err(6), 4));
        assert_eq!(queue.pop(), Some(1));
        queue.push(A, 1, 7).unwrap();
    }

    #[test]
    fn what_is_not_kept_gives_its_room_back() {
        let mut queue = queue(&[(A, 1, "gone"), (B, 1, "b1"), (A, 1, "a"), (B, 1, "gone")]);
        queue.retain(|job| *job != "gone");
        assert_eq!(queue.len(), 2);
        assert_eq!(drained(queue), ["a", "b1"]);
        let mut empty = FairQueue::new(2);
        empty.push(A, 1, 1).unwrap();
        empty.retain(|_| false);
        assert_eq!((empty.len(), empty.pop()), (0, None));
    }

    proptest! {
        /// While every lane has jobs waiting, none is ahead of another by more than its dearest job and one turn.
        #[test]
        fn items_are_shared_evenly(costs in prop::collection::vec(prop::collection::vec(1u32..20, 30..60), 2..5)) {
            let mut queue = FairQueue::new(10_000);
            for (lane, jobs) in (0..).zip(&costs) {
                for cost in jobs {
                    queue.push(Lane::Client(AuthorizationId::new(lane)), *cost, (lane, *cost)).unwrap();
                }
            }
            let mut left: Vec<usize> = costs.iter().map(Vec::len).collect();
            let mut served = vec![0; costs.len()];
            while let Some((lane, cost)) = queue.pop() {
                let lane = usize::try_from(lane).unwrap();
                served[lane] += cost;
                left[lane] -= 1;
                let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
                prop_assert!(most - least <= 20, "{served:?}");
                if left[lane] == 0 {
                    break;
                }
            }
        }

        /// Every job comes out once, those of a lane in their order.
        #[test]
        fn nothing_is_lost_and_nothing_overtakes_its_lane(jobs in prop::collection::vec((0i32..4, 1u32..30), 0..80)) {
            let mut queue = FairQueue::new(1000);
            for (number, (lane, cost)) in jobs.iter().enumerate() {
                queue.push(Lane::Client(AuthorizationId::new(*lane)), *cost, (*lane, number)).unwrap();
            }
            let out = drained(queue);
            prop_assert_eq!(out.len(), jobs.len());
            for lane in 0..4 {
                let of_lane: Vec<usize> = out.iter().filter(|job| job.0 == lane).map(|job| job.1).collect();
                prop_assert!(of_lane.is_sorted());
            }
        }
    }
}
