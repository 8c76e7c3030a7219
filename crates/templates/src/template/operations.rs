//! The steps of the languages that are no dialogue.

use std::time::Duration;

use crate::position::Position;
use crate::text::Text;

/// A step of an LDAP template.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapStep {
    /// Where it starts.
    pub at: Position,
    /// What it does.
    pub kind: LdapStepKind,
}

/// The commands of an LDAP template.
#[derive(Clone, Debug, PartialEq)]
pub enum LdapStepKind {
    /// Sets an option of the connection (`LDAP_OPT_PROTOCOL_VERSION 3`).
    SetOption {
        /// The option's name.
        name: String,
        /// Its value.
        value: i64,
    },
    /// Connects to the host of the target.
    Connect,
    /// Binds with a DN and the password of the connection, or one given here.
    Bind {
        /// The DN.
        dn: Text,
        /// The password, when the template names it.
        password: Option<Text>,
    },
    /// Finds the entry that the changes apply to.
    Find {
        /// The base DN.
        base: Text,
        /// The filter.
        filter: Text,
    },
    /// Changes an attribute of the entry.
    Modify {
        /// What is done with the value.
        change: LdapChange,
        /// The attribute.
        attribute: String,
        /// The value; `None` deletes the attribute.
        value: Option<Text>,
        /// Whether the value is sent in quotes and as UTF-16LE (`"u(…)"`), as `unicodePwd` takes it.
        utf16: bool,
    },
}

/// How an attribute is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapChange {
    /// `mod-add`
    Add,
    /// `mod-del`
    Delete,
    /// `mod-replace`
    Replace,
}

/// A statement of an SQL template.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlStep {
    /// Where it starts.
    pub at: Position,
    /// The statement, without its semicolon.
    pub statement: Text,
}

/// A step of a Windows template.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowsStep {
    /// Where it starts.
    pub at: Position,
    /// What it does.
    pub kind: WindowsStepKind,
}

/// The commands of a Windows template.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowsStepKind {
    /// Runs a command line of `cmd`.
    Command(Text),
    /// Runs a PowerShell script (`powershell …`, with `[nl]` between its lines).
    PowerShell(Text),
    /// Changes the account's password by the protocol itself (`!change-password`, `!netsmb-password`, `smbpasswd`).
    ChangePassword,
    /// Connects with the new password from here on (`!reload-password`).
    ReloadPassword,
    /// Uses HTTP without TLS (`!unsecure`).
    Unsecure,
}

/// A step of a 3270 template.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenStep {
    /// Where it starts.
    pub at: Position,
    /// What it does.
    pub key: ScreenKey,
}

/// The keys of a 3270 template.
#[derive(Clone, Debug, PartialEq)]
pub enum ScreenKey {
    /// Waits for the host to unlock the keyboard, at most this long.
    Wait(Duration),
    /// Reads the screen.
    Ascii,
    /// Types a text.
    Type(Text),
    /// Presses a key: `enter`, `tab`, `pf(3)`.
    Press(String),
}

/// A step in a browser.
#[derive(Clone, Debug, PartialEq)]
pub struct BrowserStep {
    /// Where it starts.
    pub at: Position,
    /// The command, such as `fill`.
    pub command: &'static str,
    /// Its arguments: the last one holds the rest of the line.
    pub arguments: Vec<Text>,
}

impl LdapStepKind {
    pub(super) fn texts(&self) -> Vec<&Text> {
        match self {
            Self::SetOption { .. } | Self::Connect => Vec::new(),
            Self::Bind { dn, password } => std::iter::once(dn).chain(password).collect(),
            Self::Find { base, filter } => vec![base, filter],
            Self::Modify { value, .. } => value.iter().collect(),
        }
    }
}

impl WindowsStepKind {
    pub(super) fn text(&self) -> Option<&Text> {
        match self {
            Self::Command(text) | Self::PowerShell(text) => Some(text),
            _ => None,
        }
    }
}

impl ScreenKey {
    pub(super) fn text(&self) -> Option<&Text> {
        match self {
            Self::Type(text) => Some(text),
            _ => None,
        }
    }
}
