//! The interpreter with prepared output: how dialogues end, and what their outcome says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

mod support;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use chaveiro_secret::SecretText;
use chaveiro_templates::{
    Action, Dialogue, Effect, End, Event, Executor, FailureReason, Interpreter, Outcome, Position, Received, Template,
    Terminal, run,
};

use support::values;

/// Gives its chunks in order, then is silent or closed, and keeps what it is sent.
#[derive(Default)]
struct Prepared {
    chunks: VecDeque<String>,
    closes: bool,
    sent: Vec<String>,
    paused: Duration,
    waited: Vec<Duration>,
}

impl Prepared {
    fn new(chunks: &[&str]) -> Self {
        Self { chunks: chunks.iter().map(|chunk| (*chunk).to_owned()).collect(), ..Self::default() }
    }
}

impl Terminal for Prepared {
    fn send(&mut self, text: &SecretText) -> io::Result<()> {
        self.sent.push(text.expose().to_owned());
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> io::Result<(Received, Duration)> {
        self.waited.push(timeout);
        Ok(match self.chunks.pop_front() {
            Some(chunk) => (Received::Data(chunk.into_bytes()), Duration::from_secs(1)),
            None if self.closes => (Received::Closed, Duration::ZERO),
            None => (Received::TimedOut, timeout),
        })
    }

    fn pause(&mut self, time: Duration) {
        self.paused += time;
    }
}

fn run_with(executor: Executor, source: &str, terminal: &mut Prepared) -> Outcome {
    let template = Template::parse(executor, source).unwrap();
    run(Dialogue::render(&template, &values("n3w")).unwrap().unwrap(), terminal)
}

fn failed(line: usize, reason: FailureReason) -> End {
    End::Failed { at: Position::new(line, 1), reason }
}

#[test]
fn a_dialogue_sends_its_lines_in_the_mode_of_the_template() {
    let source = "set-new-line-mode windows\nexpect \"*>\"\nexec \"one\"\nsleep 3\nset-new-line-mode \"mac\"\nexec \"two\"\nsend -- \"x\\r\"\nend";
    let mut terminal = Prepared::new(&["hello\r\n", "C:\\>", "bye"]);
    let outcome = run_with(Executor::Ssh, source, &mut terminal);
    assert_eq!(outcome.end, End::Finished);
    assert_eq!(terminal.sent, ["one\r\n", "two\r", "x\r"]);
    assert_eq!(terminal.paused, Duration::from_secs(3));
    assert_eq!(outcome.transcript, "hello\r\nC:\\>bye");
}

#[test]
fn the_read_timeout_covers_all_chunks_of_an_expect() {
    let source = "set-read-timeout 2\nexpect \"never\"";
    let mut terminal = Prepared::new(&["a", "b", "c"]);
    assert_eq!(run_with(Executor::Ssh, source, &mut terminal).end, failed(2, FailureReason::TimedOut));
    assert_eq!(terminal.waited, [Duration::from_secs(2), Duration::from_secs(1)]);
}

#[test]
fn failures_name_their_step() {
    let cases: [(&str, &[&str], bool, End); 7] = [
        ("expect \"*#\"\nexpect \"*$\"", &["a# "], false, failed(2, FailureReason::TimedOut)),
        ("expect \"*#\"\nexpect \"*$\"", &["a# "], true, failed(2, FailureReason::Closed)),
        ("no-expect \"*rror*\"", &["an er", "ror"], false, failed(1, FailureReason::Forbidden)),
        ("no-expect \"*rror*\"\nexpect \"fine\"", &["fine"], false, End::Finished),
        ("exec \"id bob\"\nno-expect \"*bob*\"", &["id b", "ob\r\nno such user"], false, End::Finished),
        ("exec \"id bob\"\nno-expect \"*bob*\"", &["id bob\r\nuid=1(bob)"], false, failed(2, FailureReason::Forbidden)),
        ("exit 3", &[], false, failed(1, FailureReason::Exit(3))),
    ];
    for (source, chunks, closes, end) in cases {
        let mut terminal = Prepared { closes, ..Prepared::new(chunks) };
        assert_eq!(run_with(Executor::Ssh, source, &mut terminal).end, end, "{source}");
    }
}

#[test]
fn the_outcome_says_whether_the_password_may_have_changed() {
    let source = "expect \"*current:\"\nexec \"[#CURRENT_PASSWORD#]\"\nexpect \"*new:\"\nexec \"[#NEW_PASSWORD#]\"\nexpect \"*ok\"";
    let effect = |chunks: &[&str]| {
        let outcome = run_with(Executor::Ssh, source, &mut Prepared::new(chunks));
        (outcome.secret_sent, outcome.effect())
    };
    assert_eq!(effect(&[]), (false, Effect::NotChanged));
    assert_eq!(effect(&["current: "]), (true, Effect::NotChanged));
    assert_eq!(effect(&["current: ", "new: "]), (true, Effect::Unknown));
    assert_eq!(effect(&["current: ", "new: ", "ok"]), (true, Effect::Changed));
}

const BLOCK: &str = "expect {
    \"Password\" {
        send \"[#NEW_PASSWORD#]\\r\"
        exp_continue
    } \"again\" {
        send \"[#NEW_PASSWORD#]\\r\"
    } wrong {
        send \"q\\r\"
        exit 4
    } timeout {
        exit 5
    } eof {
        exit 6
    }
}
expect \"*done\"";

