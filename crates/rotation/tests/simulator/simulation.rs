//! One simulation: a world from a seed, a time of faults, and a time in which everything heals.

use chaveiro_rotation::{Cause, Decision, Hours, Phase, decide};

use crate::database::{Row, State, Version};
use crate::executor::Node;
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::system::{System, SystemRules};
use crate::world::{HOUR, Shared, World};

/// A simulation.
pub(crate) struct Simulation {
    pub(crate) world: Shared,
    pub(crate) nodes: [Node; 2],
}

impl Simulation {
    /// Draws a world: one to three accounts, of which the second may share the secret of the first.
    pub(crate) fn draw(seed: u64, sabotage: Sabotage, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let fault_rate = random.pick(&[0, 50, 150, 400]);
        let can_reconcile = random.chance(500);
        let accounts = 1 + random.below(3);
        let mut world = World::new(random, sabotage, is_traced);
        (world.fault_rate, world.can_reconcile) = (fault_rate, can_reconcile);
        if world.random.chance(300) {
            let minute = |random: &mut Random| u16::try_from(random.below(24 * 60)).unwrap_or(0);
            let (from, until) = (minute(&mut world.random), minute(&mut world.random));
            world.hours = Hours::new([true; 7], from, until).unwrap_or(Hours::ALWAYS);
        }
        for account in 0..accounts {
            let rules = SystemRules::draw(&mut world.random);
            let may_share = account > 0 && world.rows[0].current().is_some();
            let is_child = may_share && world.random.chance(400);
            let changes_itself = world.random.chance(500);
            let has_value = is_child || changes_itself || world.random.chance(800);
            let value = if is_child { world.rows[0].current().cloned() } else { Some(format!("first-{account}")) };
            world.add(rules, value.filter(|_| has_value), changes_itself, is_child.then_some(0));
        }
        Self::new(world)
    }

    pub(crate) fn new(world: World) -> Self {
        Self { world: Shared::new(world), nodes: [Node::default(), Node::default()] }
    }

    /// Lets anything happen for a number of steps.
    pub(crate) fn disturb(&mut self, steps: usize) {
        for _ in 0..steps {
            let choice = self.world.with(|world| world.random.below(1000));
            match choice {
                0..750 => self.turn(),
                750..775 => {
                    let node = self.world.with(|world| world.random.below(2));
                    self.nodes[node].crash();
                }
                _ => self.world.with(|world| world.happen(choice)),
            }
            if self.world.with(|world| world.violation.is_some()) {
                return;
            }
        }
    }

    fn turn(&mut self) {
        let node = self.world.with(|world| {
            world.deliver();
            world.random.below(2)
        });
        self.nodes[node].turn(&self.world);
    }

    /// Goes on until every rotation has ended or needs a human.
    pub(crate) fn settle(&mut self) {
        for _ in 0..60_000 {
            self.turn();
            let is_settled = self.world.with(|world| world.is_settled());
            if is_settled && self.nodes.iter().all(Node::is_idle) {
                let violation = self.world.with(|world| world.violation.take());
                return assert_eq!(violation, None);
            }
            self.world.with(World::pass_time);
        }
        panic!("the rotations never end");
    }

    /// Ends all faults and lets a human mend what is broken, until every rotation has ended.
    pub(crate) fn heal(&mut self) {
        self.world.with(World::end_faults);
        for _ in 0..60_000 {
            self.turn();
            if self.world.with(|world| world.violation.is_some()) {
                return;
            }
            if self.nodes.iter().all(Node::is_idle) && self.world.with(World::is_quiet) {
                return self.world.with(World::check_end);
            }
            self.world.with(World::go_on);
        }
        self.world.with(|world| world.violate("the rotations never end".to_owned()));
    }
}

