//! A PostgreSQL server of a test's own, which can be frozen, stopped and started.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use chaveiro::store::{AnyConnection, Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::small_disk::SmallDisk;
use crate::support::{Service, finish};

/// The programs of PostgreSQL, newest version first.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.map(|entry| entry.unwrap().path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
    versions.sort();
    versions.pop()
}

/// The port of every server, below those that the kernel hands out.
const PORT: u16 = 25432;

/// A server on a loopback address of its own and its data. Ended when dropped.
pub(crate) struct PostgresServer {
    bin: PathBuf,
    dir: TempDir,
    address: SocketAddr,
    child: Child,
    disk: Option<SmallDisk>,
}

impl PostgresServer {
    /// Starts a new server; says that the test is skipped without PostgreSQL.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            Service::PostgreSql.skip();
            return None;
        };
        Some(Self::create(bin, directory(), None))
    }

    /// As [`PostgresServer::start`], on a file system of so many megabytes; says that the test is skipped where none can be mounted.
    #[track_caller]
    pub(crate) fn start_on_a_small_disk(megabytes: u64) -> Option<Self> {
        let Some(bin) = programs() else {
            Service::PostgreSql.skip();
            return None;
        };
        let dir = directory();
        let disk = SmallDisk::mount(dir.path(), megabytes)?;
        Some(Self::create(bin, dir, Some(disk)))
    }

    fn create(bin: PathBuf, dir: TempDir, disk: Option<SmallDisk>) -> Self {
        let mut init = as_owner(dir.path(), &bin.join("initdb"));
        init.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        // Small segments: a full disk then shows in the write-ahead log soon.
        init.arg("--wal-segsize=1");
        let made = finish_in(init.arg("--pgdata").arg(dir.path().join("data")), dir.path());
        assert_eq!(made.code, 0, "{made:?}");
        let mut started = Self::launch(bin, dir);
        started.disk = disk;
        started.run("CREATE ROLE vault LOGIN; GRANT ALL ON SCHEMA public TO vault");
        started
    }

    /// Starts a standby of this server, which from then on acknowledges no write that the standby does not have.
    pub(crate) fn synchronous_standby(&self) -> Self {
        let standby = self.standby();
        let mut settings = OpenOptions::new().append(true).open(self.path("data/postgresql.conf")).unwrap();
        settings.write_all(b"synchronous_standby_names = 'standby'\n").unwrap();
        self.run("SELECT pg_reload_conf()");
        self.wait_until_it_can("SELECT 1 / COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'");
        standby
    }

    /// Starts a standby of this server that has what was written before, and gets nothing more. The server waits for no standby.
    pub(crate) fn standby_that_lags(&self) -> Self {
        let standby = self.standby();
        let mut settings = OpenOptions::new().append(true).open(standby.path("data/postgresql.auto.conf")).unwrap();
        settings.write_all(b"primary_conninfo = ''\n").unwrap();
        standby.signal("HUP");
        // A division by zero as long as one is sent something.
        self.wait_until_it_can("SELECT 1 / (COUNT(*) - 1) FROM pg_stat_replication");
        standby
    }

    fn standby(&self) -> Self {
        let dir = directory();
        let (host, port) = (self.address.ip(), self.address.port());
        let primary = format!("host={host} port={port} user=postgres application_name=standby");
        let mut copy = as_owner(dir.path(), &self.bin.join("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", &primary, "--pgdata"]);
        let copied = finish_in(copy.arg(dir.path().join("data")), dir.path());
        assert_eq!(copied.code, 0, "{copied:?}");
        let address = free_address();
        let child = spawn(&self.bin, dir.path(), address, &[]);
        let standby = Self { bin: self.bin.clone(), dir, address, child, disk: None };
        // It follows, until it is asked not to.
        self.wait_until_it_can("SELECT 1 / COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'");
        standby
    }

    fn wait_until_it_can(&self, query: &str) {
        let since = Instant::now();
        while self.try_run(query).is_err() {
            assert!(since.elapsed() < Duration::from_secs(60), "{query}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        let mut promote = as_owner(self.dir.path(), &self.bin.join("pg_ctl"));
        let promoted = finish_in(promote.arg("promote").arg("--pgdata").arg(self.path("data")), self.dir.path());
        assert_eq!(promoted.code, 0, "{promoted:?}");
        self.wait_until_ready();
    }

    fn launch(bin: PathBuf, dir: TempDir) -> Self {
        let address = free_address();
        let child = spawn(&bin, dir.path(), address, &[]);
        let started = Self { bin, dir, address, child, disk: None };
        started.wait_until_ready();
        started
    }

    fn wait_until_ready(&self) {
        let location = self.administration();
        let since = Instant::now();
        while Database::connect(&location, true).is_err() {
            assert!(is_running(self.child.id()), "PostgreSQL has ended");
            assert!(since.elapsed() < Duration::from_secs(60), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn administration(&self) -> DatabaseLocation {
        DatabaseLocation::parse(&format!("postgres://postgres@{}/postgres", self.address)).unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the role `vault`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://vault@{}/postgres", self.address)
    }

    /// The URL of both servers, in this order.
    pub(crate) fn url_with(&self, other: &Self) -> String {
        format!("postgres://vault@{},{}/postgres", self.address, other.address)
    }

    /// A path beside its data, which the server may write to.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs SQL as administrator, and returns its connection.
    pub(crate) fn run(&self, sql: &str) -> Database {
        self.try_run(sql).unwrap()
    }

    /// Runs SQL as administrator, which may fail.
    pub(crate) fn try_run(&self, sql: &str) -> Result<Database, String> {
        let connected = Database::connect(&self.administration(), true).map_err(|error| error.to_string())?;
        let mut database = connected.ok_or("no database")?;
        let connection: &mut AnyConnection = database.connection();
        // The vault's own sessions do not hold locks for long.
        let sql = format!("SET idle_in_transaction_session_timeout = 0; {sql}");
        connection.batch_execute(&sql).map_err(|error| error.to_string())?;
        Ok(database)
    }

    /// The processes of sessions, by a condition on `pg_stat_activity`.
    pub(crate) fn backends(&self, condition: &str) -> Vec<u32> {
        use diesel::RunQueryDsl;
        let mut database = self.run("SELECT 1");
        let sql = format!("pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND {condition}");
        let select = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(&sql));
        let ids: Vec<i32> = select.load(database.connection()).unwrap();
        ids.into_iter().map(|id| id.try_into().unwrap()).collect()
    }

    /// Sends a signal to sessions.
    pub(crate) fn signal_backends(&self, name: &str, ids: &[u32]) {
        kill(name, ids);
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

    /// Kills every process of the server at once, and returns when none runs any more.
    pub(crate) fn kill(&mut self) {
        let postmaster = self.child.id();
        // Stopped first, so that it starts no more of them.
        kill("STOP", &[postmaster]);
        let children = children(postmaster);
        kill("KILL", &[&[postmaster][..], &children].concat());
        self.child.wait().unwrap();
        let since = Instant::now();
        while children.iter().any(|id| is_running(*id)) {
            assert!(since.elapsed() < Duration::from_secs(30), "PostgreSQL outlives SIGKILL");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it in order (fast): sessions end at once, and everything is written.
    pub(crate) fn stop(&mut self) {
        assert_eq!(kill("INT", &[self.child.id()]), 0);
        self.child.wait().unwrap();
    }

    /// Starts it again on its data and address.
    pub(crate) fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Stops it and starts it with the library of `shim.c` in each of its processes, for the files of its data.
    pub(crate) fn restart_under(&mut self, library: &Path, variables: &[(&str, &str)]) {
        self.stop();
        let copy = self.path("shim.so");
        std::fs::copy(library, &copy).unwrap();
        let own = [("LD_PRELOAD", copy.to_str().unwrap()), ("SHIM_PART", "/data/")];
        self.restart_with(&[&own[..], variables].concat());
    }

    fn restart_with(&mut self, variables: &[(&str, &str)]) {
        self.child = spawn(&self.bin, self.dir.path(), self.address, variables);
        self.wait_until_ready();
    }

    /// Returns when it serves again after a fault; starts it if it has ended.
    pub(crate) fn recover(&mut self) {
        let since = Instant::now();
        while self.try_run("SELECT 1").is_err() {
            assert!(since.elapsed() < Duration::from_secs(60), "PostgreSQL does not recover");
            if self.child.try_wait().unwrap().is_some() {
                self.child = spawn(&self.bin, self.dir.path(), self.address, &[]);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
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
        drop(self.disk.take());
    }
}

/// A directory that the server may use; its path is short, for the socket.
fn directory() -> TempDir {
    tempfile::Builder::new().prefix("pgf").tempdir_in("/tmp").unwrap()
}

/// A loopback address that no other server has, now or after a restart: a port that was free a moment ago may be taken again.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    loop {
        let last = NEXT.fetch_add(1, Ordering::SeqCst).max(1);
        let address = SocketAddr::from((Ipv4Addr::new(127, 1 + high % 254, low, last), PORT));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Starts the server program.
fn spawn(bin: &Path, dir: &Path, address: SocketAddr, variables: &[(&str, &str)]) -> Child {
    // A killed server leaves it, and its number may be another process by now.
    let _ = std::fs::remove_file(dir.join("data/postmaster.pid"));
    let mut command = as_owner(dir, &bin.join("postgres"));
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    command.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).args(["-p", &port, "-h", &host]);
    command.args(["-c", "max_connections=40", "-c", "log_min_messages=panic"]).envs(variables.iter().copied());
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

/// Whether a process runs: it is there, and does not wait for its parent alone.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
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
