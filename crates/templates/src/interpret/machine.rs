//! The state machine.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use chaveiro_secret::SecretText;
use regex::bytes::Regex;

use crate::position::Position;

use super::dialogue::{Dialogue, Sent, Step};
use super::outcome::{End, FailureReason, Outcome};

/// What the driver does next.
#[derive(Debug)]
pub enum Action {
    /// Sends the text, and answers [`Event::Ready`].
    Send(SecretText),
    /// Waits for output at most this long.
    Receive(Duration),
    /// Waits, and answers [`Event::Ready`].
    Pause(Duration),
    /// Ends the connection.
    Finish(Box<Outcome>),
}

/// What came of an action.
#[derive(Debug)]
pub enum Event {
    /// The start, or a send or pause is done.
    Ready,
    /// Output.
    Received {
        /// The bytes.
        bytes: Vec<u8>,
        /// The time since the action.
        elapsed: Duration,
    },
    /// No output in the time.
    TimedOut,
    /// The connection ended.
    Closed,
    /// The connection failed.
    Failed,
}

/// The time that output may take, when the template does not say.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which output counts as complete, for `no-expect` and at the end.
const QUIET: Duration = Duration::from_secs(1);
/// Bytes of output that wait for a pattern.
const BUFFER: usize = 64 * 1024;

/// Runs a dialogue.
pub struct Interpreter {
    pub(super) dialogue: Dialogue,
    pub(super) index: usize,
    pub(super) buffer: Vec<u8>,
    pub(super) read_timeout: Duration,
    pub(super) left: Duration,
    pub(super) closed: bool,
    pub(super) silent: bool,
    pub(super) timed_out: bool,
    pub(super) queue: VecDeque<Sent>,
    pub(super) repeats: usize,
    /// How the dialogue ends once the queue is sent.
    pub(super) ending: Option<End>,
    pub(super) prompt: Option<Regex>,
    pub(super) awaited_prompt: bool,
    pub(super) last_line: Option<SecretText>,
    pub(super) secret_sent: bool,
    pub(super) new_password_sent: bool,
    /// Whether the dialogue ends before the new password.
    is_rehearsal: bool,
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("dialogue", &self.dialogue)
            .field("step", &self.index)
            .finish_non_exhaustive()
    }
}

/// What a step does next.
pub(super) enum Progress {
    /// The step is done.
    Done,
    /// The step needs the driver.
    Act(Action),
    /// The dialogue ends.
    End(End),
}

impl Interpreter {
    /// Starts a dialogue.
    pub fn new(dialogue: Dialogue) -> Self {
        Self {
            dialogue,
            index: 0,
            buffer: Vec::new(),
            read_timeout: READ_TIMEOUT,
            left: READ_TIMEOUT,
            closed: false,
            silent: false,
            timed_out: false,
            queue: VecDeque::new(),
            repeats: 0,
            ending: None,
            prompt: None,
            awaited_prompt: false,
            last_line: None,
            secret_sent: false,
            new_password_sent: false,
            is_rehearsal: false,
        }
    }

    /// Starts a dialogue that ends with [`End::BeforeNewPassword`] instead of sending the new password.
    pub fn rehearsal(dialogue: Dialogue) -> Self {
        Self { is_rehearsal: true, ..Self::new(dialogue) }
    }

    /// Whether the new password was sent, or is in the action that was returned last: from then on it may be in force.
    pub fn new_password_sent(&self) -> bool {
        self.new_password_sent
    }

