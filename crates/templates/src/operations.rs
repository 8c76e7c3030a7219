//! Rendered templates of the languages that are no dialogue: typed operations, which another crate executes in order.

use std::time::Duration;

use chaveiro_secret::{SecretBytes, SecretText};

use crate::context;
use crate::executor::Executor;
use crate::render::{RenderError, render};
use crate::template::{Body, BrowserStep, LdapChange, LdapStepKind, ScreenKey, Template, WindowsStepKind};
use crate::text::Text;
use crate::values::Values;

/// The operations of a template.
#[derive(Clone, Debug)]
pub enum Operations {
    /// LDAP.
    Ldap(Vec<LdapOperation>),
    /// SQL, in one session.
    Sql(Vec<SqlStatement>),
    /// Windows.
    Windows(Vec<WindowsOperation>),
    /// Command lines of `esxcli`.
    Esxi(Vec<SecretText>),
    /// A 3270 screen.
    Screen(Vec<ScreenOperation>),
    /// A browser.
    Browser(Vec<BrowserOperation>),
}

/// An LDAP operation.
#[derive(Clone, Debug)]
pub enum LdapOperation {
    /// Sets an option of the connection.
    SetOption {
        /// Its name.
        name: String,
        /// Its value.
        value: i64,
    },
    /// Connects to the target.
    Connect,
    /// Binds; without a password, with that of the connection.
    Bind {
        /// The DN, or a name such as `user@domain`.
        dn: SecretText,
        /// The password.
        password: Option<SecretText>,
    },
    /// Finds the one entry that is changed. None or several are an error.
    Find {
        /// The base DN.
        base: SecretText,
        /// The filter.
        filter: SecretText,
    },
    /// Changes an attribute of the entry.
    Modify {
        /// What is done.
        change: LdapChange,
        /// The attribute.
        attribute: String,
        /// The value, in the encoding of the attribute.
        value: Option<SecretBytes>,
    },
}

/// A statement, complete and without a semicolon.
#[derive(Clone, Debug)]
pub struct SqlStatement {
    /// The text.
    pub text: SecretText,
    /// Whether the new password is in it.
    pub has_new_password: bool,
}

/// An operation on Windows.
#[derive(Clone, Debug)]
pub enum WindowsOperation {
    /// Runs a command line.
    Command(SecretText),
    /// Runs a script.
    PowerShell(SecretText),
    /// Changes the password by the protocol.
    ChangePassword,
    /// Logs in with the new password.
    ReloadPassword,
    /// Uses HTTP without TLS.
    Unsecure,
}

/// An operation on a 3270 screen.
#[derive(Clone, Debug)]
pub enum ScreenOperation {
    /// Waits for the keyboard.
    Wait(Duration),
    /// Reads the screen.
    Ascii,
    /// Types.
    Type(SecretText),
    /// Presses a key.
    Press(String),
}

/// An operation in a browser.
#[derive(Clone, Debug)]
pub struct BrowserOperation {
    /// The command.
    pub command: &'static str,
    /// Its arguments.
    pub arguments: Vec<SecretText>,
}

impl Operations {
    /// Renders a template; `None` for a dialogue, which is a [`Dialogue`](crate::Dialogue).
    ///
    /// # Errors
    /// The first value that its place cannot carry, or that is missing.
    pub fn render(template: &Template, values: &Values) -> Result<Option<Self>, RenderError> {
        let renderer = Renderer { template, values };
        Ok(Some(match &template.body {
            Body::Dialogue(_) => return Ok(None),
            Body::Ldap(steps) => {
                Self::Ldap(steps.iter().map(|step| renderer.ldap(&step.kind)).collect::<Result<_, _>>()?)
            }
            Body::Sql(steps) => {
                let statements = steps.iter().map(|step| renderer.statement(&step.statement));
                let session = session_statement(template.executor).map(Ok);
                Self::Sql(session.into_iter().chain(statements).collect::<Result<_, _>>()?)
            }
            Body::Windows(steps) => {
                Self::Windows(steps.iter().map(|step| renderer.windows(&step.kind)).collect::<Result<_, _>>()?)
            }
            Body::Esxi(lines) => Self::Esxi(lines.iter().map(|line| renderer.text(line)).collect::<Result<_, _>>()?),
            Body::Screen(steps) => {
                Self::Screen(steps.iter().map(|step| renderer.screen(&step.key)).collect::<Result<_, _>>()?)
            }
            Body::Browser(steps) => {
                Self::Browser(steps.iter().map(|step| renderer.browser(step)).collect::<Result<_, _>>()?)
            }
        }))
    }
}

