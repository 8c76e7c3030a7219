//! Dialogues with real shells and programs on a pseudo-terminal, and quoted values that real shells read back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

mod support;

use std::process::Command;

use chaveiro_secret::SecretText;
use chaveiro_templates::{
    Context, Dialogue, Effect, End, Executor, FailureReason, Outcome, Tag, Template, Values, quote, run,
};
use proptest::prelude::*;

use support::pty::{Pty, has};

fn values(pairs: &[(&str, &str)]) -> Values {
    let with = |values: Values, (name, value): &(&str, &str)| {
        values.with(&Tag::new(name).unwrap(), SecretText::new((*value).into()))
    };
    pairs.iter().fold(Values::new(), with)
}

fn run_in(shell: &str, source: &str, values: &Values) -> Outcome {
    let template = Template::parse(Executor::Ssh, source).unwrap();
    let dialogue = Dialogue::render(&template, values).unwrap().unwrap();
    run(dialogue, &mut Pty::start(shell))
}

/// What a shell makes of a line that prints one argument.
fn printed(shell: &str, line: &str) -> String {
    let output = Command::new(shell).args(["-c", line]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn shells_read_every_value_back(value in "[ -~é€]{0,24}") {
        for shell in ["sh", "bash"].into_iter().filter(|shell| has(shell)) {
            let cases = [
                (Context::ShellBare { leading: false }, "", "", value.clone()),
                (Context::ShellSingle, "'", "'", value.clone()),
                (Context::ShellDouble, "\"", "\"", value.clone()),
                (Context::ShellSingle, "a'b", "c'd", format!("ab{value}cd")),
            ];
            for (context, before, after, expected) in cases {
                let quoted = quote(context, Executor::Ssh, &value).unwrap();
                prop_assert_eq!(printed(shell, &format!("printf %s {before}{quoted}{after}")), expected);
            }
        }
    }
}

const ECHO: &str = "# shell: posix
expect-regex \"/[$#]\\s*$/\"
exec \"printf '<%s>' [#NEW_PASSWORD#] \\\"[#NEW_PASSWORD#]\\\" '[#NEW_PASSWORD#]' | od -An -tx1 | tr -d ' \\n'; echo; echo do''ne\"
expect \"*done\"
expect-regex \"/[$#]\\s*$/\"
exec \"exit\"
end";

#[test]
fn an_interactive_shell_gets_the_value_and_the_transcript_does_not() {
    if !has("script") {
        return;
    }
    let password = "a!b$x\"c'd;e`f\\g";
    for shell in ["sh", "stty cols 4000; bash --norc --noprofile"] {
        let outcome = run_in(shell, ECHO, &values(&[("NEW_PASSWORD", password)]));
        assert_eq!(outcome.end, End::Finished, "{shell}: {}", outcome.transcript);
        let hexadecimal: String = format!("<{password}>").bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(outcome.transcript.matches(&hexadecimal).count(), 3, "{shell}: {}", outcome.transcript);
        assert!(!outcome.transcript.contains(password), "{shell}: {}", outcome.transcript);
    }
}

const PASSPHRASE: &str = "# shell: posix
expect-regex \"/[$#]\\s*$/\"
exec \"ssh-keygen -p -f [#ADD_INFO#]\"
expect \"*old passphrase:\"
exec \"[#CURRENT_PASSWORD#]\"
expect \"*new passphrase*:\"
exec \"[#NEW_PASSWORD#]\"
expect \"*same passphrase again:\"
exec \"[#NEW_PASSWORD#]\"
expect \"*has been saved\"
expect-regex \"/[$#]\\s*$/\"
exec \"exit\"
end";

fn key_with_passphrase(name: &str, passphrase: &str) -> std::path::PathBuf {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let key = folder.join(name);
    let _ = std::fs::remove_file(&key);
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    key
}

fn opens(key: &std::path::Path, passphrase: &str) -> bool {
    Command::new("ssh-keygen").args(["-y", "-P", passphrase, "-f"]).arg(key).output().unwrap().status.success()
}

#[test]
fn a_program_that_asks_at_the_terminal_gets_its_answers() {
    if !has("script") || !has("ssh-keygen") {
        return;
    }
    let (old, new) = ("old secret '1'", "new $ecret \"2\"");
    let key = key_with_passphrase("template-key", old);
    let all = values(&[("ADD_INFO", key.to_str().unwrap()), ("CURRENT_PASSWORD", old), ("NEW_PASSWORD", new)]);
    let outcome = run_in("sh", PASSPHRASE, &all);
    assert_eq!((outcome.end, outcome.effect()), (End::Finished, Effect::Changed), "{}", outcome.transcript);
    assert!(opens(&key, new) && !opens(&key, old));
    assert!(!outcome.transcript.contains("$ecret"), "{}", outcome.transcript);
}

#[test]
fn a_failure_before_the_new_password_is_known_to_change_nothing() {
    if !has("script") || !has("ssh-keygen") {
        return;
    }
    let key = key_with_passphrase("template-key-2", "right one");
    let all = values(&[
        ("ADD_INFO", key.to_str().unwrap()),
        ("CURRENT_PASSWORD", "wrong one"),
        ("NEW_PASSWORD", "never sent"),
    ]);
    // What follows the wrong one never comes.
    let old = "exec \"[#CURRENT_PASSWORD#]\"\n";
    let outcome = run_in("sh", &PASSPHRASE.replace(old, &format!("{old}set-read-timeout 2\n")), &all);
    let timed_out = matches!(outcome.end, End::Failed { reason: FailureReason::TimedOut, .. });
    assert!(timed_out && outcome.secret_sent, "{:?}", outcome.end);
    assert_eq!(outcome.effect(), Effect::NotChanged);
    assert!(opens(&key, "right one"));
}
