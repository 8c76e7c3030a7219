//! How often a rotation tries, and how long it waits in between.

use std::time::Duration;

use crate::hours::Hours;
use crate::record::{Phase, Problem};
use crate::target::Operator;

/// Bounds of one rotation. After each of them a human has to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps on the target, of any kind.
    pub attempts: u32,
    /// Candidates that the target refuses by its rules.
    pub rejections: u32,
    /// Checks in which neither value logs in, before reconciliation.
    pub checks: u32,
    /// Attempts to remove what the former value opens; then the rotation ends without.
    pub retirements: u32,
    /// The pause after the first failed attempt; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause that doubling leads to.
    pub longest_pause: Duration,
    /// The least pause after the target said that the account is locked.
    pub locked_pause: Duration,
    /// The least pause after the target refused any change, such as by a minimum age.
    pub too_early_pause: Duration,
    /// The least pause before values are tried that may be wrong: longer than targets count failed logins together, and than
    /// a change takes effect late.
    pub check_pause: Duration,
    /// When changes are sent that nobody asked for.
    pub hours: Hours,
}

impl Default for Limits {
    /// Returns bounds under which an unreachable target is tried for 16 hours, and one with a minimum age for three days.
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            attempts: 12,
            rejections: 3,
            checks: 2,
            retirements: 3,
            first_pause: Duration::from_secs(30),
            longest_pause: Duration::from_secs(4 * HOUR),
            locked_pause: Duration::from_secs(2 * HOUR),
            too_early_pause: Duration::from_secs(6 * HOUR),
            check_pause: Duration::from_secs(HOUR / 2),
            hours: Hours::ALWAYS,
        }
    }
}

impl Limits {
    /// Returns the pause before the next step: after a number of attempts, in a phase that was set back by a problem.
    pub fn pause(&self, attempts: u32, phase: Phase, problem: Problem) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let pause = self.first_pause.saturating_mul(1 << doublings).min(self.longest_pause);
        match (phase, problem) {
            (_, Problem::Locked) => pause.max(self.locked_pause),
            (_, Problem::TooEarly) => pause.max(self.too_early_pause),
            (Phase::Unverified, _) => pause.max(self.check_pause),
            _ => pause,
        }
    }
}

/// What the machine knows of how an account is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The bounds.
    pub limits: Limits,
    /// Whether the account changes its own secret.
    pub changes_itself: bool,
    /// Whether there is a reconciliation account.
    pub can_reconcile: bool,
}

impl Rules {
    /// Returns the rules for a change by this operator.
    pub fn new(limits: Limits, operator: &Operator, can_reconcile: bool) -> Self {
        Self { limits, changes_itself: matches!(operator, Operator::Itself), can_reconcile }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let limits = Limits::default();
        let seconds = |attempts| limits.pause(attempts, Phase::Unreachable, Problem::Unreachable).as_secs();
        assert_eq!([seconds(0), seconds(1), seconds(2), seconds(3)], [30, 30, 60, 120]);
        assert_eq!([seconds(10), seconds(u32::MAX)], [4 * 3600, 4 * 3600]);
    }

    #[test]
    fn an_account_that_is_or_may_get_locked_is_left_alone_for_long() {
        let limits = Limits::default();
        let pause = |attempts, phase, problem| limits.pause(attempts, phase, problem);
        assert_eq!(pause(1, Phase::CandidateStored, Problem::Locked), limits.locked_pause);
        assert_eq!(pause(1, Phase::CandidateStored, Problem::TooEarly), limits.too_early_pause);
        assert_eq!(pause(1, Phase::Unverified, Problem::NothingLogsIn), limits.check_pause);
        assert_eq!(pause(12, Phase::Unverified, Problem::Locked), limits.longest_pause);
    }
}
