//! What a test needs that a machine may not have. Without it the test says "skipped", and fails where that may not be.

use std::io::Write;
use std::path::PathBuf;

/// A service or program outside of this repository.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    /// The server that `TEST_DATABASE_URL` names.
    PostgreSql,
    /// Debian's `slapd`.
    Ldap,
    /// A program by its name, found in `PATH`: openssl, ssh-keygen, puttygen, oathtool, pgbouncer.
    Program(&'static str),
    /// The published clients of other vaults in Python, in the directory that `CHAVEIRO_TEST_CLIENTS` names; see
    /// `.ci/lib/clients.sh`.
    Clients,
    /// Those in JavaScript.
    NodeClients,
    /// The right to read the memory of another process: root, or `CAP_SYS_PTRACE`.
    Ptrace,
}

impl Service {
    /// Its name in `CHAVEIRO_REQUIRE_SERVICES`, a list with commas.
    fn as_str(self) -> &'static str {
        match self {
            Service::PostgreSql => "postgresql",
            Service::Ldap => "ldap",
            Service::Program(name) => name,
            Service::Clients => "clients",
            Service::NodeClients => "node-clients",
            Service::Ptrace => "ptrace",
        }
    }

    fn title(self) -> String {
        match self {
            Service::PostgreSql => "PostgreSQL".into(),
            Service::Ldap => "slapd".into(),
            Service::Program(name) => format!("the program {name}"),
            Service::Clients => "the clients in Python of .ci/lib/clients.sh".into(),
            Service::NodeClients => "the clients in JavaScript of .ci/lib/clients.sh".into(),
            Service::Ptrace => "the right to read the memory of the server (CAP_SYS_PTRACE)".into(),
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

    /// Finds a program. Says that the running test is skipped if it is missing; the caller returns then.
    ///
    /// # Panics
    ///
    /// Where the program is required.
    #[track_caller]
    pub(crate) fn find_program(name: &'static str) -> Option<PathBuf> {
        let mut directories: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
        // Debian keeps servers where the path of a user does not look.
        directories.extend(["/usr/sbin".into(), "/sbin".into()]);
        let found = directories.into_iter().map(|directory| directory.join(name)).find(|path| path.is_file());
        if found.is_none() {
            Service::Program(name).skip();
        }
        found
    }

    /// Finds the virtual environment of the published clients in Python. Says that the running test is skipped without one.
    ///
    /// # Panics
    ///
    /// Where they are required.
    #[track_caller]
    pub(crate) fn find_clients() -> Option<PathBuf> {
        Service::Clients.find_in_clients("python")
    }

    /// Finds the directory of the published clients in JavaScript, as [`Service::find_clients`].
    #[track_caller]
    pub(crate) fn find_node_clients() -> Option<PathBuf> {
        Service::NodeClients.find_in_clients("node")
    }

    #[track_caller]
    fn find_in_clients(self, name: &str) -> Option<PathBuf> {
        let clients = std::env::var_os("CHAVEIRO_TEST_CLIENTS").map(PathBuf::from);
        let directory = clients.map(|clients| clients.join(name)).filter(|path| path.is_dir());
        if directory.is_none() {
            self.skip();
        }
        directory
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
    assert!(!required(Service::Program("openssl"), &named) && !required(Service::Ldap, &[]));
    let promised = [("CI", "true"), ("TEST_DATABASE_URL", "postgres:///")];
    assert!(required(Service::PostgreSql, &promised) && !required(Service::Ldap, &promised));
    assert!(!required(Service::PostgreSql, &promised[..1]) && !required(Service::PostgreSql, &promised[1..]));
}
