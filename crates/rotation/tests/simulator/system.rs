//! An account on a simulated target: what it accepts, and by which rules it changes.

use chaveiro_rotation::{Failure, TargetIdentity};

use crate::world::{HOUR, SECOND};

/// Window in which failed logins are counted together, and for which an account is locked then.
const LOCK_WINDOW: i64 = 25 * 60 * SECOND;

/// What a target demands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRules {
    /// The age that a value must have before the account itself may change it.
    pub(crate) minimum_age: i64,
    /// The most characters of a value.
    pub(crate) longest: Option<usize>,
    /// Whether a value may have other characters than letters, digits, `-` and `_`.
    pub(crate) refuses_symbols: bool,
    /// Whether former values are refused, as the one in force is.
    pub(crate) has_history: bool,
    /// Whether the former value logs in until it is retired.
    pub(crate) keeps_former: bool,
    /// The number of failed logins that locks the account.
    pub(crate) locks_after: Option<usize>,
    /// Whether the target has an identity.
    pub(crate) has_identity: bool,
}

/// One account on its target.
#[derive(Clone, Debug, Default)]
pub(crate) struct System {
    pub(crate) rules: SystemRules,
    /// The values that log in, the newest first.
    pub(crate) accepted: Vec<String>,
    /// What a replica that lags behind accepts, and until when.
    pub(crate) stale: Option<(Vec<String>, i64)>,
    pub(crate) history: Vec<String>,
    pub(crate) changed_at: i64,
    pub(crate) failures: Vec<i64>,
    pub(crate) locked_until: i64,
    pub(crate) down_until: i64,
    pub(crate) identity: u32,
    /// Values of which a login succeeded.
    pub(crate) proved: Vec<String>,
    /// How often failed logins locked the account.
    pub(crate) lockouts: u32,
}

impl System {
    pub(crate) fn presented(&self) -> Option<TargetIdentity> {
        self.rules.has_identity.then(|| TargetIdentity(format!("identity-{}", self.identity)))
    }

    /// Connects, as every call does first.
    pub(crate) fn connect(&self, pinned: Option<&TargetIdentity>, now: i64) -> Result<(), Failure> {
        if now < self.down_until {
            return Err(Failure::Unreachable);
        }
        let presented = self.presented();
        if pinned.is_some() && presented.as_ref() != pinned { Err(Failure::IdentityChanged) } else { Ok(()) }
    }

    pub(crate) fn accepts(&self, value: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == value)
    }

    /// Makes one login.
    pub(crate) fn log_in(&mut self, value: &str, now: i64) -> Result<bool, Failure> {
        if now < self.locked_until {
            return Err(Failure::Locked);
        }
        let stale = self.stale.as_ref().filter(|(_, until)| now < *until);
        let logs_in = stale.map_or(&self.accepted, |(accepted, _)| accepted).iter().any(|accepted| accepted == value);
        if logs_in {
            self.failures.clear();
            self.proved.push(value.to_owned());
            return Ok(true);
        }
        self.failures.retain(|at| now - at < LOCK_WINDOW);
        self.failures.push(now);
        if self.rules.locks_after.is_some_and(|most| self.failures.len() >= most) {
            self.locked_until = now + LOCK_WINDOW;
            self.lockouts += 1;
            self.failures.clear();
        }
        Ok(false)
    }

    /// Changes the value: by the account itself with its current value, or by another account (`None`).
    pub(crate) fn change(&mut self, itself: Option<&str>, candidate: &str, now: i64) -> Result<(), Failure> {
        if let Some(current) = itself {
            self.stale = None;
            if !self.log_in(current, now)? {
                return Err(Failure::Denied);
            }
            if now - self.changed_at < self.rules.minimum_age {
                return Err(Failure::TooEarly);
            }
        }
        if !self.fits(candidate) {
            return Err(Failure::Rejected);
        }
        self.set(candidate, now);
        Ok(())
    }

    fn fits(&self, candidate: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_short = self.rules.longest.is_none_or(|longest| candidate.len() <= longest);
        let is_plain = !self.rules.refuses_symbols || candidate.chars().all(plain);
        let is_known = self.rules.has_history && self.history.iter().any(|former| former == candidate);
        is_short && is_plain && !is_known
    }

    pub(crate) fn set(&mut self, value: &str, now: i64) {
        if self.accepted.first().is_none_or(|newest| newest != value) {
            let former = if self.rules.keeps_former { self.accepted.first().cloned() } else { None };
            self.accepted = [value.to_owned()].into_iter().chain(former).collect();
        }
        self.history.push(value.to_owned());
        self.changed_at = now;
    }

    /// Removes what blocks a rotation, as an administrator would.
    pub(crate) fn mend(&mut self) {
        self.rules = SystemRules {
            has_identity: self.rules.has_identity,
            keeps_former: self.rules.keeps_former,
            ..SystemRules::default()
        };
        (self.locked_until, self.down_until, self.stale) = (0, 0, None);
    }
}

impl SystemRules {
    /// Draws the rules of a target.
    pub(crate) fn draw(random: &mut crate::random::Random) -> Self {
        Self {
            minimum_age: if random.chance(250) { HOUR + random.seconds(48 * 3600) } else { 0 },
            longest: random.pick(&[None, None, None, Some(24), Some(16), Some(10)]),
            refuses_symbols: random.chance(250),
            has_history: random.chance(500),
            keeps_former: random.chance(250),
            locks_after: random.pick(&[None, Some(3), Some(5), Some(10)]),
            has_identity: random.chance(800),
        }
    }
}
