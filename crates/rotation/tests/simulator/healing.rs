//! The end of a simulation: no more faults, and a human who mends what no machine can.

use chaveiro_rotation::{Decision, Phase, next_step};

use crate::database::State;
use crate::world::{SECOND, World};

/// The most decisions that a human has to take for one account once the faults have ended.
const MOST_DECISIONS: usize = 6;

impl World {
    pub(crate) fn end_faults(&mut self) {
        self.trace(|| "the faults end".to_owned());
        self.fault_rate = 0;
        self.script.clear();
        self.systems.iter_mut().for_each(crate::system::System::mend);
    }

    /// Whether no rotation is open and none was requested.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let is_idle = |row: &crate::database::Row| row.record.phase == Phase::Idle && row.waiting.first().is_none();
        self.requests.is_empty() && self.rows.iter().all(is_idle)
    }

    /// Whether nothing goes on by itself.
    pub(crate) fn is_settled(&self) -> bool {
        let is_settled = |row: &crate::database::Row| match row.record.phase {
            Phase::Idle => row.waiting.first().is_none(),
            _ => row.record.needs_decision(),
        };
        self.requests.is_empty() && self.rows.iter().all(is_settled)
    }

    /// Lets a human decide where one has to, and time pass.
    pub(crate) fn go_on(&mut self) {
        for account in 0..self.rows.len() {
            if self.rows[account].record.needs_decision() {
                self.mend(account);
            }
        }
        self.pass_time();
    }

    /// Lets time pass up to the next thing that happens.
    pub(crate) fn pass_time(&mut self) {
        let (now, hours) = (self.now, self.hours);
        let is_active = |row: &crate::database::Row| row.is_due(hours, now) || row.lease.1 > now;
        let soon = now + SECOND;
        let next = if self.requests.is_empty() && !self.rows.iter().any(is_active) {
            let due = self.rows.iter().filter_map(|row| next_step(&row.record, row.waiting, hours, now));
            due.filter(|due_at| *due_at > now).min().unwrap_or(soon)
        } else {
            soon
        };
        self.now = next.max(soon);
    }

    /// What a human does with a rotation that has stopped: recovers the account if neither value logs in, and retries.
    fn mend(&mut self, account: usize) {
        self.decisions[account] += 1;
        if self.decisions[account] > MOST_DECISIONS {
            return self.violate(format!("account {account}: no decision helps"));
        }
        let (row, system) = (&self.rows[account], &mut self.systems[account]);
        let knows = [row.current(), row.candidate()].into_iter().flatten().any(|value| system.accepts(value));
        let recovered = row.value(&[State::Current]).or(row.value(&[State::Unverified]));
        if let (false, Some(value)) = (knows, recovered) {
            system.set(value, self.now);
        }
        let identity = self.systems[account].presented();
        let decision = match identity {
            Some(identity) if self.rows[account].record.phase == Phase::IdentityChanged => {
                Decision::TrustIdentity(identity)
            }
            _ => Decision::Retry,
        };
        self.decide(account, &decision);
    }

    /// Checks what has to hold when every rotation has ended.
    pub(crate) fn check_end(&mut self) {
        for account in 0..self.rows.len() {
            let (row, system) = (&self.rows[account], &self.systems[account]);
            let (asked, answered, ended) = row.releases;
            let logs_in = row.current().is_none_or(|value| system.accepts(value));
            let is_shared = row.parent.is_none_or(|parent| self.rows[parent].current() == row.current());
            let violation =
                match (asked == answered + ended, logs_in || row.is_disturbed, is_shared || row.is_disturbed) {
                    (false, ..) => "a release did not rotate exactly once",
                    (_, false, _) => "the current value does not log in at the end",
                    (.., false) => "those who share a secret have different values",
                    _ => continue,
                };
            self.violate(format!("account {account}: {violation}"));
        }
    }
}