/// Makes strings of the session free of backslash escapes, as they are quoted.
fn session_statement(executor: Executor) -> Option<SqlStatement> {
    let text = match executor {
        Executor::PostgreSql => "SET standard_conforming_strings = on",
        Executor::MySql => "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
        _ => return None,
    };
    Some(SqlStatement { text: SecretText::new(text.into()), has_new_password: false })
}

struct Renderer<'a> {
    template: &'a Template,
    values: &'a Values,
}

impl Renderer<'_> {
    fn text(&self, text: &Text) -> Result<SecretText, RenderError> {
        render(text, &context::of_operation(self.template, text), self.template.executor, self.values)
    }

    fn statement(&self, statement: &Text) -> Result<SqlStatement, RenderError> {
        Ok(SqlStatement { text: self.text(statement)?, has_new_password: statement.has_new_password() })
    }

    fn ldap(&self, step: &LdapStepKind) -> Result<LdapOperation, RenderError> {
        Ok(match step {
            LdapStepKind::SetOption { name, value } => LdapOperation::SetOption { name: name.clone(), value: *value },
            LdapStepKind::Connect => LdapOperation::Connect,
            LdapStepKind::Bind { dn, password } => {
                let password = password.as_ref().map(|password| self.text(password)).transpose()?;
                LdapOperation::Bind { dn: self.text(dn)?, password }
            }
            LdapStepKind::Find { base, filter } => {
                LdapOperation::Find { base: self.text(base)?, filter: self.text(filter)? }
            }
            LdapStepKind::Modify { change, attribute, value, utf16 } => {
                let value = value.as_ref().map(|value| self.text(value)).transpose()?;
                let encode = if *utf16 { quoted_utf16 } else { utf8 };
                LdapOperation::Modify {
                    change: *change,
                    attribute: attribute.clone(),
                    value: value.as_ref().map(encode),
                }
            }
        })
    }

    fn windows(&self, step: &WindowsStepKind) -> Result<WindowsOperation, RenderError> {
        Ok(match step {
            WindowsStepKind::Command(text) => WindowsOperation::Command(self.text(text)?),
            WindowsStepKind::PowerShell(text) => WindowsOperation::PowerShell(self.text(text)?),
            WindowsStepKind::ChangePassword => WindowsOperation::ChangePassword,
            WindowsStepKind::ReloadPassword => WindowsOperation::ReloadPassword,
            WindowsStepKind::Unsecure => WindowsOperation::Unsecure,
        })
    }

    fn browser(&self, step: &BrowserStep) -> Result<BrowserOperation, RenderError> {
        let arguments = step.arguments.iter().map(|argument| self.text(argument)).collect::<Result<_, _>>()?;
        Ok(BrowserOperation { command: step.command, arguments })
    }

    fn screen(&self, key: &ScreenKey) -> Result<ScreenOperation, RenderError> {
        Ok(match key {
            ScreenKey::Wait(time) => ScreenOperation::Wait(*time),
            ScreenKey::Ascii => ScreenOperation::Ascii,
            ScreenKey::Type(text) => ScreenOperation::Type(self.text(text)?),
            ScreenKey::Press(key) => ScreenOperation::Press(key.clone()),
        })
    }
}

/// `unicodePwd`: the password in quotes, in UTF-16LE (MS-ADTS 3.1.1.3.1.5).
fn quoted_utf16(value: &SecretText) -> SecretBytes {
    let quote = [u16::from(b'"')];
    let units = quote.into_iter().chain(value.expose().encode_utf16()).chain(quote);
    SecretBytes::new(units.flat_map(u16::to_le_bytes).collect())
}

fn utf8(value: &SecretText) -> SecretBytes {
    SecretBytes::new(value.expose().as_bytes().to_vec())
}
