//! The template of an account, and the values of its tags.

use std::collections::BTreeMap;

use chaveiro_rotation::{Change, LoginSecret, Operator, TargetError};
use chaveiro_secret::SecretText;
use chaveiro_templates::{Dialogue, Executor, Operations, RenderError, RenderErrorKind, Tag, Template, Values};

use crate::failure;
use crate::options::{option, password};

const EXECUTOR: &str = "executor";
const TEMPLATE: &str = "template";
const IP: &str = "ip";
const HOSTNAME: &str = "hostname";
const ADDITIONAL: &str = "additional-information";

/// What a template needs of an account, beside its name and domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// The executor.
    pub executor: Executor,
    /// The text of the template.
    pub source: &'a str,
    /// The device's address; may be empty.
    pub ip: &'a str,
    /// The device's name; may be empty.
    pub hostname: &'a str,
    /// The account's additional information; may be empty.
    pub additional_information: &'a str,
}

impl Script<'_> {
    /// Writes them into the options of an account, in place of those that are there.
    pub fn set(&self, options: &mut BTreeMap<String, String>) {
        for (name, value) in [
            (EXECUTOR, self.executor.as_str()),
            (TEMPLATE, self.source),
            (IP, self.ip),
            (HOSTNAME, self.hostname),
            (ADDITIONAL, self.additional_information),
        ] {
            options.insert(name.into(), value.into());
        }
    }
}

/// A template with the values of one change.
pub(crate) struct ReadyScript {
    template: Template,
    values: Values,
}

impl ReadyScript {
    /// Reads the template from the options of the account.
    pub(crate) fn from_change(change: &Change) -> Result<Self, TargetError> {
        let account = &change.account;
        let source = option(account, TEMPLATE).ok_or(failure::misconfigured("the account has no template"))?;
        let executor = option(account, EXECUTOR).and_then(|name| name.parse().ok());
        let executor: Executor = executor.ok_or(failure::misconfigured("the executor of the template is not known"))?;
        let template = Template::parse(executor, source)
            .map_err(|_| failure::misconfigured("the template cannot be parsed; chaveiro template lint"))?;
        if !template.has_tag("NEW_PASSWORD") {
            return Err(failure::misconfigured("the template changes no password: it does not send the new one"));
        }
        // Without the name of the account it would change the password of the one who logs in.
        if matches!(change.operator, Operator::Other(_)) && !template.has_tag("USERNAME") {
            return Err(failure::misconfigured(
                "the template does not name the account, so the account itself has to run it",
            ));
        }
        Ok(Self { template, values: values(change)? })
    }
}

/// Renders the template of a change, and sends nothing.
///
/// # Errors
/// What a change would fail with before it connects.
pub fn check_template(change: &Change) -> Result<(), TargetError> {
    let ready = ReadyScript::from_change(change)?;
    let dialogue = Dialogue::render(&ready.template, &ready.values).map(drop);
    let operations = Operations::render(&ready.template, &ready.values).map(drop);
    dialogue.and(operations).map_err(|error| unrendered(&error))
}

/// Returns the dialogue of a change, rendered.
#[cfg(feature = "ssh")]
pub(crate) fn dialogue(change: &Change) -> Result<Dialogue, TargetError> {
    let ready = ReadyScript::from_change(change)?;
    let rendered = Dialogue::render(&ready.template, &ready.values).map_err(|error| unrendered(&error))?;
    rendered.ok_or(failure::misconfigured("the template is no dialogue"))
}

/// Returns the operations of a change, rendered.
pub(crate) fn operations(change: &Change) -> Result<Operations, TargetError> {
    let ready = ReadyScript::from_change(change)?;
    let rendered = Operations::render(&ready.template, &ready.values).map_err(|error| unrendered(&error))?;
    rendered.ok_or(failure::misconfigured("the template is a dialogue"))
}

/// Returns what it means that a value does not fit its place. Nothing has been sent; a new password of another shape may fit.
fn unrendered(error: &RenderError) -> TargetError {
    match &error.kind {
        RenderErrorKind::Unquotable { tag, .. } if *tag == Tag::new_password() => {
            failure::rejected("a place of the template cannot carry the new password")
        }
        RenderErrorKind::Unquotable { .. } => failure::misconfigured("a place of the template cannot carry its value"),
        RenderErrorKind::NoValue(_) => failure::misconfigured("a tag of the template has no value"),
        RenderErrorKind::LineTooLong | RenderErrorKind::Pattern => {
            failure::misconfigured("a line of the template is too long with its values")
        }
    }
}

