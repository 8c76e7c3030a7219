//! The location of the database, parsed from a URL, and opening a connection to it.

use std::path::PathBuf;

use super::{AnyConnection, postgresql, sqlite};
use crate::store::StoreError;

/// The location of the database.
#[derive(Clone)]
pub enum DatabaseLocation {
    /// The path of a SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL; may contain a password.
    Postgresql(String),
}

impl std::fmt::Debug for DatabaseLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgresql(_) => f.write_str("Postgresql([secret])"),
        }
    }
}

impl DatabaseLocation {
    /// Parses a URL: `sqlite:PATH` or `postgres://…`. The scheme is required, so that a mistyped URL is an error and
    /// not the name of a file.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |why: &str| Err(StoreError::Location(why.into()));
        match url.split_once(':') {
            Some(("sqlite", path)) => match path.trim_start_matches("//") {
                "" | ":memory:" => refuse("the database URL names no file; write sqlite:/path/to/vault.sqlite"),
                // SQLite would read it as a URI with parameters of its own, and might keep the vault in memory.
                path if path.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) => {
                    refuse("the database URL names a file: URI; write sqlite:/path/to/vault.sqlite")
                }
                _ => Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            },
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                if !has_plain_userinfo(&rest[2..]) {
                    return refuse(
                        "the database URL has an @, a / or a ? too many; write those of a user or password as %40, %2F and %3F",
                    );
                }
                if !cfg!(feature = "postgres-tls") && requires_tls(url) {
                    return refuse(
                        "the database URL requires TLS, which this build lacks; build with --features postgres-tls",
                    );
                }
                Ok(Self::Postgresql(url.into()))
            }
            _ => refuse("the database URL has an unknown scheme; use sqlite:PATH or postgres://HOST/NAME"),
        }
    }

    /// Whether the engine allows one writer at a time.
    pub(in crate::store) fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Returns the number of writers for this engine.
    pub(in crate::store) fn writers(&self, wanted: usize) -> usize {
        if self.has_one_writer() { 1 } else { wanted.max(1) }
    }

    /// Whether the database exists. A PostgreSQL database is created by its administrator, so this is always true for
    /// it.
    pub(in crate::store) fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgresql(_) => true,
        }
    }

    /// Opens and configures a connection. A missing SQLite file is created, readable by its owner alone.
    pub(in crate::store) fn connect(&self) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Sqlite(path) => sqlite::open(path).map(AnyConnection::Sqlite),
            Self::Postgresql(url) => postgresql::open(url).map(AnyConnection::Postgresql),
        }
    }

    /// Opens a connection for a running store, where no caller reports the cause: a failure is logged.
    pub(in crate::store) fn reconnect(&self) -> Result<AnyConnection, StoreError> {
        if !self.exists() {
            // A new file would be an empty database.
            return Err(StoreError::FileReplaced);
        }
        self.connect().inspect_err(|error| log::error!("cannot connect: {error}"))
    }

    /// Whether a URL contains a password.
    pub fn has_password(url: &str) -> bool {
        contains_password(url)
    }

    /// Checks that a connection is a session of the database for as long as it is open. A pooler in transaction mode
    /// gives the settings and the prepared statements of one connection to another.
    ///
    /// # Errors
    /// [`StoreError::Location`].
    pub fn require_sessions(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgresql(url) => postgresql::require_sessions(url),
        }
    }
}

/// Whether a URL has a password: before the host, or as a parameter.
fn contains_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let userinfo = rest.split(['/', '?']).next().and_then(|authority| authority.rsplit_once('@'));
    let in_userinfo =
        userinfo.and_then(|(userinfo, _)| userinfo.split_once(':')).is_some_and(|(_, word)| !word.is_empty());
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    in_userinfo || query.split('&').any(|pair| pair.strip_prefix("password=").is_some_and(|word| !word.is_empty()))
}

/// Whether the first `@` ends user and password, and none follows it. libpq would take the rest of a password with an `@`, a `/`
/// or a `?` for a host or a port. It looks for the `@` up to the first slash, beyond a question mark.
fn has_plain_userinfo(rest: &str) -> bool {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (userinfo, host) = authority.split_once('@').unwrap_or(("", authority));
    let path = path.split('?').next().unwrap_or_default();
    !userinfo.contains('?') && !host.contains('@') && !path.contains('@')
}

/// Whether the URL requires TLS. `sslmode=prefer` and weaker modes do not.
fn requires_tls(url: &str) -> bool {
    ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| url.contains(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_found() {
        for url in [
            "postgres://u:p@h/d",
            "postgresql://u:p%40@h",
            "postgres://h/d?user=u&password=p",
            "postgres:///d?password=p",
        ] {
            assert!(DatabaseLocation::has_password(url), "{url}");
        }
        for url in [
            "sqlite:/a:b@c",
            "/a:b@c",
            "postgres://u@h:5432/d",
            "postgres://u:@h/d",
            "postgres://h/d?password=",
            "postgres://h:1/d",
        ] {
            assert!(!DatabaseLocation::has_password(url), "{url}");
        }
    }

    #[test]
    fn the_scheme_decides_the_engine() {
        assert!(
            matches!(DatabaseLocation::parse("sqlite:/a/b.sqlite"), Ok(DatabaseLocation::Sqlite(p)) if p == *"/a/b.sqlite")
        );
        assert!(matches!(DatabaseLocation::parse("sqlite:///a/b"), Ok(DatabaseLocation::Sqlite(p)) if p == *"/a/b"));
        assert!(matches!(DatabaseLocation::parse("sqlite:a"), Ok(DatabaseLocation::Sqlite(p)) if p == *"a"));
        for url in
            ["postgres://h/d", "postgresql://u:p@h/d?sslmode=prefer", "postgres:///d?user=a@b", "postgres://u:%40%2F@h"]
        {
            assert!(matches!(DatabaseLocation::parse(url), Ok(DatabaseLocation::Postgresql(_))), "{url}");
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_without_repeating_the_url() {
        for url in [
            "",
            "vault.db",
            "mysql://h/d",
            "postgres:nobody",
            "sqlite:",
            "sqlite::memory:",
            "postgres://u:pa@pw@h/d",
            "postgres://u:1/pw@h/d",
            "postgres://u:pa?b@pw@h/d",
            "postgres://u:pa?pw@h/d",
            "postgres://u:p@h/d@pw",
            "sqlite:file:v.db?mode=memory",
            "sqlite://FILE:/a",
            "postgre://u:pw@h/d",
        ] {
            let Err(StoreError::Location(text)) = DatabaseLocation::parse(url) else { panic!("{url} was taken") };
            assert!(!text.contains("pw"), "{text}");
        }
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn a_url_that_asks_for_tls_is_refused_in_a_build_without_it() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://h/d?sslmode={mode}");
            assert!(matches!(DatabaseLocation::parse(&url), Err(StoreError::Location(text)) if text.contains("TLS")));
        }
    }

    #[test]
    fn debug_does_not_show_a_url() {
        let location = DatabaseLocation::parse("postgres://u:hunter2@h/d").unwrap();
        assert_eq!(format!("{location:?}"), "Postgresql([secret])");
    }
}