impl World {
    pub(crate) fn new(random: Random, sabotage: Sabotage, is_traced: bool) -> Self {
        Self {
            random,
            now: 1000 * HOUR,
            sabotage,
            fault_rate: 0,
            script: Vec::new(),
            changes_itself: Vec::new(),
            can_reconcile: false,
            hours: Hours::ALWAYS,
            rows: Vec::new(),
            systems: Vec::new(),
            requests: Vec::new(),
            answers: Default::default(),
            fences: 0,
            decisions: Vec::new(),
            violation: None,
            visited: Default::default(),
            is_traced,
            log: Vec::new(),
        }
    }

    /// Adds an account with a value in force; `None`: one that the vault does not know.
    pub(crate) fn add(
        &mut self,
        rules: SystemRules,
        value: Option<String>,
        changes_itself: bool,
        parent: Option<usize>,
    ) {
        let in_force = value.clone().unwrap_or_else(|| "unknown".to_owned());
        let (accepted, history) = (vec![in_force.clone()], vec![in_force]);
        self.systems.push(System { rules, accepted, history, changed_at: self.now, ..System::default() });
        let (is_lost, is_disturbed) = (value.is_none(), value.is_none());
        let versions = value.map(|value| Version { state: State::Current, value }).into_iter().collect();
        self.rows.push(Row { versions, parent, is_lost, is_disturbed, ..Row::default() });
        self.changes_itself.push(changes_itself);
        self.decisions.push(0);
    }

    pub(crate) fn request(&mut self, account: usize, cause: Cause) {
        self.trace(|| format!("{account} requested: {cause}"));
        let row = &mut self.rows[account];
        row.waiting = row.waiting.with(cause, &row.record);
        row.releases.0 += u32::from(cause == Cause::Release);
    }

    fn happen(&mut self, choice: usize) {
        let account = self.random.below(self.rows.len());
        let now = self.now;
        match choice {
            775..860 => self.now += self.random.seconds(20),
            860..890 => self.now += self.random.seconds(4 * 3600),
            890..930 if self.rows[account].parent.is_none() => {
                let causes = [Cause::Release, Cause::Release, Cause::Manual, Cause::Age, Cause::JustInTime];
                let cause = self.random.pick(&causes);
                self.request(account, cause);
            }
            930..935 if self.rows[account].parent.is_none() && self.can_reconcile => {
                self.request(account, Cause::Reconciliation);
            }
            935..950 if self.fault_rate > 0 => {
                let until = now + self.random.seconds(2 * 3600);
                self.systems[account].down_until = until;
            }
            950..955 if self.fault_rate > 0 => self.systems[account].identity += 1,
            955..960 if self.fault_rate > 0 => self.systems[account].locked_until = now + HOUR,
            960..963 if self.fault_rate > 0 => self.set_outside(account),
            963..985 => self.decide_something(account),
            _ => {}
        }
        self.deliver();
    }

    /// Somebody sets a value at the target by hand.
    pub(crate) fn set_outside(&mut self, account: usize) {
        let now = self.now;
        self.trace(|| format!("{account} set outside"));
        self.systems[account].set("outside", now);
        let row = &mut self.rows[account];
        (row.is_disturbed, row.is_lost) = (true, true);
    }

    fn decide_something(&mut self, account: usize) {
        // A decision starts the bounds again.
        if self.sabotage == Sabotage::TryForEver {
            return;
        }
        let identity = self.systems[account].presented();
        let decisions = [Decision::Retry, Decision::Retry, Decision::KeepCurrent, Decision::AcceptCandidate];
        let index = self.random.below(decisions.len());
        let decision = match identity {
            Some(identity) if self.rows[account].record.phase == Phase::IdentityChanged => {
                Decision::TrustIdentity(identity)
            }
            _ => decisions[index].clone(),
        };
        self.decide(account, &decision);
    }

    pub(crate) fn decide(&mut self, account: usize, decision: &Decision) {
        let Ok(arrow) = decide(&self.rows[account].record, decision, self.now) else { return };
        self.rows[account].is_disturbed |= !matches!(decision, Decision::Retry | Decision::TrustIdentity(_));
        // A decision is no arrow of a rotator: it takes no lease.
        let committed = self.commit(account, None, &arrow);
        assert_eq!(committed, Ok(()), "a human's decision");
    }
}
