//! What a test needs that a machine may not have. Without it the test says "skipped", and fails where that may not be.

use std::io::Write;

/// A service or program outside of this repository.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    /// The server that `TEST_DATABASE_URL` names.
    PostgreSql,
    /// Debian's `slapd`.
    Ldap,
    /// The program `openssl`.
    OpenSsl,
}

impl Service {
    /// Its name in `CHAVEIRO_REQUIRE_SERVICES`, a list with commas.
    fn as_str(self) -> &'static str {
        match self {
            Service::PostgreSql => "postgresql",
            Service::Ldap => "ldap",
            Service::OpenSsl => "openssl",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Service::PostgreSql => "PostgreSQL",
            Service::Ldap => "slapd",
            Service::OpenSsl => "the program openssl",
        }
    }

    /// Whether a test that skips it has failed: `CHAVEIRO_REQUIRE_SERVICES` names it, or it is the PostgreSQL that CI
    /// has started for this run.
    fn is_required(self, variable: impl Fn(&str) -> Option<String>) -> bool {
        let required = variable("CHAVEIRO_REQUIRE_SERVICES").unwrap_or_default();
        let promised = matches!(self, Service::PostgreSql)
            && variable("CI").as_deref() == Some("true")
            && variable("TEST_DATABASE_URL").is_some();
        promised || required.split(',').any(|name| name.trim() == self.as_str())
    }

    /// Says that the running test is skipped. The caller returns after it.
    ///
    /// # Panics
    ///
    /// Where the service is required.
    #[track_caller]
    pub(crate) fn skip(self) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        let required = self.is_required(|name| std::env::var(name).ok());
        assert!(!required, "{test} needs {}, which is required here and missing", self.title());
        // Not by a macro: what those print is shown for failed tests alone.
        let said = writeln!(std::io::stderr(), "skipped: {test} needs {}", self.title());
        said.unwrap();
    }
}

#[test]
fn a_service_is_required_where_it_is_named_or_promised() {
    let required = |service: Service, variables: &[(&str, &str)]| {
        service.is_required(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.to_string())
        })
    };
    let named = [("CHAVEIRO_REQUIRE_SERVICES", "postgresql, ldap")];
    assert!(required(Service::PostgreSql, &named) && required(Service::Ldap, &named));
    assert!(!required(Service::OpenSsl, &named) && !required(Service::Ldap, &[]));
    let promised = [("CI", "true"), ("TEST_DATABASE_URL", "postgres:///")];
    assert!(required(Service::PostgreSql, &promised) && !required(Service::Ldap, &promised));
    assert!(!required(Service::PostgreSql, &promised[..1]) && !required(Service::PostgreSql, &promised[1..]));
}
