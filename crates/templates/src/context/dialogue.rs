//! The contexts of a dialogue: what the other side is waiting for when a line is sent.

use crate::template::{Branch, BranchOn, DialogueCommand, DialogueStep, NewLineMode, Template};
use crate::text::Text;

use super::{Context, Contexts, Dialect, Place, every, pair, posix, windows};

/// What a step of a dialogue is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// The language of command lines.
    pub(crate) dialect: Dialect,
    /// What the pattern before it says.
    pub(crate) awaited: Awaited,
}

/// What the other side awaits, by the pattern before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// No pattern stands before the line.
    Unknown,
    /// A command.
    Command,
    /// An answer.
    Answer,
}

/// Returns the situation of each step.
pub(crate) fn situations(template: &Template, steps: &[DialogueStep]) -> Vec<Situation> {
    let dialect = dialect(template, steps);
    let mut awaited = Awaited::Unknown;
    let mut situations = Vec::with_capacity(steps.len());
    for step in steps {
        situations.push(Situation { dialect, awaited });
        awaited = match &step.command {
            DialogueCommand::Expect(pattern) if pattern.takes_commands() => Awaited::Command,
            DialogueCommand::Expect(pattern) if pattern.asks() => Awaited::Answer,
            DialogueCommand::Expect(_)
            | DialogueCommand::Exec(_)
            | DialogueCommand::Send(_)
            | DialogueCommand::Branches(_) => Awaited::Unknown,
            _ => awaited,
        };
    }
    situations
}

impl Situation {
    /// Returns the contexts of the tags of a line that is sent here.
    pub(crate) fn contexts(self, line: &Text) -> Contexts {
        if line.as_single_tag().is_some() && self.awaited != Awaited::Command {
            return every(line, Context::Answer);
        }
        match self.dialect {
            Dialect::Posix | Dialect::Csh if !is_foreign(line) => {
                let contexts = posix::contexts(line);
                if self.dialect == Dialect::Csh { contexts.into_iter().map(in_csh).collect() } else { contexts }
            }
            Dialect::Windows => windows::contexts(line),
            Dialect::Device => every(line, Context::Device),
            _ => every(line, Context::Plain),
        }
    }
}

/// csh expands `!` even in quotes, so a value there has characters without a meaning alone.
fn in_csh(context: Context) -> Context {
    if matches!(context, Context::Unsafe(_)) { context } else { Context::Plain }
}

/// Whether a line is of a language that runs inside of the shell: a call such as `connect('…')`, or Tcl's brackets.
fn is_foreign(line: &Text) -> bool {
    let shown = line.skeleton("x");
    let call = shown.split(['\'', '"']).next().unwrap_or("");
    let name = call.trim_end().strip_suffix('(');
    name.is_some_and(|name| !name.ends_with(['$', ' ']) && !name.is_empty())
        || shown.contains("[$")
        || shown.starts_with("foreach ")
}

/// Returns every tag with its context.
pub(super) fn places(template: &Template, steps: &[DialogueStep]) -> Vec<Place> {
    let situations = situations(template, steps);
    let places = steps.iter().zip(situations).flat_map(|(step, situation)| match &step.command {
        DialogueCommand::Exec(text) | DialogueCommand::Send(text) => pair(text, situation.contexts(text)),
        DialogueCommand::Expect(pattern) | DialogueCommand::NoExpect(pattern) | DialogueCommand::SetPrompt(pattern) => {
            pair(&pattern.text, every(&pattern.text, Context::Pattern))
        }
        DialogueCommand::Branches(branches) => {
            branches.iter().flat_map(|branch| branch_places(branch, situation)).collect()
        }
        _ => Vec::new(),
    });
    places.collect()
}

fn branch_places(branch: &Branch, situation: Situation) -> Vec<Place> {
    let situation = branch.situation(situation);
    let sends = branch.sends.iter().flat_map(|text| pair(text, situation.contexts(text)));
    match &branch.on {
        BranchOn::Pattern(pattern) => {
            pair(&pattern.text, every(&pattern.text, Context::Pattern)).into_iter().chain(sends).collect()
        }
        BranchOn::Timeout | BranchOn::Eof => sends.collect(),
    }
}

impl Branch {
    /// Returns the situation inside of the branch.
    pub(crate) fn situation(&self, outer: Situation) -> Situation {
        let awaited = match &self.on {
            BranchOn::Pattern(pattern) if pattern.takes_commands() => Awaited::Command,
            BranchOn::Pattern(_) => Awaited::Answer,
            BranchOn::Timeout | BranchOn::Eof => Awaited::Unknown,
        };
        Situation { awaited, ..outer }
    }
}

/// Finds the language of the command lines: declared, or by what the lines are.
fn dialect(template: &Template, steps: &[DialogueStep]) -> Dialect {
    if let Some(declared) = template.declared_shell {
        return declared;
    }
    let windows_lines = steps.iter().any(|step| step.command == DialogueCommand::SetNewLineMode(NewLineMode::Windows));
    let lines: Vec<String> =
        steps.iter().filter_map(|step| step.command.sent()).map(|text| text.skeleton("x")).collect();
    if lines.iter().any(|line| line.starts_with("net user")) {
        return Dialect::Windows;
    }
    if !windows_lines && lines.iter().any(|line| is_posix(line)) {
        return Dialect::Posix;
    }
    Dialect::Unknown
}

/// Whether a line is surely one of a POSIX shell.
fn is_posix(line: &str) -> bool {
    const PROGRAMS: [&str; 19] = [
        "sudo", "passwd", "chpasswd", "useradd", "userdel", "usermod", "groupadd", "chage", "getent", "echo", "sed",
        "cat", "rm", "htpasswd", "service", "source", "su", "az", "gcloud",
    ];
    let first = line.split_whitespace().next().unwrap_or("");
    line.starts_with("export ")
        || PROGRAMS.contains(&first)
        || ["/usr/", "/bin/", "/opt/", "/sbin/", "/u01/"].iter().any(|root| first.starts_with(root))
}

impl DialogueCommand {
    /// Returns the text that a step sends.
    pub(crate) fn sent(&self) -> Option<&Text> {
        match self {
            Self::Exec(text) | Self::Send(text) => Some(text),
            _ => None,
        }
    }
}
