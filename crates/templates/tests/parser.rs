//! The parser takes any text: it returns steps or an error with a position, and never panics.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

use chaveiro_templates::{Executor, Limit, ParseErrorKind, Position, Purpose, Template, Text, lint};
use proptest::prelude::*;

fn executor() -> impl Strategy<Value = Executor> {
    prop::sample::select(Executor::ALL.to_vec())
}

/// Lines out of the words of all languages.
fn wordy() -> impl Strategy<Value = String> {
    let words = [
        "exec",
        "expect",
        "expect-regex",
        "no-expect",
        "send",
        "--",
        "\"",
        "\"*#\"",
        "\"/[a/i\"",
        "{",
        "}",
        "timeout",
        "exp_continue",
        "end",
        "#",
        "[#NEW_PASSWORD#]",
        "[#",
        "#]",
        "\\",
        "\\\"",
        " ",
        "\n",
        "'",
        "`",
        "$(",
        ")",
        "set-read-timeout",
        "5",
        "find",
        "bind",
        "(a=b)",
        "mod-replace",
        "\"u(",
        ")\"",
        "string(",
        "wait(1)",
        ";",
        "--",
        "/*",
        "powershell",
        "[nl]",
        "fill",
        "é",
        "\u{1F512}",
        "sed",
        "curl",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn any_bytes_are_parsed_or_refused(executor in executor(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let source = String::from_utf8_lossy(&bytes);
        if let Ok(template) = Template::parse(executor, &source) {
            lint(&template, Purpose::ChangePassword);
        }
    }

    #[test]
    fn any_words_are_parsed_or_refused(executor in executor(), source in wordy()) {
        match Template::parse(executor, &source) {
            Ok(template) => {
                for finding in lint(&template, Purpose::ChangePassword) {
                    prop_assert!(finding.at.line <= source.lines().count().max(1));
                }
            }
            Err(error) => prop_assert!(error.at.line <= source.split('\n').count() && error.at.column >= 1),
        }
    }
}

#[test]
fn errors_have_a_position_and_what_is_expected() {
    let cases = [
        (Executor::Ssh, "exec \"a\"\n  run \"b\"", (2, 3), "dialogue"),
        (Executor::Ssh, "set-read-timeout soon", (1, 18), "seconds"),
        (Executor::Ssh, "set-read-timeout 99999", (1, 18), "seconds"),
        (Executor::Ssh, "sleep", (1, 6), "seconds"),
        (Executor::Ssh, "set-new-line-mode vms", (1, 19), "unix, mac or windows"),
        (Executor::Ssh, "expect", (1, 7), "pattern"),
        (Executor::Ssh, "expect \"\"", (1, 8), "pattern"),
        (Executor::Ssh, "expect-regex \"/(/\"", (1, 14), "regular expression"),
        (Executor::Ssh, "expect-regex \"/(?=a)/\"", (1, 14), "regular expression"),
        (Executor::Ssh, "exec \"a\u{1b}\"", (1, 8), "control characters"),
        (Executor::TkExpect, "expect {\n a {\n send \"x\"", (1, 1), "closes the block"),
        (Executor::TkExpect, "expect {\n a {\n expect {\n", (3, 2), "another block"),
        (Executor::Ldap, "search x", (1, 1), "LDAP"),
        (Executor::Ldap, "find \"dc=x\" uid=1", (1, 6), "filter"),
        (Executor::WindowsRm, "!format", (1, 1), "!change-password"),
        (Executor::Ibm3270, "wait(1)\npf(25)", (2, 1), "pf(1-24)"),
        (Executor::Http, "fill", (1, 5), "argument"),
    ];
    for (executor, source, (line, column), expected) in cases {
        let error = Template::parse(executor, source).unwrap_err();
        assert_eq!(error.at, Position::new(line, column), "{source:?}: {error}");
        assert!(error.to_string().contains(expected), "{source:?}: {error}");
    }
}

#[test]
fn bounds_are_checked() {
    let parse = |source: &str| Template::parse(Executor::Ssh, source).unwrap_err().kind;
    assert_eq!(parse(&"#\n".repeat(Limit::LINES + 1)), ParseErrorKind::TooManyLines);
    assert_eq!(parse(&"#".repeat(Limit::LINE_CHARACTERS + 1)), ParseErrorKind::LineTooLong);
    assert_eq!(parse(&"#".repeat(Limit::BYTES + 1)), ParseErrorKind::TooLong);
    let branches = format!("expect {{\n{}\n}}", "a {\n}\n".repeat(Limit::BRANCHES + 1));
    assert_eq!(parse(&branches), ParseErrorKind::TooManyBranches);
}

#[test]
fn an_error_does_not_repeat_the_template() {
    let error = Template::parse(Executor::Ssh, "hunter2 \"hunter2\"").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn statements_end_at_semicolons_outside_of_strings() {
    let source = "# comment\nALTER USER x\n  PASSWORD 'a;b';\n-- comment\nSELECT \";\"; \n";
    let template = Template::parse(Executor::PostgreSql, source).unwrap();
    let texts: Vec<&Text> = template.texts();
    assert_eq!(texts.len(), 2);
}
