//! A dialogue that is ready to run: every line rendered and every pattern compiled, before anything is sent.

use std::fmt;
use std::time::Duration;

use chaveiro_secret::SecretText;
use regex::bytes::Regex;

use crate::context::{self, Situation};
use crate::executor::Executor;
use crate::pattern::Pattern;
use crate::position::Position;
use crate::render::{LONGEST_LINE, RenderError, RenderErrorKind, render};
use crate::tag::Tag;
use crate::template::{Body, Branch, BranchOn, DialogueCommand, NewLineMode, Template};
use crate::text::Text;
use crate::values::Values;

use super::transcript::Transcript;

/// A rendered dialogue.
pub struct Dialogue {
    pub(super) steps: Vec<(Position, Step)>,
    pub(super) transcript: Transcript,
    /// The transport that the template names.
    pub transport: Executor,
    /// The time that the connection may take.
    pub connect_timeout: Duration,
}

/// A rendered step. It has no `Debug`: a pattern may hold a secret.
pub(super) enum Step {
    Send(Sent),
    Expect(Regex),
    NoExpect(Regex),
    Branches(Vec<ReadyBranch>),
    SetPrompt(Regex),
    SetReadTimeout(Duration),
    Pause(Duration),
    Exit(u8),
}

/// What is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) at: Position,
    pub(super) text: SecretText,
    pub(super) secret: bool,
    pub(super) new_password: bool,
    /// Whether it awaits the prompt of `set-prompt`.
    pub(super) line: bool,
}

/// A rendered branch.
pub(super) struct ReadyBranch {
    pub(super) on: ReadyOn,
    pub(super) sends: Vec<Sent>,
    pub(super) continues: bool,
    pub(super) exit: Option<u8>,
}

/// What leads into a rendered branch.
pub(super) enum ReadyOn {
    Pattern(Regex),
    Timeout,
    Eof,
}

impl fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialogue")
            .field("steps", &self.steps.len())
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl Dialogue {
    /// The time that a connection may take, when the template does not say.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Renders a template; `None` when it is no dialogue.
    ///
    /// # Errors
    /// The first value that its place cannot carry, or that is missing.
    pub fn render(template: &Template, values: &Values) -> Result<Option<Self>, RenderError> {
        let Body::Dialogue(steps) = &template.body else { return Ok(None) };
        let mut renderer =
            Renderer { executor: template.executor, values, mode: NewLineMode::default(), forms: Vec::new() };
        let mut ready = Vec::with_capacity(steps.len());
        let mut transport = template.executor;
        let mut connect_timeout = Self::CONNECT_TIMEOUT;
        for (step, situation) in steps.iter().zip(context::situations(template, steps)) {
            match &step.command {
                DialogueCommand::Use(named) => transport = *named,
                DialogueCommand::SetConnectTimeout(time) => connect_timeout = *time,
                command => {
                    ready.extend(renderer.step(command, step.at, situation)?.map(|prepared| (step.at, prepared)))
                }
            }
        }
        let secrets = values.secrets().map(|secret| secret.expose().to_owned());
        let transcript = Transcript::new(secrets.chain(renderer.forms));
        Ok(Some(Self { steps: ready, transcript, transport, connect_timeout }))
    }
}

struct Renderer<'a> {
    executor: Executor,
    values: &'a Values,
    mode: NewLineMode,
    /// The quoted forms of secrets, which the other side echoes.
    forms: Vec<String>,
}

impl Renderer<'_> {
    fn step(
        &mut self,
        command: &DialogueCommand,
        at: Position,
        situation: Situation,
    ) -> Result<Option<Step>, RenderError> {
        Ok(Some(match command {
            DialogueCommand::Exec(text) => Step::Send(self.sent(text, at, situation, true)?),
            DialogueCommand::Send(text) => Step::Send(self.sent(text, at, situation, false)?),
            DialogueCommand::Expect(pattern) => Step::Expect(self.pattern(pattern, at)?),
            DialogueCommand::NoExpect(pattern) => Step::NoExpect(self.pattern(pattern, at)?),
            DialogueCommand::SetPrompt(pattern) => Step::SetPrompt(self.pattern(pattern, at)?),
            DialogueCommand::Branches(branches) => {
                Step::Branches(branches.iter().map(|branch| self.branch(branch, situation)).collect::<Result<_, _>>()?)
            }
            DialogueCommand::SetReadTimeout(time) => Step::SetReadTimeout(*time),
            DialogueCommand::Sleep(time) => Step::Pause(*time),
            DialogueCommand::Exit(code) => Step::Exit(*code),
            DialogueCommand::SetNewLineMode(mode) => {
                self.mode = *mode;
                return Ok(None);
            }
            DialogueCommand::SetConnectTimeout(_) | DialogueCommand::SetSshVersion(_) | DialogueCommand::Use(_) => {
                return Ok(None);
            }
        }))
    }

    fn sent(&mut self, text: &Text, at: Position, situation: Situation, line: bool) -> Result<Sent, RenderError> {
        let contexts = situation.contexts(text);
        let rendered = render(text, &contexts, self.executor, self.values)?;
        if rendered.expose().len() > LONGEST_LINE {
            return Err(RenderError::new(at, RenderErrorKind::LineTooLong));
        }
        self.note_forms(text, &contexts);
        let end = if line { self.mode.as_str() } else { "" };
        Ok(Sent {
            at,
            text: SecretText::new(format!("{}{end}", rendered.expose())),
            secret: text.has_secret(),
            new_password: text.has_new_password(),
            line,
        })
    }

    /// Notes how the secrets of a line look in its echo.
    fn note_forms(&mut self, text: &Text, contexts: &[context::Context]) {
        for ((tag, _), context) in text.tags().zip(contexts).filter(|((tag, _), _)| tag.is_secret()) {
            let quoted = self.values.get(tag).map(|value| crate::quote::quote(*context, self.executor, value.expose()));
            self.forms.extend(quoted.and_then(Result::ok));
        }
    }

    fn pattern(&self, pattern: &Pattern, at: Position) -> Result<Regex, RenderError> {
        let missing = pattern.text.tags().find(|(tag, _)| self.values.get(tag).is_none());
        if let Some((tag, at)) = missing {
            return Err(RenderError::new(at, RenderErrorKind::NoValue(tag.clone())));
        }
        let value = |tag: &Tag| self.values.get(tag).map_or_else(String::new, |value| value.expose().to_owned());
        pattern.compile(value).map_err(|_| RenderError::new(at, RenderErrorKind::Pattern))
    }

    fn branch(&mut self, branch: &Branch, outer: Situation) -> Result<ReadyBranch, RenderError> {
        let situation = branch.situation(outer);
        let on = match &branch.on {
            BranchOn::Pattern(pattern) => ReadyOn::Pattern(self.pattern(pattern, branch.at)?),
            BranchOn::Timeout => ReadyOn::Timeout,
            BranchOn::Eof => ReadyOn::Eof,
        };
        let sends =
            branch.sends.iter().map(|text| self.sent(text, branch.at, situation, false)).collect::<Result<_, _>>()?;
        Ok(ReadyBranch { on, sends, continues: branch.continues, exit: branch.exit })
    }
}