#[test]
fn blocks_take_the_branch_of_their_output() {
    let run_block = |chunks: &[&str], closes| {
        let mut terminal = Prepared { closes, ..Prepared::new(chunks) };
        let end = run_with(Executor::TkExpect, BLOCK, &mut terminal).end;
        (end, terminal.sent)
    };
    assert_eq!(run_block(&["Password", "again", "done"], false), (End::Finished, vec!["n3w\r".into(), "n3w\r".into()]));
    assert_eq!(
        run_block(&["Password", "wrong"], false),
        (failed(1, FailureReason::Exit(4)), vec!["n3w\r".into(), "q\r".into()])
    );
    assert_eq!(run_block(&[], false), (failed(1, FailureReason::Exit(5)), vec![]));
    assert_eq!(run_block(&[], true), (failed(1, FailureReason::Exit(6)), vec![]));
    let endless = ["Password"; 100];
    assert_eq!(run_block(&endless, false).0, failed(1, FailureReason::Repeated));
}

#[test]
fn lines_wait_for_the_prompt_that_is_set() {
    let source =
        "use telnet\nset-prompt \"< \"\nexec \"[#AUTH_USER#]\"\nexec \"[#COE_SENHA#]\"\nexpect \"*DONE*\"\nexec \"Z;\"";
    let mut terminal = Prepared::new(&["ENTER USERNAME < ", "ENTER PASSWORD < ", "DONE\r\n"]);
    assert_eq!(run_with(Executor::TkExpect, source, &mut terminal).end, End::Finished);
    assert_eq!(terminal.sent, ["operator\n", "0ther-Secret.43\n", "Z;\n"]);
    assert_eq!(run_with(Executor::TkExpect, source, &mut Prepared::default()).end, failed(3, FailureReason::TimedOut));
}

#[test]
fn nothing_shows_a_secret() {
    let source = "expect \"*[#NEW_PASSWORD#]*\"\nexec \"echo '[#NEW_PASSWORD#]'\"";
    let template = Template::parse(Executor::Ssh, source).unwrap();
    let dialogue = Dialogue::render(&template, &values("it's-s3cret")).unwrap().unwrap();
    assert!(!format!("{dialogue:?}").contains("s3cret"));
    let mut terminal = Prepared::new(&["x it's-s3cret", "$ echo 'it'\\''s-s3", "cret'\r\nit's-s3cret\r\n"]);
    let outcome = run(dialogue, &mut terminal);
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

/// Runs a dialogue without its new password, and returns what was sent.
fn rehearse(source: &str, output: &str) -> (Vec<String>, Outcome) {
    let template = Template::parse(Executor::Ssh, source).unwrap();
    let dialogue = Dialogue::render(&template, &values("n3w")).unwrap().unwrap();
    let (mut interpreter, mut event, mut sent) = (Interpreter::rehearsal(dialogue), Event::Ready, Vec::new());
    loop {
        event = match interpreter.next(event) {
            Action::Send(text) => {
                sent.push(text.expose().to_owned());
                Event::Ready
            }
            Action::Receive(_) => Event::Received { bytes: output.into(), elapsed: Duration::ZERO },
            Action::Pause(_) => Event::Ready,
            Action::Finish(outcome) => return (sent, *outcome),
        };
    }
}

#[test]
fn a_rehearsal_ends_before_the_new_password() {
    let line = "exec \"passwd\"\nexpect \"New password:\"\nexec \"[#NEW_PASSWORD#]\"\nexpect \"done\"";
    let (sent, outcome) = rehearse(line, "New password:");
    assert_eq!(sent, ["passwd\n"]);
    assert_eq!(outcome.end, End::BeforeNewPassword { at: Position::new(3, 1) });
    assert_eq!((outcome.effect(), outcome.new_password_sent), (Effect::NotChanged, false));
    let (sent, outcome) = rehearse("exec \"id\"\nno-expect \"*denied*\"\nexec \"[#NEW_PASSWORD#]\"", "id: denied");
    assert_eq!((sent, outcome.end), (vec!["id\n".to_owned()], failed(2, FailureReason::Forbidden)));
}
