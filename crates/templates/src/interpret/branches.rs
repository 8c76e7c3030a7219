//! Blocks of `expect { … }`.

use super::dialogue::{ReadyBranch, ReadyOn, Sent, Step};
use super::machine::{Action, Interpreter, Progress};
use super::outcome::{End, FailureReason};

/// How often `exp_continue` may repeat a block.
const REPEATS: usize = 64;

impl Interpreter {
    /// Takes the first branch whose pattern matches, in the order of the template.
    pub(super) fn branches(&mut self) -> Progress {
        let exhausted = self.exhausted();
        let Some((_, Step::Branches(branches))) = self.dialogue.steps.get(self.index) else { return Progress::Done };
        let matched = branches.iter().find_map(|branch| match &branch.on {
            ReadyOn::Pattern(pattern) => pattern.find(&self.buffer).map(|found| (branch, found.end())),
            ReadyOn::Timeout | ReadyOn::Eof => None,
        });
        let special = || {
            branches.iter().find(|branch| match branch.on {
                ReadyOn::Timeout => exhausted == Some(FailureReason::TimedOut),
                ReadyOn::Eof => exhausted == Some(FailureReason::Closed),
                ReadyOn::Pattern(_) => false,
            })
        };
        let taken = matched.or_else(|| special().map(|branch| (branch, 0)));
        match (taken, exhausted) {
            (Some((branch, end)), _) => {
                let (sends, exit, continues) = parts(branch);
                self.buffer.drain(..end);
                self.take_branch(sends, exit, continues)
            }
            (None, Some(reason)) => Progress::End(self.failed(reason)),
            (None, None) => Progress::Act(Action::Receive(self.left)),
        }
    }

    fn take_branch(&mut self, sends: Vec<Sent>, exit: Option<u8>, continues: bool) -> Progress {
        let end = match exit {
            Some(0) => Some(End::Finished),
            Some(code) => Some(self.failed(FailureReason::Exit(code))),
            None => None,
        };
        self.repeats += 1;
        if let Some(end) = end {
            self.queue.extend(sends);
            self.ending = Some(end);
            return Progress::Done;
        }
        if continues && self.repeats > REPEATS {
            return Progress::End(self.failed(FailureReason::Repeated));
        }
        self.queue.extend(sends);
        self.left = self.read_timeout;
        self.timed_out = false;
        if !continues {
            return Progress::Done;
        }
        match self.queue.pop_front() {
            Some(sent) => Progress::Act(self.send(sent)),
            None if self.exhausted().is_some() => Progress::End(self.failed(FailureReason::Repeated)),
            None => self.branches(),
        }
    }
}

fn parts(branch: &ReadyBranch) -> (Vec<Sent>, Option<u8>, bool) {
    (branch.sends.clone(), branch.exit, branch.continues)
}
