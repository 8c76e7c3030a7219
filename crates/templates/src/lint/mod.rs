//! The linter: what must be changed before a template is saved, and what should be.

mod finding;
mod flow;
mod places;

use crate::template::{Body, Oddity, Template, WindowsStepKind};

pub use finding::{Finding, Purpose, Rule, Severity};

/// Checks a template. A template with a finding of [`Severity::Refused`] must not be saved.
pub fn lint(template: &Template, purpose: Purpose) -> Vec<Finding> {
    let mut findings = places::check(template);
    findings.extend(template.oddities.iter().map(|(at, oddity)| Finding { at: *at, rule: rule(*oddity) }));
    if let Body::Dialogue(steps) = &template.body {
        findings.extend(flow::check(template, steps));
    }
    whole(template, purpose, &mut findings);
    findings.sort_by_key(|finding| (finding.at, finding.rule));
    findings.dedup();
    findings
}

fn rule(oddity: Oddity) -> Rule {
    match oddity {
        Oddity::UnclosedString => Rule::UnclosedString,
        Oddity::TextAfterString => Rule::TextAfterString,
        Oddity::QuoteInString => Rule::QuoteInString,
        Oddity::BrokenTag => Rule::BrokenTag,
        Oddity::AfterEnd => Rule::AfterEnd,
    }
}

/// Checks what concerns the whole template.
fn whole(template: &Template, purpose: Purpose, findings: &mut Vec<Finding>) {
    let empty = match &template.body {
        Body::Dialogue(steps) => !steps.iter().any(|step| step.command.sent().is_some() || step.command.is_branches()),
        Body::Ldap(steps) => steps.is_empty(),
        Body::Sql(steps) => steps.is_empty(),
        Body::Windows(steps) => steps.is_empty(),
        Body::Esxi(lines) => lines.is_empty(),
        Body::Screen(steps) => steps.is_empty(),
        Body::Browser(steps) => steps.is_empty(),
    };
    if empty {
        findings.push(Finding::of_template(Rule::Empty));
        return;
    }
    let by_protocol = matches!(&template.body, Body::Windows(steps) if steps.iter().any(|step| step.kind == WindowsStepKind::ChangePassword));
    if purpose == Purpose::ChangePassword && !template.has_tag("NEW_PASSWORD") && !by_protocol {
        findings.push(Finding::of_template(Rule::NoNewPassword));
    }
    if let Body::Windows(steps) = &template.body {
        let unsecure = steps.iter().filter(|step| step.kind == WindowsStepKind::Unsecure);
        findings.extend(unsecure.map(|step| Finding { at: step.at, rule: Rule::Unencrypted }));
    }
    if !template.executor.is_encrypted() {
        findings.push(Finding::of_template(Rule::Unencrypted));
    }
}
