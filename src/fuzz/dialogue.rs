//! A change template that runs against a recorded terminal.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use chaveiro_templates::{Dialogue, Executor, Received, Tag, Template, Terminal, Values, run};

use crate::crypto::SecretText;

/// A template with every way to wait.
const SOURCE: &str = r#"# shell: posix
set-read-timeout 20
expect-regex "/[$#>%]\s*$/"
exec "LC_ALL=C passwd [#USERNAME#]"
expect {
    "urrent password:" {
        send "[#CURRENT_PASSWORD#]\r"
        exp_continue
    } "ew password:" {
        send "[#NEW_PASSWORD#]\r"
    } timeout {
        exit 2
    } eof {
        exit 3
    }
}
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
no-expect "*BAD PASSWORD*"
expect "*updated successfully"
expect "*$"
end
"#;

/// What a target writes while a change template runs. The byte 0 stands for a silence.
pub fn template_dialogue(bytes: &[u8]) {
    if let Some(dialogue) = dialogue() {
        run(dialogue, &mut Recorded(bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()));
    }
}

fn dialogue() -> Option<Dialogue> {
    let mut values = Values::new();
    for name in ["USERNAME", "CURRENT_PASSWORD", "NEW_PASSWORD"] {
        values = values.with(&Tag::new(name)?, SecretText::new("a b'c".into()));
    }
    Dialogue::render(&Template::parse(Executor::Ssh, SOURCE).ok()?, &values).ok()?
}

/// A terminal that writes what was recorded, whatever it is sent.
struct Recorded(VecDeque<Vec<u8>>);

impl Terminal for Recorded {
    fn send(&mut self, _: &SecretText) -> io::Result<()> {
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> io::Result<(Received, Duration)> {
        Ok(match self.0.pop_front() {
            None => (Received::Closed, Duration::ZERO),
            Some(bytes) if bytes.is_empty() => (Received::TimedOut, timeout),
            Some(bytes) => (Received::Data(bytes), timeout / 10),
        })
    }

    fn pause(&mut self, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use chaveiro_templates::End;

    use super::*;

    #[test]
    fn the_recorded_dialogue_runs_to_its_end() {
        let output = include_bytes!("../../fuzz/corpus/template_dialogue/changed");
        let recorded = Recorded(output.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect());
        let outcome = run(dialogue().unwrap(), &mut { recorded });
        assert_eq!(outcome.end, End::Finished, "{}", outcome.transcript);
    }
}
