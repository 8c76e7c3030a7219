//! A terminal that answers what a template expects, and echoes what it is sent.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use chaveiro_secret::SecretText;
use chaveiro_templates::{
    Body, Branch, BranchOn, DialogueCommand, Pattern, PatternKind, PieceKind, Received, Template, Terminal, Values,
};

/// The outputs between two lines that are sent, in order.
pub(crate) struct ScriptedTerminal {
    groups: VecDeque<VecDeque<String>>,
}

impl ScriptedTerminal {
    /// Prepares the output that each step of a template expects.
    pub(crate) fn new(template: &Template, values: &Values) -> Self {
        let Body::Dialogue(steps) = &template.body else { panic!("only a dialogue has a terminal") };
        let mut groups = VecDeque::from([VecDeque::new()]);
        let mut prompt = None;
        let mut expected = false;
        for step in steps {
            let group = groups.back_mut().unwrap();
            match &step.command {
                DialogueCommand::Expect(pattern) => group.push_back(output(pattern, values)),
                DialogueCommand::SetPrompt(pattern) => prompt = Some(output(pattern, values)),
                DialogueCommand::Exec(_) => {
                    group.extend(prompt.clone().filter(|_| !expected));
                    groups.push_back(VecDeque::new());
                }
                DialogueCommand::Send(_) => groups.push_back(VecDeque::new()),
                DialogueCommand::Branches(branches) => {
                    branches.iter().for_each(|branch| answer(branch, values, &mut groups))
                }
                _ => {}
            }
            expected = matches!(
                step.command,
                DialogueCommand::Expect(_) | DialogueCommand::NoExpect(_) | DialogueCommand::Branches(_)
            );
        }
        Self { groups }
    }
}

fn answer(branch: &Branch, values: &Values, groups: &mut VecDeque<VecDeque<String>>) {
    if branch.exit.is_some_and(|code| code != 0) {
        return;
    }
    if let BranchOn::Pattern(pattern) = &branch.on {
        groups.back_mut().unwrap().push_back(output(pattern, values));
        branch.sends.iter().for_each(|_| groups.push_back(VecDeque::new()));
    }
}

/// Returns an output that the pattern matches.
fn output(pattern: &Pattern, values: &Values) -> String {
    let value = |tag: &chaveiro_templates::Tag| values.get(tag).unwrap().expose().to_owned();
    if let PatternKind::Regex { .. } = pattern.kind {
        let regex = pattern.compile(value).unwrap();
        let candidates = ["host$ ", "host# ", "host> "];
        return (*candidates
            .iter()
            .find(|candidate| regex.is_match(candidate.as_bytes()))
            .expect("a prompt that matches"))
        .into();
    }
    let pieces = pattern.text.pieces().iter().map(|piece| match &piece.kind {
        PieceKind::Literal(literal) => literal.replace('*', "~"),
        PieceKind::Tag(tag) => value(tag),
    });
    format!("\r\n{}", pieces.collect::<String>().trim_end_matches('~'))
}

impl Terminal for ScriptedTerminal {
    fn send(&mut self, text: &SecretText) -> io::Result<()> {
        self.groups.pop_front();
        if self.groups.is_empty() {
            self.groups.push_back(VecDeque::new());
        }
        self.groups[0].push_front(text.expose().to_owned());
        Ok(())
    }

    fn receive(&mut self, _: Duration) -> io::Result<(Received, Duration)> {
        let output = self.groups.front_mut().and_then(VecDeque::pop_front);
        let received = output.map_or(Received::TimedOut, |output| Received::Data(output.into_bytes()));
        Ok((received, Duration::ZERO))
    }

    fn pause(&mut self, _: Duration) {}
}
