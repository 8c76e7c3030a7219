//! The service seen from outside: health, figures, request ids and the access log.

mod description;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::Upkeep;
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Program, TestApp, TestDatabase, device};

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
    let (list, prefix, suffix) = match app.database.is_postgresql() {
        true => ("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()", "", " CASCADE"),
        false => (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            "PRAGMA foreign_keys = OFF; ",
            "",
        ),
    };
    let tables = app.database.texts(list);
    assert!(tables.len() > 10);
    let drops = tables.iter().map(|table| format!("DROP TABLE \"{table}\"{suffix};"));
    app.database.run(&format!("{prefix}{}", drops.collect::<String>()));
    assert_eq!(app.anonymous().get("/health/live").await.expect(200), json!({ "status": "ok" }));
    assert_eq!(app.anonymous().get("/health/ready").await.expect(503), json!({ "status": "unavailable" }));
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

    /// Ends his connections and lets him make no other.
    fn shut_out(&self) {
        let Self { name, database } = self;
        database.run(&format!("ALTER ROLE {name} NOLOGIN"));
        database.run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"));
    }

    fn let_in(&self) {
        self.database.run(&format!("ALTER ROLE {} LOGIN", self.name));
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.database.run(&format!("DROP OWNED BY {0} CASCADE; DROP ROLE {0}", self.name));
    }
}

#[actix_web::test]
async fn without_its_database_the_service_says_so_and_goes_on_when_it_is_back() {
    let mut program = Program::new();
    if !program.database.is_postgresql() {
        return; // Nobody can take a file away from a process that has it open.
    }
    let database = TestDatabase::new();
    let role = Role::new(&database);
    program.url = format!("{}&user={1}&password={1}", database.url, role.name);
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
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
    let since = Instant::now();
    while client.get("/health/ready").await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "not ready again");
    }
    // Whichever of its connections a request meets: none of them is still the dead one.
    for answer in join_all((0..8).map(|_| client.get("/iso/pam/device"))).await {
        assert_eq!(answer.expect(200)["devices"].as_array().unwrap().len(), 1);
    }
    client.create_device("b", "10.0.0.2").await;
    drop(server);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn a_change_is_noticed_within_a_second_also_when_nothing_can_be_written() {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    if !app.database.is_postgresql() {
        return; // There the change itself would have to wait.
    }
    let (client, second) = (app.client().await, app.second_node());
    let upkeep = Upkeep::of(&app.vault);
    let running = actix_web::rt::spawn(async move { upkeep.run().await });
    // Somebody holds the end of this node's chain, and there is a failure to be recorded in it.
    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut holder = Database::connect(&location, false).unwrap().unwrap();
    let hold = "BEGIN; SELECT FROM audit_chain WHERE name LIKE 'node-1/%' FOR UPDATE";
    holder.connection().batch_execute(hold).unwrap();
    app.anonymous().get("/iso/pam/device").await.expect(401);
    let waiting = "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    let since = Instant::now();
    while sql_query(waiting).execute(holder.connection()).unwrap() == 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "nobody waits");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }

    second.disable_authorization(&client.client_id).await.unwrap();
    let since = Instant::now();
    while app.vault.authenticate(Some(&client.token), "127.0.0.1".parse().unwrap()).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(1), "not noticed after {:?}", since.elapsed());
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    holder.connection().batch_execute("COMMIT").unwrap();
    running.abort();
    second.close();
}

#[actix_web::test]
async fn the_figures_tell_of_requests_and_commits_and_of_no_key() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("hostname-7", "10.0.0.1").await;
    for _ in 0..3 {
        client.get("/iso/pam/device/hostname-7").await.expect(200);
    }
    client.get("/iso/pam/device/nowhere-7").await.expect(400);
    client.get("/iso/unknown-7?content=query-7").await.expect(404);
    client.send(client.request(Method::from_bytes(b"METHOD7").unwrap(), "/iso/pam/device")).await.expect(405);
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text;
    let value = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    };
    let requests = |labels: &str| value(&format!("chaveiro_requests_total{{{labels}}}"));
    assert_eq!(requests(r#"method="GET",route="/iso/pam/device/{key}",status="200""#), 3.0);
    assert_eq!(requests(r#"method="GET",route="/iso/pam/device/{key}",status="400""#), 1.0);
    assert_eq!(requests(r#"method="GET",route="other",status="404""#), 1.0);
    assert_eq!(requests(r#"method="other",route="/iso/pam/device",status="405""#), 1.0);
    assert_eq!(value(r#"chaveiro_request_seconds_count{route="/iso/pam/device/{key}"}"#), 4.0);
    assert!(value(r#"chaveiro_request_seconds_sum{route="/iso/pam/device/{key}"}"#) > 0.0);
    assert_eq!(value("chaveiro_write_queue_depth"), 0.0);
    // Every answer so far had its record, so its commit.
    let (commits, jobs) = (value("chaveiro_commit_seconds_count"), value("chaveiro_batch_jobs_sum"));
    assert!(commits >= 1.0 && jobs >= 8.0, "{commits} commits, {jobs} jobs");
    assert_eq!(value("chaveiro_batch_jobs_count"), commits);
    for key in ["hostname-7", "nowhere-7", "unknown-7", "query-7", "METHOD7", &client.client_id] {
        assert!(!text.contains(key), "{key} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[actix_web::test]
async fn a_request_has_one_id_in_its_answer_and_its_record() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let mut ids = Vec::new();
    for path in ["/iso/pam/device", "/iso/pam/device/1", "/api/pam/credential", "/iso/nothing", "/iso/pam/device"] {
        // What a client says it is, is not believed.
        let request = client.request(Method::GET, path).header("X-Request-Id", "mine");
        ids.push(client.send(request).await.header("x-request-id").unwrap().to_string());
    }
    let records = app.vault.last_records(1000).await.unwrap();
    for id in &ids {
        assert_eq!(records.iter().filter(|record| record.request_id == *id).count(), 1, "{id}");
    }
    for path in ["/health/live", "/metrics", "/openapi.json", "/docs/", "/nothing"] {
        let answer = app.anonymous().get(path).await;
        ids.push(answer.header("x-request-id").unwrap_or_else(|| panic!("{path}")).to_string());
    }
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32));
}

#[actix_web::test]
async fn the_access_log_has_a_line_for_each_request_with_its_id_and_without_its_query() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    for (path, status) in [("/iso/pam/device/nowhere", 400), ("/iso/nothing", 404)] {
        let answer = client.get(&format!("{path}?password=in-the-query")).await;
        assert_eq!(answer.status, status);
        let id = answer.header("x-request-id").unwrap();
        let log = server.stderr.wait_for(&format!(" GET {path} {status} "), Duration::from_secs(60)).expect("a line");
        assert!(log.ends_with(&format!("us {id}")), "{log}");
    }
    assert!(!server.stop().stderr.contains("in-the-query"));
}
