//! Checks each tag in its place.

use crate::context::{self, Context, Place};
use crate::tag::TagKind;
use crate::template::{Body, Template};

use super::finding::{Finding, Rule};

/// Returns the findings of all tags.
pub(super) fn check(template: &Template) -> Vec<Finding> {
    let visible = matches!(template.body, Body::Dialogue(_) | Body::Windows(_));
    context::places(template).into_iter().flat_map(|place| of_place(&place, visible)).collect()
}

fn of_place(place: &Place, visible: bool) -> Vec<Finding> {
    let secret = place.tag.is_secret();
    let mut rules = Vec::new();
    if place.tag.kind() == TagKind::Unknown {
        rules.push(Rule::UnknownTag);
    }
    match place.context {
        Context::Unsafe(reason) => rules.push(reason.into()),
        Context::ShellBare { .. }
        | Context::ShellSingle
        | Context::ShellDouble
        | Context::ShellJson
        | Context::Form
            if secret && visible =>
        {
            rules.push(Rule::SecretInArguments);
        }
        Context::WindowsBare { .. } | Context::WindowsQuoted if secret => rules.push(Rule::SecretInArguments),
        Context::Plain if secret => rules.push(Rule::RestrictedValue),
        Context::Pattern if secret => rules.push(Rule::SecretInOutput),
        _ => {}
    }
    rules.into_iter().map(|rule| Finding { at: place.at, rule }).collect()
}
