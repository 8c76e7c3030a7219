//! Checks the order of a dialogue's steps.

use crate::context::{self, Awaited};
use crate::pattern::{Pattern, PatternKind};
use crate::template::{Branch, BranchOn, DialogueCommand, DialogueStep, Template};
use crate::text::Text;

use super::finding::{Finding, Rule};

/// Returns the findings of the flow.
pub(super) fn check(template: &Template, steps: &[DialogueStep]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (step, situation) in steps.iter().zip(context::situations(template, steps)) {
        let mut add = |rule| findings.push(Finding { at: step.at, rule });
        match &step.command {
            DialogueCommand::Exec(text) | DialogueCommand::Send(text)
                if text.as_single_tag().is_some_and(crate::tag::Tag::is_secret) =>
            {
                match situation.awaited {
                    Awaited::Command => add(Rule::SecretAsCommand),
                    Awaited::Unknown => add(Rule::AnswerWithoutPrompt),
                    Awaited::Answer => {}
                }
            }
            DialogueCommand::SetSshVersion(version) if *version != 2 => add(Rule::SshVersion),
            DialogueCommand::Expect(pattern)
            | DialogueCommand::SetPrompt(pattern)
            | DialogueCommand::NoExpect(pattern)
                if matches_anything(pattern) =>
            {
                add(Rule::MatchesAnything);
            }
            _ => {}
        }
    }
    findings.extend(steps.windows(2).filter_map(echo_match));
    findings.extend(unchecked_result(steps));
    findings
}

/// Whether a pattern matches the empty output.
fn matches_anything(pattern: &Pattern) -> bool {
    match pattern.kind {
        PatternKind::Glob => pattern.text.skeleton("x").trim().trim_matches(['*', '?']).is_empty(),
        PatternKind::Regex { .. } => pattern.compile(|_| "x".into()).is_ok_and(|regex| regex.is_match(b"")),
    }
}

/// Finds a pattern that the echo of the line before it matches. A line that answers a prompt is not echoed.
fn echo_match(pair: &[DialogueStep]) -> Option<Finding> {
    let [line, wait] = pair else { return None };
    let (DialogueCommand::Exec(text), DialogueCommand::Expect(pattern)) = (&line.command, &wait.command) else {
        return None;
    };
    let echo = text.skeleton("x");
    let matched = text.as_single_tag().is_none()
        && pattern.compile(|_| "x".into()).is_ok_and(|regex| regex.is_match(echo.as_bytes()));
    (matched && !pattern.is_prompt()).then_some(Finding { at: wait.at, rule: Rule::MatchesEcho })
}

/// Finds the last time that the new password is sent, when nothing waits for output after it.
fn unchecked_result(steps: &[DialogueStep]) -> Option<Finding> {
    let last = steps.iter().rposition(|step| step.command.sent().is_some_and(sends_new_password))?;
    let checks = |step: &DialogueStep| {
        matches!(step.command, DialogueCommand::Expect(_) | DialogueCommand::NoExpect(_) | DialogueCommand::Branches(_))
    };
    let checked = steps.iter().skip(last + 1).any(checks);
    (!checked).then(|| Finding { at: steps[last].at, rule: Rule::ResultNotChecked })
}

fn sends_new_password(text: &Text) -> bool {
    text.tags().any(|(tag, _)| tag.name() == "NEW_PASSWORD")
}

impl DialogueCommand {
    /// Whether the step is a block of branches that can succeed.
    pub(super) fn is_branches(&self) -> bool {
        let sends = |branch: &Branch| matches!(branch.on, BranchOn::Pattern(_)) && !branch.sends.is_empty();
        matches!(self, Self::Branches(branches) if branches.iter().any(sends))
    }
}
