//! Executors: the program that carries a template out, and the language that its templates are written in.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What carries a template out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Executor {
    /// A dialogue over SSH.
    Ssh,
    /// A dialogue over Telnet.
    Telnet,
    /// A dialogue that names its transport itself (`use ssh`, `use telnet`).
    TkExpect,
    /// LDAP operations.
    Ldap,
    /// A statement for PostgreSQL.
    PostgreSql,
    /// A statement for `MySQL` or `MariaDB`.
    MySql,
    /// A statement for Oracle Database.
    Oracle,
    /// A statement for Microsoft SQL Server.
    SqlServer,
    /// Commands over Windows RPC.
    WindowsRpc,
    /// Commands over Windows Remote Management.
    WindowsRm,
    /// A password change over SMB.
    WindowsSmb,
    /// Commands of `VMware` `ESXi` (`esxcli`).
    VmwareEsxi,
    /// A dialogue with a screen of an IBM 3270 terminal.
    Ibm3270,
    /// A dialogue with a web page, in a browser.
    Http,
}

/// The language of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// `expect` and `exec` lines.
    Dialogue,
    /// `bind`, `find`, `mod-replace` lines.
    Ldap,
    /// SQL statements.
    Sql,
    /// Command lines, and `!` directives.
    Windows,
    /// Command lines of `esxcli`.
    Esxi,
    /// Keys and texts of a 3270 screen.
    Screen,
    /// Steps in a browser.
    Browser,
}

/// The name is not one of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("executor must be one of {}", Executor::NAMES)]
pub struct UnknownExecutor;

impl Executor {
    /// All executors.
    pub const ALL: [Self; 14] = [
        Self::Ssh,
        Self::Telnet,
        Self::TkExpect,
        Self::Ldap,
        Self::PostgreSql,
        Self::MySql,
        Self::Oracle,
        Self::SqlServer,
        Self::WindowsRpc,
        Self::WindowsRm,
        Self::WindowsSmb,
        Self::VmwareEsxi,
        Self::Ibm3270,
        Self::Http,
    ];
    const NAMES: &'static str = "SSH, Telnet, Tk Expect, LDAP, PostgreSQL, MySQL, Oracle, SQL Server, Windows RPC, \
                                 Windows RM, Windows SMB, VMWare ESXi, IBM 3270 Terminal, HTTP";

    /// Returns the name, as the vendor's product spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "SSH",
            Self::Telnet => "Telnet",
            Self::TkExpect => "Tk Expect",
            Self::Ldap => "LDAP",
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Oracle => "Oracle",
            Self::SqlServer => "SQL Server",
            Self::WindowsRpc => "Windows RPC",
            Self::WindowsRm => "Windows RM",
            Self::WindowsSmb => "Windows SMB",
            Self::VmwareEsxi => "VMWare ESXi",
            Self::Ibm3270 => "IBM 3270 Terminal",
            Self::Http => "HTTP",
        }
    }

    /// Returns the language of the executor's templates.
    pub fn language(self) -> Language {
        match self {
            Self::Ssh | Self::Telnet | Self::TkExpect => Language::Dialogue,
            Self::Ldap => Language::Ldap,
            Self::PostgreSql | Self::MySql | Self::Oracle | Self::SqlServer => Language::Sql,
            Self::WindowsRpc | Self::WindowsRm | Self::WindowsSmb => Language::Windows,
            Self::VmwareEsxi => Language::Esxi,
            Self::Ibm3270 => Language::Screen,
            Self::Http => Language::Browser,
        }
    }

    /// Whether the transport is encrypted by itself.
    pub fn is_encrypted(self) -> bool {
        !matches!(self, Self::Telnet | Self::Ibm3270)
    }
}

impl FromStr for Executor {
    type Err = UnknownExecutor;

    /// Takes the name in any case, with or without blanks, `-` and `_`: `sql-server` is `SQL Server`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wanted = folded(name);
        Self::ALL.into_iter().find(|executor| folded(executor.as_str()) == wanted).ok_or(UnknownExecutor)
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_in_any_spelling() {
        for executor in Executor::ALL {
            for name in [executor.to_string(), executor.to_string().to_uppercase(), executor.as_str().replace(' ', "-")]
            {
                assert_eq!(name.parse(), Ok(executor), "{name}");
            }
            assert!(Executor::NAMES.contains(executor.as_str()), "{executor}");
        }
        assert_eq!("gopher".parse::<Executor>(), Err(UnknownExecutor));
    }
}
