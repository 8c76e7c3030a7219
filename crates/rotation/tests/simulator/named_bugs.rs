//! The bugs that rotations are known for, each as a story.

use chaveiro_rotation::{Cause, Decision, Failure, Phase, Problem};

use crate::database::{LEASE, Row, State};
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::simulation::Simulation;
use crate::system::{System, SystemRules};
use crate::target::Fault;
use crate::world::{HOUR, SECOND, World};

/// Returns a world with one account that changes its own secret, whose first changes meet these faults.
fn story(rules: SystemRules, faults: &[Fault]) -> Simulation {
    let mut world = World::new(Random::new(7), Sabotage::None, false);
    world.script = faults.iter().rev().copied().collect();
    world.add(SystemRules { has_identity: true, ..rules }, Some("first".to_owned()), true, None);
    Simulation::new(world)
}

impl Simulation {
    fn rotate(&mut self, cause: Cause) {
        self.world.with(|world| world.request(0, cause));
        self.settle();
    }

    fn row(&self, account: usize) -> Row {
        self.world.with(|world| world.rows[account].clone())
    }

    fn system(&self, account: usize) -> System {
        self.world.with(|world| world.systems[account].clone())
    }

    /// Returns the states of the versions, the oldest first.
    fn states(&self) -> Vec<State> {
        self.row(0).versions.iter().map(|version| version.state).collect()
    }

    /// Whether the rotation has ended, and its value logs in as the only one.
    fn assert_rotated_once(&self) {
        let row = self.row(0);
        assert_eq!((row.record.phase, self.states()), (Phase::Idle, vec![State::Previous, State::Current]));
        assert_eq!(&self.system(0).accepted, &[row.current().unwrap().clone()]);
    }
}

#[test]
fn changed_but_not_stored() {
    for fault in [Fault::AnswerLost, Fault::FalseRefusal, Fault::Late, Fault::Stale] {
        let mut story = story(SystemRules::default(), &[fault]);
        story.rotate(Cause::Age);
        story.assert_rotated_once();
    }
}

#[test]
fn stored_but_not_changed() {
    let mut once = story(SystemRules::default(), &[Fault::FalseAnswer, Fault::RequestLost]);
    once.rotate(Cause::Age);
    once.assert_rotated_once();

    let mut always = story(SystemRules::default(), &[Fault::FalseAnswer; 50]);
    always.rotate(Cause::Age);
    assert_eq!(always.states(), [State::Current, State::Unverified]);
    let record = always.row(0).record;
    assert!(record.needs_decision());
    assert_eq!((record.phase, record.problem), (Phase::CandidateStored, Some(Problem::NotChanged)));
}

#[test]
fn other_account_changed() {
    let mut story = story(SystemRules::default(), &[Fault::WrongAccount; 50]);
    story.world.with(|world| world.add(SystemRules::default(), Some("second".to_owned()), true, None));
    story.rotate(Cause::Age);
    assert_eq!(story.states(), [State::Current, State::Unverified]);
    assert!(story.system(0).accepts("first"));
    assert!(story.row(0).record.needs_decision());
}

#[test]
fn retry_for_ever_with_a_refused_candidate() {
    let mut story = story(SystemRules { longest: Some(4), ..SystemRules::default() }, &[]);
    story.rotate(Cause::Age);
    assert_eq!(story.states(), [State::Current, State::Rejected, State::Rejected, State::Rejected]);
    assert_eq!(story.row(0).sent.len(), 3);
    assert!(story.row(0).record.needs_decision());

    let mut plain = self::story(SystemRules { longest: Some(16), ..SystemRules::default() }, &[]);
    plain.rotate(Cause::Age);
    assert_eq!(plain.states(), [State::Previous, State::Rejected, State::Rejected, State::Current]);
}

#[test]
fn old_and_new_both_valid() {
    let mut story = story(SystemRules { keeps_former: true, ..SystemRules::default() }, &[]);
    story.rotate(Cause::Age);
    story.assert_rotated_once();
}

#[test]
fn the_check_locks_the_account() {
    for can_reconcile in [false, true] {
        let mut story = story(SystemRules { locks_after: Some(4), ..SystemRules::default() }, &[]);
        story.world.with(|world| {
            world.can_reconcile = can_reconcile;
            world.set_outside(0);
        });
        story.rotate(Cause::Age);
        assert_eq!(story.system(0).lockouts, 0);
        assert_eq!(story.row(0).record.needs_decision(), !can_reconcile);
    }
}

#[test]
fn a_locked_account_is_left_alone() {
    let mut story = story(SystemRules::default(), &[Fault::Refuse(Failure::Locked)]);
    let before = story.world.with(|world| world.now);
    story.rotate(Cause::Age);
    story.assert_rotated_once();
    assert!(story.world.with(|world| world.now) - before >= 2 * HOUR);
}

