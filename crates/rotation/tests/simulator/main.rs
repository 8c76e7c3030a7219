//! A deterministic simulation of rotation: the real machine and rotator, with a simulated journal, target, clock and scheduler.
//!
//! `CHAVEIRO_ROTATION_SEEDS=n` runs n seeds instead of 2,000; `CHAVEIRO_ROTATION_SEED=n` replays one, with a trace.

#![expect(clippy::unwrap_used, reason = "a test ends in a panic")]

mod database;
mod executor;
mod healing;
mod journal;
mod named_bugs;
mod random;
mod sabotage;
mod simulation;
mod system;
mod target;
mod world;

use std::collections::HashSet;

use chaveiro_rotation::{AuditEvent, Phase};

use crate::sabotage::Sabotage;
use crate::simulation::Simulation;

/// Seeds of an ordinary run.
const SEEDS: u64 = 2000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")))
}

/// Runs the simulation of a seed, and returns what it visited.
fn simulate(seed: u64, sabotage: Sabotage, is_traced: bool) -> Result<HashSet<(Phase, AuditEvent)>, String> {
    let mut simulation = Simulation::draw(seed, sabotage, is_traced);
    simulation.disturb(sabotage.steps());
    // What is broken does not heal; its invariant has to catch it before.
    if sabotage == Sabotage::None && simulation.world.with(|world| world.violation.is_none()) {
        simulation.heal();
    }
    simulation.world.with(|world| match world.violation.take() {
        None => Ok(std::mem::take(&mut world.visited)),
        Some(violation) => {
            let first = world.log.len().saturating_sub(200);
            Err(format!("{violation}\n{}", world.log[first..].join("\n")))
        }
    })
}

#[test]
fn no_interleaving_loses_a_value_or_rotates_twice() {
    let seeds = match variable("CHAVEIRO_ROTATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CHAVEIRO_ROTATION_SEEDS").unwrap_or(SEEDS),
    };
    let mut visited = HashSet::new();
    for seed in seeds.clone() {
        match simulate(seed, Sabotage::None, false) {
            Ok(some) => visited.extend(some),
            Err(_) => {
                let trace = simulate(seed, Sabotage::None, true).unwrap_err();
                panic!("replay with CHAVEIRO_ROTATION_SEED={seed}: {trace}");
            }
        }
    }
    if seeds.end - seeds.start >= SEEDS {
        let is_visited = |event: &AuditEvent| visited.iter().any(|(_, visited)| visited == event);
        let missed: Vec<_> = AuditEvent::ALL.iter().filter(|event| !is_visited(event)).collect();
        assert!(missed.is_empty(), "no seed reached {missed:?}");
    }
}

#[test]
fn a_seed_replays() {
    for seed in 0..20 {
        let runs = [(); 2].map(|()| {
            let mut simulation = Simulation::draw(seed, Sabotage::None, true);
            simulation.disturb(400);
            simulation.heal();
            simulation.world.with(|world| std::mem::take(&mut world.log))
        });
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}

#[test]
fn every_broken_variant_is_caught() {
    for (sabotage, invariant) in Sabotage::ALL {
        let mut violations = (0..SEEDS).filter_map(|seed| simulate(seed, sabotage, false).err());
        assert!(violations.any(|violation| violation.contains(invariant)), "{sabotage:?} was not caught");
    }
}