    /// Takes what came of the last action and returns the next one.
    pub fn next(&mut self, event: Event) -> Action {
        if let Some(reason) = self.take(event) {
            return self.finish(self.failed(reason));
        }
        loop {
            if let Some(sent) = self.queue.pop_front() {
                return self.send(sent);
            }
            if let Some(end) = self.ending {
                return self.finish(end);
            }
            match self.step() {
                Progress::Done => self.advance(),
                Progress::Act(action) => return action,
                Progress::End(end) => return self.finish(end),
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<FailureReason> {
        match event {
            Event::Ready => {}
            Event::Received { bytes, elapsed } => {
                self.dialogue.transcript.push(&bytes);
                self.buffer.extend_from_slice(&bytes);
                let excess = self.buffer.len().saturating_sub(BUFFER);
                self.buffer.drain(..excess);
                // A transport without a clock must not wait for ever.
                self.left = self.left.saturating_sub(elapsed.max(Duration::from_millis(1)));
                self.silent = false;
            }
            Event::TimedOut => {
                self.silent = true;
                self.timed_out = true;
            }
            Event::Closed => self.closed = true,
            Event::Failed => return Some(FailureReason::Connection),
        }
        None
    }

    fn advance(&mut self) {
        self.index += 1;
        self.left = self.read_timeout;
        self.silent = false;
        self.timed_out = false;
        self.repeats = 0;
        self.awaited_prompt = false;
    }

    fn step(&mut self) -> Progress {
        let Some((_, step)) = self.dialogue.steps.get(self.index) else { return self.drain() };
        match step {
            Step::Send(sent) => {
                let sent = sent.clone();
                self.exec(sent)
            }
            Step::Expect(pattern) => {
                let pattern = pattern.clone();
                self.expect(&pattern)
            }
            Step::NoExpect(pattern) => {
                let pattern = pattern.clone();
                self.no_expect(&pattern)
            }
            Step::Branches(_) => self.branches(),
            Step::SetPrompt(pattern) => {
                self.prompt = Some(pattern.clone());
                Progress::Done
            }
            Step::SetReadTimeout(time) => {
                self.read_timeout = *time;
                Progress::Done
            }
            Step::Pause(time) => {
                let time = *time;
                self.advance();
                Progress::Act(Action::Pause(time))
            }
            Step::Exit(0) => Progress::End(End::Finished),
            Step::Exit(code) => Progress::End(self.failed(FailureReason::Exit(*code))),
        }
    }

    /// Sends a line, after the prompt of `set-prompt` unless an `expect` stands before it.
    fn exec(&mut self, sent: Sent) -> Progress {
        if let (Some(prompt), true, false) =
            (self.prompt.clone(), sent.line && !self.follows_expect(), self.awaited_prompt)
        {
            match self.expect(&prompt) {
                Progress::Done => self.awaited_prompt = true,
                waiting => return waiting,
            }
        }
        self.queue.push_back(sent);
        Progress::Done
    }

    fn follows_expect(&self) -> bool {
        let before = self.index.checked_sub(1).and_then(|index| self.dialogue.steps.get(index));
        matches!(before, Some((_, Step::Expect(_) | Step::NoExpect(_) | Step::Branches(_))))
    }

    pub(super) fn send(&mut self, sent: Sent) -> Action {
        if self.is_rehearsal && sent.new_password {
            return self.finish(End::BeforeNewPassword { at: sent.at });
        }
        self.secret_sent |= sent.secret;
        self.new_password_sent |= sent.new_password;
        self.last_line = Some(sent.text.clone());
        Action::Send(sent.text)
    }

    fn expect(&mut self, pattern: &Regex) -> Progress {
        if let Some(found) = pattern.find(&self.buffer) {
            let end = found.end();
            self.buffer.drain(..end);
            return Progress::Done;
        }
        match self.exhausted() {
            Some(reason) => Progress::End(self.failed(reason)),
            None => Progress::Act(Action::Receive(self.left)),
        }
    }

    /// Reads until the output is complete; it stays in the buffer for the next `expect`.
    fn no_expect(&mut self, pattern: &Regex) -> Progress {
        match self.until_quiet() {
            Progress::Done if pattern.is_match(self.after_echo()) => {
                Progress::End(self.failed(FailureReason::Forbidden))
            }
            progress => progress,
        }
    }

    /// Returns the output after the echo of the last line, which is no answer to it.
    fn after_echo(&self) -> &[u8] {
        let line = self.last_line.as_ref().map_or("", |line| line.expose().trim()).as_bytes();
        let found = self.buffer.windows(line.len().max(1)).position(|window| window == line);
        &self.buffer[found.map_or(0, |start| start + line.len())..]
    }

    fn until_quiet(&self) -> Progress {
        if self.silent || self.closed || self.left.is_zero() {
            return Progress::Done;
        }
        Progress::Act(Action::Receive(self.left.min(QUIET)))
    }

    /// Reads what follows the last step: a connection that ends at once could cut it off.
    fn drain(&mut self) -> Progress {
        match self.until_quiet() {
            Progress::Done => Progress::End(End::Finished),
            waiting => waiting,
        }
    }

    /// Why no more output can come, if so.
    pub(super) fn exhausted(&self) -> Option<FailureReason> {
        if self.closed {
            Some(FailureReason::Closed)
        } else if self.timed_out || self.left.is_zero() {
            Some(FailureReason::TimedOut)
        } else {
            None
        }
    }

    pub(super) fn failed(&self, reason: FailureReason) -> End {
        let last = self.dialogue.steps.last().map_or(Position::new(1, 1), |(at, _)| *at);
        let at = self.dialogue.steps.get(self.index).map_or(last, |(at, _)| *at);
        End::Failed { at, reason }
    }

    fn finish(&mut self, end: End) -> Action {
        let transcript = self.dialogue.transcript.masked();
        let outcome =
            Outcome { end, secret_sent: self.secret_sent, new_password_sent: self.new_password_sent, transcript };
        Action::Finish(Box::new(outcome))
    }
}