#[test]
fn minimum_age() {
    let mut story = story(SystemRules { minimum_age: 24 * HOUR, ..SystemRules::default() }, &[]);
    story.rotate(Cause::Release);
    story.assert_rotated_once();
    assert!(story.row(0).sent.len() <= 5);
}

#[test]
fn two_rotators() {
    let mut story = story(SystemRules::default(), &[Fault::AnswerLost]);
    story.world.with(|world| world.request(0, Cause::Release));
    while story.row(0).sent.is_empty() {
        story.nodes[0].turn(&story.world);
    }
    // The first node stands still for longer than its lease lasts.
    story.world.with(|world| world.now += LEASE);
    story.nodes[1].turn(&story.world);
    assert!(!story.nodes[1].is_idle());
    story.settle();
    story.assert_rotated_once();
    assert_eq!(story.row(0).releases, (1, 1, 0));
}

#[test]
fn a_crash_at_every_step() {
    for fault in [Fault::None, Fault::AnswerLost, Fault::RequestLost, Fault::FalseAnswer, Fault::Late] {
        for turns in 0.. {
            let mut story = story(SystemRules { keeps_former: true, ..SystemRules::default() }, &[fault]);
            story.world.with(|world| world.request(0, Cause::Release));
            for _ in 0..turns {
                story.nodes[0].turn(&story.world);
                story.world.with(|world| {
                    world.now += SECOND;
                    world.deliver();
                });
            }
            let has_ended = story.row(0).record.phase == Phase::Idle && story.row(0).waiting.first().is_none();
            story.nodes[0].crash();
            story.settle();
            story.assert_rotated_once();
            assert_eq!(story.row(0).releases, (1, 1, 0), "{fault:?}, {turns} turns");
            if has_ended || turns > 200 {
                break;
            }
        }
    }
}

#[test]
fn parent_chain_half_done() {
    let mut story = story(SystemRules::default(), &[]);
    story.world.with(|world| {
        let (rules, value) = (SystemRules { has_identity: true, ..SystemRules::default() }, Some("first".to_owned()));
        world.add(rules, value, true, Some(0));
        world.systems[1].down_until = world.now + HOUR;
    });
    story.world.with(|world| world.request(0, Cause::Age));
    while story.row(0).record.phase != Phase::Idle || story.row(0).current().is_some_and(|value| value == "first") {
        story.nodes[0].turn(&story.world);
        story.world.with(|world| {
            world.deliver();
            world.now += SECOND;
        });
    }
    // Half done: the parent has its new value, the child is still known by its former one.
    assert_eq!(story.row(1).current().unwrap(), "first");
    story.nodes[0].crash();
    story.settle();
    assert_eq!(story.row(0).current(), story.row(1).current());
    assert!(story.system(1).accepts(story.row(1).current().unwrap()));
}

#[test]
fn host_key_changed() {
    let mut story = story(SystemRules::default(), &[]);
    story.rotate(Cause::Age);
    story.world.with(|world| world.systems[0].identity += 1);
    let sent = story.row(0).sent.len();
    story.rotate(Cause::Age);
    assert_eq!(story.row(0).record.phase, Phase::IdentityChanged);
    assert_eq!(story.row(0).sent.len(), sent);
    story.world.with(|world| {
        let identity = world.systems[0].presented().unwrap();
        world.decide(0, &Decision::TrustIdentity(identity));
    });
    story.settle();
    assert_eq!(story.states(), [State::Previous, State::Previous, State::Current]);
}

#[test]
fn each_release_rotates_once() {
    let mut story = story(SystemRules::default(), &[Fault::Refuse(Failure::Unreachable)]);
    story.world.with(|world| (0..3).for_each(|_| world.request(0, Cause::Release)));
    story.settle();
    assert_eq!(story.row(0).releases, (3, 3, 0));
    assert_eq!(story.states().len(), 4);
}

#[test]
fn reconciliation_sets_the_same_candidate() {
    let mut story = story(SystemRules::default(), &[]);
    story.world.with(|world| {
        world.can_reconcile = true;
        world.set_outside(0);
    });
    story.rotate(Cause::Age);
    story.assert_rotated_once();
}

#[test]
fn an_account_whose_value_nobody_knows() {
    for (changes_itself, cause) in [(false, Cause::Manual), (true, Cause::Reconciliation)] {
        let mut world = World::new(Random::new(7), Sabotage::None, false);
        world.can_reconcile = true;
        world.add(SystemRules::default(), None, changes_itself, None);
        let mut story = Simulation::new(world);
        story.rotate(cause);
        assert_eq!(story.states(), [State::Current]);
        assert!(story.system(0).accepts(story.row(0).current().unwrap()));
    }
}
