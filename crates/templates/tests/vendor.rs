//! Reads the vendor's public templates from the folder that `CHAVEIRO_TEST_TEMPLATES` names, and reports how many of them parse,
//! pass the linter, and run against a scripted terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chaveiro_templates::{Dialogue, Effect, End, Executor, Operations, Purpose, Severity, Template, Values, lint, run};

use support::script::ScriptedTerminal;
use support::values;

/// The counts of the report.
#[derive(Default)]
struct Report {
    files: usize,
    empty: usize,
    parsed: usize,
    clean: usize,
    warned: usize,
    refused: usize,
    rendered: usize,
    rendered_hard: usize,
    dialogues: usize,
    finished: usize,
    rules: BTreeMap<(Severity, &'static str), usize>,
    problems: Vec<String>,
}

#[test]
#[allow(clippy::print_stdout, reason = "the report is the purpose of the test")]
fn the_vendors_templates_parse_lint_and_run() {
    let Some(folder) = std::env::var_os("CHAVEIRO_TEST_TEMPLATES").map(PathBuf::from) else {
        println!("skipped: CHAVEIRO_TEST_TEMPLATES names no folder");
        return;
    };
    let mut report = Report::default();
    for executor in Executor::ALL {
        let folder = folder.join(folder_name(executor));
        for file in files(&folder) {
            examine(executor, &file, &mut report);
        }
    }
    println!("{}", report.show());
    assert!(report.files > 0, "the folder has no templates");
    assert_eq!(report.parsed, report.files, "{:#?}", report.problems);
    assert_eq!(report.rendered, report.clean + report.warned, "{:#?}", report.problems);
    assert_eq!(report.finished, report.dialogues, "{:#?}", report.problems);
}

fn folder_name(executor: Executor) -> &'static str {
    executor.as_str()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_none_or(|extension| extension != "md"))
        .collect();
    found.sort();
    found
}

fn examine(executor: Executor, file: &Path, report: &mut Report) {
    report.files += 1;
    let source = fs::read_to_string(file).unwrap();
    let name = file.strip_prefix(std::env::var_os("CHAVEIRO_TEST_TEMPLATES").unwrap()).unwrap().display().to_string();
    let template = match Template::parse(executor, &source) {
        Ok(template) => template,
        Err(error) => return report.problems.push(format!("{name}: {error}")),
    };
    report.parsed += 1;
    report.empty += usize::from(source.trim().is_empty());
    let purpose = if name.contains("Change password") { Purpose::ChangePassword } else { Purpose::Other };
    let findings = lint(&template, purpose);
    for finding in &findings {
        *report.rules.entry((finding.severity(), finding.rule.as_str())).or_default() += 1;
    }
    match findings.iter().map(|finding| finding.severity()).max() {
        Some(Severity::Refused) => {
            report.refused += 1;
            let refused = findings.iter().filter(|finding| finding.severity() == Severity::Refused);
            report.problems.extend(refused.map(|finding| format!("{name}: {finding}")));
            return;
        }
        Some(Severity::Warning) => report.warned += 1,
        None => report.clean += 1,
    }
    report.rendered_hard += usize::from(renders(&template, &values("p'a\"s$w;o`r\\d%!")).is_ok());
    match renders(&template, &values("N3w-Secret.42")) {
        Ok(()) => report.rendered += 1,
        Err(error) => return report.problems.push(format!("{name}: {error}")),
    }
    run_dialogue(&template, &name, report);
}

fn renders(template: &Template, values: &Values) -> Result<(), chaveiro_templates::RenderError> {
    Operations::render(template, values)?;
    Dialogue::render(template, values)?;
    Ok(())
}

fn run_dialogue(template: &Template, name: &str, report: &mut Report) {
    let values = values("N3w-Secret.42");
    let Some(dialogue) = Dialogue::render(template, &values).unwrap() else { return };
    report.dialogues += 1;
    let outcome = run(dialogue, &mut ScriptedTerminal::new(template, &values));
    assert!(!outcome.transcript.contains("N3w-Secret.42"), "{name}: the transcript shows a secret");
    let changed = !template.has_tag("NEW_PASSWORD") || outcome.effect() == Effect::Changed;
    if outcome.end == End::Finished && changed {
        report.finished += 1;
    } else {
        report.problems.push(format!("{name}: {:?}\n{}", outcome.end, outcome.transcript));
    }
}

impl Report {
    fn show(&self) -> String {
        let mut lines = vec![
            format!("files {}, of them empty {}", self.files, self.empty),
            format!("parsed {}", self.parsed),
            format!("lint: clean {}, with warnings {}, refused {}", self.clean, self.warned, self.refused),
            format!("rendered {}, with a password of every sign {}", self.rendered, self.rendered_hard),
            format!("dialogues {}, run to their end {}", self.dialogues, self.finished),
        ];
        lines.extend(self.rules.iter().map(|((severity, rule), count)| format!("{severity:?} {rule}: {count}")));
        lines.extend(self.problems.iter().map(|problem| format!("- {problem}")));
        lines.join("\n")
    }
}
