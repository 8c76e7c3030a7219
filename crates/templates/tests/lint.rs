//! The findings of the linter, each with a template that has it and one that has not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

use chaveiro_templates::{Executor, Purpose, Rule, Severity, Template, lint};

fn rules(executor: Executor, source: &str) -> Vec<(Rule, usize, usize)> {
    let template = Template::parse(executor, source).unwrap();
    lint(&template, Purpose::ChangePassword)
        .into_iter()
        .map(|finding| (finding.rule, finding.at.line, finding.at.column))
        .collect()
}

const CLEAN: &str = "expect \"*$\"\nexec \"passwd [#USERNAME#]\"\nexpect \"*password:\"\nexec \"[#NEW_PASSWORD#]\"\nexpect \"*updated\"\n";

#[test]
fn a_template_that_answers_prompts_is_clean() {
    assert!(rules(Executor::Ssh, CLEAN).is_empty());
    assert!(rules(Executor::PostgreSql, "ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'").is_empty());
    assert!(rules(Executor::WindowsRm, "!change-password").is_empty());
}

#[test]
fn each_rule_is_found_at_its_place() {
    let with = |line: &str| format!("{CLEAN}{line}");
    let cases: [(Rule, String, (usize, usize)); 17] = [
        (Rule::Empty, "# nothing\n".into(), (1, 1)),
        (Rule::NoNewPassword, "exec \"ls\"".into(), (1, 1)),
        (Rule::UnknownTag, with("exec \"passwd [#NOBODY#]\""), (6, 14)),
        (Rule::BrokenTag, with("exec \"passwd [#NOBODY]\""), (6, 14)),
        (Rule::UnsafePlace, with("exec \"echo $(id [#USERNAME#])\""), (6, 17)),
        (Rule::NestedProgram, with("exec \"sed -i 's/a/[#USERNAME#]/' f\""), (6, 19)),
        (Rule::SecretAsCommand, with("expect \"*$\"\nexec \"[#CURRENT_PASSWORD#]\""), (7, 1)),
        (Rule::SshVersion, with("set-ssh-version 1"), (6, 1)),
        (Rule::SecretInArguments, with("exec \"x -p [#CURRENT_PASSWORD#]\""), (6, 12)),
        (Rule::SecretInOutput, with("expect \"*[#NEW_PASSWORD#]\""), (6, 10)),
        (Rule::AnswerWithoutPrompt, with("exec \"[#CURRENT_PASSWORD#]\""), (6, 1)),
        (Rule::MatchesAnything, with("expect \"*\""), (6, 1)),
        (Rule::MatchesEcho, with("exec \"echo done\"\nexpect \"*done\""), (7, 1)),
        (Rule::ResultNotChecked, CLEAN.replace("expect \"*updated\"\n", ""), (4, 1)),
        (Rule::UnclosedString, with("expect \"*$"), (6, 8)),
        (Rule::TextAfterString, with("expect \"*$\"]"), (6, 12)),
        (Rule::AfterEnd, with("end\nexec \"x\""), (7, 1)),
    ];
    for (rule, source, (line, column)) in cases {
        assert!(
            rules(Executor::Ssh, &source).contains(&(rule, line, column)),
            "{rule:?}: {:?}",
            rules(Executor::Ssh, &source)
        );
    }
    assert!(rules(Executor::Http, "log [#NEW_PASSWORD#]").contains(&(Rule::SecretInLog, 1, 5)));
    assert!(rules(Executor::Telnet, CLEAN).contains(&(Rule::Unencrypted, 1, 1)));
    assert!(rules(Executor::Ssh, "expect \"*>\"\nexec \"enable secret [#NEW_PASSWORD#]\"").contains(&(
        Rule::RestrictedValue,
        2,
        21
    )));
    assert!(rules(Executor::Ssh, &with("exec \"edit \"x\"\"")).contains(&(Rule::QuoteInString, 6, 12)));
}

#[test]
fn every_rule_has_a_name_and_a_message() {
    let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| !rule.message().is_empty()));
    assert!(Rule::ALL.iter().any(|rule| rule.severity() == Severity::Refused));
}

#[test]
fn sql_and_screens_refuse_code() {
    let refused = |executor, source: &str| {
        let template = Template::parse(executor, source).unwrap();
        lint(&template, Purpose::Other).iter().any(|finding| finding.severity() == Severity::Refused)
    };
    assert!(refused(Executor::PostgreSql, "DO $$ BEGIN EXECUTE '[#NEW_PASSWORD#]'; END $$"));
    assert!(refused(Executor::PostgreSql, "SELECT 1 /* [#NEW_PASSWORD#] */"));
    assert!(refused(Executor::PostgreSql, "SELECT E'[#NEW_PASSWORD#]'"));
    assert!(refused(Executor::Http, "jscript login('[#NEW_PASSWORD#]')"));
    assert!(!refused(Executor::Ibm3270, "string([#NEW_PASSWORD#])\nenter"));
}
