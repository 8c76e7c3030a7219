//! PostgreSQL servers and poolers that cannot hold a vault are refused at the start.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Program, Service, TestDatabase, patient};

/// A database on the server of the tests; dropped with the value.
struct OwnDatabase<'a> {
    name: String,
    administrator: &'a TestDatabase,
}

impl<'a> OwnDatabase<'a> {
    fn create(administrator: &'a TestDatabase, options: &str) -> Self {
        let name = format!("own_{}", uuid::Uuid::new_v4().simple());
        administrator.run(&format!("CREATE DATABASE {name} {options}"));
        Self { name, administrator }
    }

    /// The URL of the server, and its parameters.
    fn server() -> url::Url {
        std::env::var("TEST_DATABASE_URL").unwrap().parse().unwrap()
    }

    fn url(&self) -> String {
        let mut url = Self::server();
        url.set_path(&self.name);
        patient(url.as_str())
    }
}

impl Drop for OwnDatabase<'_> {
    fn drop(&mut self) {
        self.administrator.remove(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[test]
fn a_database_that_cannot_store_every_text_is_refused() {
    let mut program = Program::new();
    if !program.database.is_postgresql_or_skip() {
        return;
    }
    let administrator = TestDatabase::new();
    for encoding in ["LATIN1", "SQL_ASCII", "WIN1252"] {
        let options = format!("ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
        let database = OwnDatabase::create(&administrator, &options);
        program.url = database.url();
        for arguments in [["database", "migrate"], ["database", "check"]] {
            let finished = program.run(&arguments);
            assert_eq!(finished.code, 4, "{finished:?}");
            let expected = format!("the encoding of the PostgreSQL database is {encoding}");
            assert!(finished.stderr.contains(&expected), "{finished:?}");
        }
    }
}

/// `PgBouncer` before the server of the tests, on a socket in a directory of its own.
struct PgBouncer {
    child: Child,
    dir: tempfile::TempDir,
}

impl PgBouncer {
    fn start(program: &Path, mode: &str, more: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("pgb").tempdir_in("/tmp").unwrap();
        let server = OwnDatabase::server();
        let parameter = |name: &str| server.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let host = parameter("host").map_or_else(|| server.host_str().unwrap().into(), String::from);
        let user = parameter("user").map_or_else(|| server.username().into(), String::from);
        let path = dir.path().display();
        let port = server.port().unwrap_or(5432);
        let password = server.password().map(|password| format!(" password={password}")).unwrap_or_default();
        let configuration = format!(
            "[databases]\n* = host={host} port={port} user={user}{password}\n[pgbouncer]\npool_mode = {mode}\n\
             auth_type = any\nlisten_addr =\nunix_socket_dir = {path}\nlisten_port = 6432\n{more}\n"
        );
        let file = dir.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).unwrap();
        let child = as_owner(Path::new(&host), dir.path(), program)
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = Self { child, dir };
        let since = Instant::now();
        // The file is there before anybody listens.
        while UnixStream::connect(started.dir.path().join(".s.PGSQL.6432")).is_err() {
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none(), "PgBouncer has ended: {ended:?}");
            assert!(since.elapsed() < Duration::from_secs(60), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        started
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&port=6432&user=anybody&connect_timeout=60", self.dir.path().display())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Both fail for one that has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program that refuses root, as the owner of the server's socket.
fn as_owner(socket: &Path, dir: &Path, program: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        return Command::new(program);
    }
    let owner = std::fs::metadata(socket).map_or(65534, |metadata| metadata.uid());
    std::os::unix::fs::chown(dir, Some(owner), None).unwrap();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={owner}"), "--clear-groups".into()]).arg(program);
    command
}

#[actix_web::test]
async fn a_pooler_that_shares_sessions_is_refused_and_one_in_session_mode_works() {
    let mut program = Program::new();
    if !program.database.is_postgresql_or_skip() {
        return;
    }
    let Some(pgbouncer) = Service::find_program("pgbouncer") else { return };
    let administrator = TestDatabase::new();
    let database = OwnDatabase::create(&administrator, "");
    for (mode, more) in
        [("transaction", ""), ("statement", ""), ("transaction", "server_round_robin = 1\nmin_pool_size = 3")]
    {
        let pooler = PgBouncer::start(&pgbouncer, mode, more);
        program.url = pooler.url(&database.name);
        for arguments in [["database", "migrate"], ["database", "check"]] {
            let finished = program.run(&arguments);
            assert_eq!(finished.code, 4, "{mode}: {finished:?}");
            assert!(finished.stderr.contains("use session mode"), "{mode}: {finished:?}");
        }
    }
    let pooler = PgBouncer::start(&pgbouncer, "session", "");
    program.url = pooler.url(&database.name);
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    client.get("/health/ready").await.expect(200);
    server.stop();
}
