//! Health: live, ready, and what the service says without its database.

use std::time::{Duration, Instant};

use chaveiro::store::{Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Program, Serving, TestApp, TestClient, TestDatabase, device};

#[actix_web::test]
async fn a_vault_that_works_is_live_and_ready() {
    let app = TestApp::start().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(app.anonymous().get(path).await.expect(200), json!({ "status": "ok" }), "{path}");
    }
}

#[actix_web::test]
async fn a_vault_that_lost_its_tables_is_live_and_not_ready() {
    let app = TestApp::start().await;
    let (list, prefix, suffix) = if app.database.is_postgresql() {
        ("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()", "", " CASCADE")
    } else {
        (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            "PRAGMA foreign_keys = OFF; ",
            "",
        )
    };
    let tables = app.database.texts(list);
    assert!(tables.len() > 10);
    let drops = tables.iter().map(|table| format!("DROP TABLE \"{table}\"{suffix};"));
    app.database.run(&format!("{prefix}{}", drops.collect::<String>()));
    assert_eq!(app.anonymous().get("/health/live").await.expect(200), json!({ "status": "ok" }));
    assert_eq!(app.anonymous().get("/health/ready").await.expect(503), json!({ "status": "unavailable" }));
}

#[actix_web::test]
async fn a_vault_without_space_for_records_is_not_ready_though_a_row_can_be_rewritten() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("srv", "10.0.0.1").await;
    assert_eq!(client.get("/health/ready").await.status, 200);
    // What the engines say when a table needs a page and the disk is full.
    app.database.run(if app.database.is_postgresql() {
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON audit_record EXECUTE FUNCTION full_disk()"
    } else {
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit_record BEGIN
             SELECT RAISE(ABORT, 'database or disk is full'); END"
    });
    client.get("/iso/pam/device/srv").await.expect(503);
    for _ in 0..2 {
        assert_eq!(client.get("/health/ready").await.expect(503), json!({ "status": "unavailable" }));
    }
    app.database.run(if app.database.is_postgresql() {
        "DROP TRIGGER full_disk ON audit_record"
    } else {
        "DROP TRIGGER full_disk"
    });
    client.get("/iso/pam/device/srv").await.expect(200);
}

/// A PostgreSQL user for one test, who can be shut out. Gone when dropped, with all that is his.
struct Role<'a> {
    name: String,
    database: &'a TestDatabase,
}

impl<'a> Role<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        let name = format!("role_{}", uuid::Uuid::new_v4().simple());
        database.run(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"));
        let schema = database.texts("SELECT current_schema()::text").remove(0);
        database.run(&format!("GRANT ALL ON SCHEMA {schema} TO {name}"));
        Self { name, database }
    }

    /// Starts a server that connects as this user, with a client that has a device.
    async fn serve(&self, program: &mut Program) -> (Serving, TestClient) {
        program.url = format!("{}&user={1}&password={1}", self.database.url, self.name);
        let credentials = program.create_client("erp");
        let server = program.serve();
        let client = server.client(&credentials).await;
        client.create_device("a", "10.0.0.1").await;
        (server, client)
    }

    /// Ends his connections and lets him make no other.
    fn shut_out(&self) {
        self.database.run(&format!("ALTER ROLE {} NOLOGIN", self.name));
        self.end_connections();
    }

    fn end_connections(&self) {
        let own = format!("FROM pg_stat_activity WHERE usename = '{}'", self.name);
        self.database.run(&format!("SELECT pg_terminate_backend(pid) {own}"));
    }

    fn let_in(&self) {
        self.database.run(&format!("ALTER ROLE {} LOGIN", self.name));
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.database.remove(&format!("DROP OWNED BY {0} CASCADE; DROP ROLE {0}", self.name));
    }
}

#[actix_web::test]
async fn without_its_database_the_service_says_so_and_goes_on_when_it_is_back() {
    let mut program = Program::new();
    if !program.database.is_postgresql_or_skip() {
        return; // Nobody can take a file away from a process that has it open.
    }
    let database = TestDatabase::new();
    let role = Role::new(&database);
    let (server, client) = role.serve(&mut program).await;
    client.get("/health/ready").await.expect(200);

    role.shut_out();
    client.get("/health/live").await.expect(200);
    let sent = device("b", "10.0.0.2");
    let (ready, read, write) = tokio::join!(
        client.get("/health/ready"),
        client.get("/iso/pam/device"),
        client.post("/iso/pam/device", &sent),
    );
    assert_eq!(ready.expect(503), json!({ "status": "unavailable" }));
    for answer in [read, write] {
        answer.expect_refusal(503, "temporarily unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }

    role.let_in();
    wait_for_readiness(&client, 200).await;
    // Whichever of its connections a request meets: none of them is still the dead one.
    for answer in join_all((0..8).map(|_| client.get("/iso/pam/device"))).await {
        assert_eq!(answer.expect(200)["devices"].as_array().unwrap().len(), 1);
    }
    client.create_device("b", "10.0.0.2").await;
    drop(server);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn a_server_that_became_read_only_is_left_and_the_service_recovers() {
    let mut program = Program::new();
    if !program.database.is_postgresql_or_skip() {
        return;
    }
    let database = TestDatabase::new();
    let role = Role::new(&database);
    let (_server, client) = role.serve(&mut program).await;

    // As behind an address that leads to a standby for a while.
    database.run(&format!("ALTER ROLE {} SET default_transaction_read_only = on", role.name));
    role.end_connections();
    let ready = wait_for_readiness(&client, 503).await;
    assert_eq!(ready, json!({ "status": "unavailable" }));
    client.post("/iso/pam/device", &device("b", "10.0.0.2")).await.expect_refusal(503, "temporarily unavailable");

    database.run(&format!("ALTER ROLE {} RESET default_transaction_read_only", role.name));
    wait_for_readiness(&client, 200).await;
    client.create_device("b", "10.0.0.2").await;
    for answer in join_all((0..8).map(|_| client.get("/iso/pam/device"))).await {
        assert_eq!(answer.expect(200)["devices"].as_array().unwrap().len(), 2);
    }
}

#[actix_web::test]
async fn a_vault_that_cannot_write_is_not_ready() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut other = Database::connect(&location, false).unwrap().unwrap();
    let hold = if app.database.is_postgresql() { "BEGIN; LOCK TABLE audit_chain" } else { "BEGIN IMMEDIATE" };
    other.connection().batch_execute(hold).unwrap();
    wait_for_readiness(&client, 503).await;
    client.get("/health/live").await.expect(200);
    other.connection().batch_execute("ROLLBACK").unwrap();
    wait_for_readiness(&client, 200).await;
}

/// Asks until the service answers so, and returns the body.
async fn wait_for_readiness(client: &TestClient, status: u16) -> Value {
    let since = Instant::now();
    loop {
        let answer = client.get("/health/ready").await;
        if answer.status == status {
            return answer.expect(status);
        }
        assert!(since.elapsed() < Duration::from_secs(30), "readiness stays {}", answer.status);
    }
}
