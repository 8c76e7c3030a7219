//! A PostgreSQL server of a test's own, which can be frozen, stopped and started.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chaveiro::store::{AnyConnection, Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::{Service, finish};

/// The programs of PostgreSQL, newest version first.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.map(|entry| entry.unwrap().path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
    versions.sort();
    versions.pop()
}

/// A server on 127.0.0.1 and its data. Ended when dropped.
pub(crate) struct PostgresServer {
    bin: PathBuf,
    dir: TempDir,
    port: u16,
    child: Child,
}

impl PostgresServer {
    /// Starts a new server; says that the test is skipped without PostgreSQL.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            Service::PostgreSql.skip();
            return None;
        };
        let dir = directory();
        let mut init = as_owner(dir.path(), &bin.join("initdb"));
        init.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let made = finish_in(init.arg("--pgdata").arg(dir.path().join("data")), dir.path());
        assert_eq!(made.code, 0, "{made:?}");
        let started = Self::launch(bin, dir);
        started.run("CREATE ROLE vault LOGIN; GRANT ALL ON SCHEMA public TO vault");
        Some(started)
    }

    /// Starts a server on a copy of the data of this one, which is stopped for it and started again.
    pub(crate) fn copy(&mut self) -> Self {
        self.stop();
        let dir = directory();
        let mut copy = as_owner(dir.path(), Path::new("cp"));
        copy.arg("-a").arg(self.dir.path().join("data")).arg(dir.path());
        assert_eq!(finish_in(&mut copy, dir.path()).code, 0);
        self.restart();
        Self::launch(self.bin.clone(), dir)
    }

    fn launch(bin: PathBuf, dir: TempDir) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(&bin, dir.path(), port);
        let started = Self { bin, dir, port, child };
        started.wait_until_ready();
        started
    }

    fn wait_until_ready(&self) {
        let location = self.administration();
        let since = Instant::now();
        while Database::connect(&location, true).is_err() {
            assert!(since.elapsed() < Duration::from_secs(60), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn administration(&self) -> DatabaseLocation {
        DatabaseLocation::parse(&format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)).unwrap()
    }

    /// The URL of the role `vault`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://vault@127.0.0.1:{}/postgres", self.port)
    }

    /// The URL of both servers, in this order.
    pub(crate) fn url_with(&self, other: &Self) -> String {
        format!("postgres://vault@127.0.0.1:{},127.0.0.1:{}/postgres", self.port, other.port)
    }

    /// Runs SQL as administrator, and returns its connection.
    pub(crate) fn run(&self, sql: &str) -> Database {
        let mut database = Database::connect(&self.administration(), true).unwrap().unwrap();
        let connection: &mut AnyConnection = database.connection();
        // The vault's own sessions do not hold locks for long.
        connection.batch_execute(&format!("SET idle_in_transaction_session_timeout = 0; {sql}")).unwrap();
        database
    }

    /// Stops every process of the server where it stands.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        self.signal("STOP");
    }

    /// Lets every process go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Kills every process of the server at once.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
    }

    fn stop(&mut self) {
        assert_eq!(kill("INT", &[self.child.id()]), 0);
        self.child.wait().unwrap();
    }

    /// Starts it again on its data and port.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.bin, self.dir.path(), self.port);
        self.wait_until_ready();
    }

    /// Sends a signal to the postmaster and its children.
    fn signal(&self, name: &str) {
        let postmaster = self.child.id();
        kill(name, &[postmaster]);
        kill(name, &children(postmaster));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.kill();
        }
    }
}

/// A directory that the server may use; its path is short, for the socket.
fn directory() -> TempDir {
    tempfile::Builder::new().prefix("pgf").tempdir_in("/tmp").unwrap()
}

/// Starts the server program.
fn spawn(bin: &Path, dir: &Path, port: u16) -> Child {
    // A killed server leaves it, and its number may be another process by now.
    let _ = std::fs::remove_file(dir.join("data/postmaster.pid"));
    let mut command = as_owner(dir, &bin.join("postgres"));
    command.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
    command.args(["-c", "max_connections=40", "-c", "log_min_messages=panic"]);
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs a program that refuses root as another user.
fn as_owner(dir: &Path, program: &Path) -> Command {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new(program);
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find_map(|line| line.strip_prefix("postgres:"));
    let owner: u32 = line.and_then(|line| line.split(':').nth(1)?.parse().ok()).unwrap_or(65534);
    chown(dir, Some(owner), None).unwrap();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={owner}"), "--clear-groups".into()]).arg(program);
    command
}

fn finish_in(command: &mut Command, dir: &Path) -> crate::support::Finished {
    command.current_dir(dir);
    finish(std::mem::replace(command, Command::new("true")))
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let of_parent = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let after_name = stat.rsplit_once(") ")?.1.to_string();
        let found: u32 = after_name.split(' ').nth(1)?.parse().ok()?;
        (found == parent).then_some(id)
    };
    let ids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(of_parent).collect()
}

/// Sends a signal to processes; those that have ended do not matter.
fn kill(name: &str, ids: &[u32]) -> i32 {
    if ids.is_empty() {
        return 0;
    }
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(ids.iter().map(u32::to_string));
    finish(kill).code
}
