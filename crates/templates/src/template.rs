//! The typed steps of a template.

use std::time::Duration;

use crate::error::ParseError;
use crate::executor::Executor;
use crate::parse;
use crate::pattern::Pattern;
use crate::position::Position;
use crate::text::Text;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// What carries it out.
    pub executor: Executor,
    /// The steps, in order.
    pub body: Body,
    /// Oddities that the parser accepted, because the original does: each becomes a finding of the linter.
    pub(crate) oddities: Vec<(Position, Oddity)>,
    /// The language of the command lines, when a comment `# shell: NAME` declares it.
    pub(crate) declared_shell: Option<crate::context::Dialect>,
}

/// Something that is accepted and probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A string without its closing quote.
    UnclosedString,
    /// Characters after a string that are no comment.
    TextAfterString,
    /// An unescaped quote inside of a string.
    QuoteInString,
    /// `[#` that starts no tag.
    BrokenTag,
    /// Lines after `end`.
    AfterEnd,
}

/// The steps of a template, by language.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A dialogue with a terminal.
    Dialogue(Vec<DialogueStep>),
    /// LDAP operations.
    Ldap(Vec<LdapStep>),
    /// SQL statements.
    Sql(Vec<SqlStep>),
    /// Command lines of Windows.
    Windows(Vec<WindowsStep>),
    /// Command lines of `esxcli`.
    Esxi(Vec<Text>),
    /// Keys of a 3270 screen.
    Screen(Vec<ScreenStep>),
    /// Steps in a browser.
    Browser(Vec<BrowserStep>),
}

/// A step of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub struct DialogueStep {
    /// Where it starts.
    pub at: Position,
    /// What it does.
    pub command: DialogueCommand,
}

/// The commands of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub enum DialogueCommand {
    /// Sends a line, with the line end of the mode.
    Exec(Text),
    /// Sends characters as they are.
    Send(Text),
    /// Waits for output; fails at the read timeout.
    Expect(Pattern),
    /// Fails when the output holds the pattern.
    NoExpect(Pattern),
    /// Waits for the first of several patterns.
    Branches(Vec<Branch>),
    /// Time that output may take.
    SetReadTimeout(Duration),
    /// Time that a connection may take.
    SetConnectTimeout(Duration),
    /// The line end of `exec`.
    SetNewLineMode(NewLineMode),
    /// The prompt that `exec` waits for when no `expect` stands before it.
    SetPrompt(Pattern),
    /// The version of SSH; only 2 is spoken.
    SetSshVersion(u64),
    /// The transport, of a Tk Expect dialogue.
    Use(Executor),
    /// Pauses.
    Sleep(Duration),
    /// Ends the dialogue; success when the code is 0.
    Exit(u8),
}

/// A branch of `expect { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Where it starts.
    pub at: Position,
    /// What leads into it.
    pub on: BranchOn,
    /// What is sent, in order.
    pub sends: Vec<Text>,
    /// Whether the block waits again afterwards.
    pub continues: bool,
    /// How the dialogue ends there, if it does.
    pub exit: Option<u8>,
}

/// What leads into a branch.
#[derive(Clone, Debug, PartialEq)]
pub enum BranchOn {
    /// Output.
    Pattern(Pattern),
    /// The read timeout.
    Timeout,
    /// The end of the connection.
    Eof,
}

/// The line end of `exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewLineMode {
    /// A line feed.
    #[default]
    Unix,
    /// A carriage return.
    Mac,
    /// Both.
    Windows,
}

impl NewLineMode {
    /// Returns the characters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "\n",
            Self::Mac => "\r",
            Self::Windows => "\r\n",
        }
    }
}

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

impl Template {
    /// Parses a template for an executor.
    ///
    /// # Errors
    /// The position of the first line that is not of the executor's language, and what is expected there.
    pub fn parse(executor: Executor, source: &str) -> Result<Self, ParseError> {
        parse::template(executor, source)
    }

    /// Returns the texts that hold tags, in the order of the template.
    pub fn texts(&self) -> Vec<&Text> {
        match &self.body {
            Body::Dialogue(steps) => steps.iter().flat_map(|step| step.command.texts()).collect(),
            Body::Ldap(steps) => steps.iter().flat_map(|step| step.kind.texts()).collect(),
            Body::Sql(steps) => steps.iter().map(|step| &step.statement).collect(),
            Body::Windows(steps) => steps.iter().filter_map(|step| step.kind.text()).collect(),
            Body::Esxi(lines) => lines.iter().collect(),
            Body::Screen(steps) => steps.iter().filter_map(|step| step.key.text()).collect(),
            Body::Browser(steps) => steps.iter().flat_map(|step| &step.arguments).collect(),
        }
    }

    /// Whether a tag is anywhere in the template.
    pub fn has_tag(&self, name: &str) -> bool {
        self.texts().into_iter().flat_map(Text::tags).any(|(tag, _)| tag.name() == name)
    }
}

impl DialogueCommand {
    fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Exec(text) | Self::Send(text) => vec![text],
            Self::Expect(pattern) | Self::NoExpect(pattern) | Self::SetPrompt(pattern) => vec![&pattern.text],
            Self::Branches(branches) => branches.iter().flat_map(Branch::texts).collect(),
            _ => Vec::new(),
        }
    }
}

impl Branch {
    fn texts(&self) -> Vec<&Text> {
        let pattern = match &self.on {
            BranchOn::Pattern(pattern) => Some(&pattern.text),
            BranchOn::Timeout | BranchOn::Eof => None,
        };
        pattern.into_iter().chain(&self.sends).collect()
    }
}

impl LdapStepKind {
    fn texts(&self) -> Vec<&Text> {
        match self {
            Self::SetOption { .. } | Self::Connect => Vec::new(),
            Self::Bind { dn, password } => std::iter::once(dn).chain(password).collect(),
            Self::Find { base, filter } => vec![base, filter],
            Self::Modify { value, .. } => value.iter().collect(),
        }
    }
}

impl WindowsStepKind {
    fn text(&self) -> Option<&Text> {
        match self {
            Self::Command(text) | Self::PowerShell(text) => Some(text),
            _ => None,
        }
    }
}

impl ScreenKey {
    fn text(&self) -> Option<&Text> {
        match self {
            Self::Type(text) => Some(text),
            _ => None,
        }
    }
}
