//! A database for one server: the SQLite file of its data directory, or a schema on the PostgreSQL that
//! `CHAVEIRO_BENCH_DATABASE_URL` names.

use std::process::Command;

use chaveiro::store::{AnyConnection, Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use uuid::Uuid;

use super::generator::Load;

/// A data directory with its database. Gone when dropped.
pub(crate) struct BenchDatabase {
    pub(crate) dir: TempDir,
    schema: Option<Schema>,
}

struct Schema {
    server: String,
    name: String,
}

impl BenchDatabase {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let schema = std::env::var("CHAVEIRO_BENCH_DATABASE_URL").ok().map(Schema::create);
        Self { dir, schema }
    }

    /// The URL to give to the server; `None` for the file in the data directory.
    pub(crate) fn url(&self) -> Option<String> {
        let Schema { server, name } = self.schema.as_ref()?;
        let joint = if server.contains('?') { '&' } else { '?' };
        Some(format!("{server}{joint}options=--search_path%3D{name}"))
    }
}

/// The transactions of one `INSERT` of a row that `pgbench` commits in a second on as many connections as the load has. `None` on
/// SQLite, and where the program is missing.
pub(crate) fn one_row_commits(load: &Load) -> Option<f64> {
    let database = BenchDatabase::new();
    let url = database.url()?;
    run(&url, "CREATE TABLE one_row (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value TEXT NOT NULL)");
    let script = database.dir.path().join("insert.sql");
    std::fs::write(&script, "INSERT INTO one_row (value) VALUES ('a value of some bytes');").expect("a file");
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
    pgbench.arg(format!("--client={}", load.connections)).arg(format!("--time={}", load.time.as_secs().max(1)));
    let output = pgbench.arg("--file").arg(script).arg(url).output().ok()?;
    assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    let text = String::from_utf8(output.stdout).expect("pgbench writes text");
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    Some(rate.expect("pgbench prints its rate"))
}

impl Schema {
    fn create(server: String) -> Self {
        let name = format!("bench_{}", Uuid::new_v4().simple());
        run(&server, &format!("CREATE SCHEMA {name}"));
        Self { server, name }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        run(&self.server, &format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

fn run(url: &str, sql: &str) {
    let location = DatabaseLocation::parse(url).expect("CHAVEIRO_BENCH_DATABASE_URL is a database URL");
    assert!(matches!(location, DatabaseLocation::Postgresql(_)), "CHAVEIRO_BENCH_DATABASE_URL names a PostgreSQL");
    let database = Database::connect(&location, false).expect("PostgreSQL answers");
    let mut database = database.expect("a PostgreSQL database exists");
    let connection: &mut AnyConnection = database.connection();
    connection.batch_execute(sql).expect("the statement is carried out");
}
