//! The contexts of all languages but the dialogue.

use crate::template::{Body, BrowserStep, LdapStepKind, ScreenKey, Template, WindowsStepKind};
use crate::text::Text;

use super::{Context, Contexts, Token, Unsafe, every, powershell, sql, tokens, windows};

/// Returns each text of a template with the contexts of its tags.
pub(super) fn texts(template: &Template) -> Vec<(&Text, Contexts)> {
    match &template.body {
        Body::Dialogue(_) => Vec::new(),
        Body::Ldap(steps) => steps.iter().flat_map(|step| ldap(&step.kind)).collect(),
        Body::Sql(steps) => {
            steps.iter().map(|step| (&step.statement, sql::contexts(template.executor, &step.statement))).collect()
        }
        Body::Windows(steps) => steps.iter().filter_map(|step| windows_step(&step.kind)).collect(),
        Body::Esxi(lines) => lines.iter().map(|line| (line, super::posix::contexts(line))).collect(),
        Body::Screen(steps) => steps.iter().filter_map(|step| screen(&step.key)).collect(),
        Body::Browser(steps) => steps.iter().flat_map(browser).collect(),
    }
}

fn ldap(step: &LdapStepKind) -> Vec<(&Text, Contexts)> {
    match step {
        LdapStepKind::SetOption { .. } | LdapStepKind::Connect => Vec::new(),
        LdapStepKind::Bind { dn, password } => {
            // A bind may take a name that is no DN (`user@domain`): a whole name is a field.
            let context = if dn.as_single_tag().is_some() { Context::Field } else { Context::LdapDn };
            let password = password.iter().map(|password| (password, every(password, Context::Field)));
            std::iter::once((dn, every(dn, context))).chain(password).collect()
        }
        LdapStepKind::Find { base, filter } => {
            let context = if base.as_single_tag().is_some() { Context::Field } else { Context::LdapDn };
            vec![(base, every(base, context)), (filter, every(filter, Context::LdapFilter))]
        }
        LdapStepKind::Modify { value, .. } => value.iter().map(|value| (value, every(value, Context::Field))).collect(),
    }
}

fn windows_step(step: &WindowsStepKind) -> Option<(&Text, Contexts)> {
    match step {
        WindowsStepKind::Command(text) => Some((text, windows::contexts(text))),
        WindowsStepKind::PowerShell(text) => Some((text, powershell::contexts(text))),
        _ => None,
    }
}

fn screen(key: &ScreenKey) -> Option<(&Text, Contexts)> {
    match key {
        // A whole answer is typed into a field; a part of a command must not end it.
        ScreenKey::Type(text) if text.as_single_tag().is_some() => Some((text, every(text, Context::Screen))),
        ScreenKey::Type(text) => Some((text, every(text, Context::Plain))),
        _ => None,
    }
}

fn browser(step: &BrowserStep) -> Vec<(&Text, Contexts)> {
    let contexts = step.arguments.iter().enumerate().map(|(index, argument)| {
        if matches!(step.command, "start-at" | "get" | "set-location" | "test-location") {
            return (argument, url(argument));
        }
        let context = match step.command {
            "fill" | "really-fill" | "fill-form" if index == 1 => Context::Field,
            "expect" => Context::Pattern,
            "log" => Context::Unsafe(Unsafe::Log),
            "jscript" => Context::Unsafe(Unsafe::Script),
            _ => Context::Unsafe(Unsafe::Selector),
        };
        (argument, every(argument, context))
    });
    contexts.collect()
}

/// A tag between `://` and the next `/` is the host; elsewhere it is a part.
fn url(text: &Text) -> Contexts {
    let mut before = String::new();
    let mut contexts = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Character(character) => before.push(character),
            Token::Tag => {
                let host = before.split_once("://").is_some_and(|(_, after)| !after.contains(['/', '?', '#', '@']));
                contexts.push(if host { Context::UrlHost } else { Context::Url });
                before.push('x');
            }
        }
    }
    contexts
}
