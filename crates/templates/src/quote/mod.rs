//! Quoting of a value by its context. What a place cannot carry is an error; no value is changed to fit.

mod ldap;
mod plain;
mod shell;
mod sql;
mod web;
mod windows;

use thiserror::Error;

use crate::context::{Context, Unsafe};
use crate::executor::Executor;

/// Why a place cannot carry a value. No variant holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unquotable {
    /// A line end, NUL, escape or another control character.
    #[error("the value must not contain control characters here")]
    ControlCharacter,
    /// A character that cannot be escaped in the place.
    #[error("the value must contain only {0} here")]
    Character(&'static str),
    /// The value would be read as an option.
    #[error("the value must not start with `-` or `/` here, because it would be read as an option")]
    Option,
    /// A value must be there.
    #[error("the value must not be empty here")]
    Empty,
    /// The value is longer than the place takes.
    #[error("the value must have at most {0} bytes here")]
    TooLong(usize),
    /// No value may stand in the place.
    #[error("no value may stand in this place ({0:?})")]
    Place(Unsafe),
}

/// Quotes a value for its context.
///
/// # Errors
/// When the place cannot carry the value.
pub fn quote(context: Context, executor: Executor, value: &str) -> Result<String, Unquotable> {
    if value.contains('\0')
        || (!matches!(context, Context::Field | Context::ShellJson) && value.contains(char::is_control))
    {
        return Err(Unquotable::ControlCharacter);
    }
    match context {
        Context::Answer | Context::Pattern | Context::Field | Context::Screen => Ok(value.to_owned()),
        Context::ShellBare { leading } => shell::bare(value, leading),
        Context::ShellSingle => Ok(shell::in_single(value)),
        Context::ShellDouble => Ok(shell::in_double(value)),
        Context::ShellJson => Ok(shell::in_single(&web::json(value))),
        Context::Form | Context::Url => Ok(web::percent_encoded(value)),
        Context::UrlHost => web::host(value),
        Context::WindowsBare { leading } => windows::bare(value, leading),
        Context::WindowsQuoted => windows::quoted(value),
        Context::PowerShellBare => Ok(windows::powershell_bare(value)),
        Context::PowerShellSingle => Ok(windows::powershell_single(value)),
        Context::PowerShellDouble => Ok(windows::powershell_double(value)),
        Context::Device => plain::device(value),
        Context::Plain => plain::plain(value),
        Context::SqlString { quote } => Ok(sql::string(value, quote)),
        Context::SqlIdentifier => sql::identifier(executor, value),
        Context::SqlQuotedIdentifier { close } => sql::quoted_identifier(executor, value, close),
        Context::SqlBarePassword => sql::bare_password(value),
        Context::LdapFilter => Ok(ldap::filter(value)),
        Context::LdapDn => Ok(ldap::dn(value)),
        Context::Unsafe(reason) => Err(Unquotable::Place(reason)),
    }
}