/// Returns the values of the tags. A tag without a value is missing: an empty one would change what a line means.
fn values(change: &Change) -> Result<Values, TargetError> {
    let Change { account, operator, current, candidate } = change;
    let mut values = Values::new();
    let mut set = |name: &str, value: &str| {
        if let (Some(tag), false) = (Tag::new(name), value.is_empty()) {
            values = std::mem::take(&mut values).with(&tag, SecretText::new(value.into()));
        }
    };
    set("NEW_PASSWORD", password(candidate)?.expose());
    set("USERNAME", &account.username);
    set("IP", option(account, IP).unwrap_or_default());
    set("HOSTNAME", option(account, HOSTNAME).unwrap_or_default());
    set("PORT", &account.port.map(|port| port.to_string()).unwrap_or_default());
    set("DOMAIN", option(account, "domain").unwrap_or_default());
    set("ADD_INFO", option(account, ADDITIONAL).unwrap_or_default());
    let current = current.as_ref().map_or("", text);
    set("CURRENT_PASSWORD", current);
    let (name, secret) = match operator {
        Operator::Itself => (account.username.as_str(), current),
        Operator::Other(login) => (login.username.as_str(), text(&login.secret)),
    };
    set("AUTH_USER", name);
    set("AUTH_PASSWORD", secret);
    Ok(values)
}

/// Returns a password; nothing for a key, which a template cannot send.
fn text(secret: &LoginSecret) -> &str {
    match secret {
        LoginSecret::Password(password) => password.expose(),
        LoginSecret::PrivateKey { .. } => "",
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_rotation::{Account, Failure, Login};

    use super::*;

    fn change(executor: Executor, source: &str, candidate: &str) -> Change {
        let secret = |text: &str| LoginSecret::Password(SecretText::new(text.into()));
        let mut account = Account {
            host: "h".into(),
            port: None,
            username: "jo".into(),
            options: BTreeMap::new(),
            identity: None,
            timeout: None,
        };
        let script = Script { executor, source, ip: "10.0.0.1", hostname: "erp", additional_information: "" };
        script.set(&mut account.options);
        let operator = Operator::Other(Login { username: "boss".into(), secret: secret("b0ss") });
        Change { account, operator, current: None, candidate: secret(candidate) }
    }

    fn failure_of(source: &str, candidate: &str) -> Option<Failure> {
        operations(&change(Executor::PostgreSql, source, candidate)).err().map(|error| error.failure)
    }

    #[test]
    fn tags_have_the_values_of_the_change() {
        let source = "SELECT '[#USERNAME#][#AUTH_USER#][#COE_SENHA#][#IP#][#HOSTNAME#][#NEW_PASSWORD#]'";
        let Ok(Operations::Sql(statements)) = operations(&change(Executor::PostgreSql, source, "n3w")) else {
            panic!("no statements")
        };
        assert_eq!(statements[1].text.expose(), "SELECT 'jobossb0ss10.0.0.1erpn3w'");
    }

    #[test]
    fn what_does_not_fit_is_told_before_anything_is_sent() {
        let password = "SELECT '[#USERNAME#][#NEW_PASSWORD#]'";
        assert_eq!(failure_of(password, "n3w"), None);
        assert_eq!(failure_of(password, "a\nb"), Some(Failure::Rejected));
        assert_eq!(failure_of("SELECT '[#NEW_PASSWORD#]'", "n3w"), Some(Failure::Misconfigured), "names no account");
        assert_eq!(failure_of("SELECT '[#USERNAME#][#ADD_INFO#]'", "n3w"), Some(Failure::Misconfigured));
        assert_eq!(failure_of("SELECT '[#USERNAME#][#CURRENT_PASSWORD#]'", "n3w"), Some(Failure::Misconfigured));
        assert_eq!(failure_of("", "n3w"), Some(Failure::Misconfigured));
        assert_eq!(
            failure_of("ALTER USER [#USERNAME#] ACCOUNT LOCK", "n3w"),
            Some(Failure::Misconfigured),
            "no change"
        );
        let dialogue = operations(&change(Executor::Ssh, "exec \"id\"", "n3w")).unwrap_err();
        assert_eq!(dialogue.failure, Failure::Misconfigured);
    }
}
