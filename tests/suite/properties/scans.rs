//! None of the main requests about one object reads a whole table that grows with the vault. On SQLite, which tells the plan of any
//! statement.

use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::operation::Action;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device, post_body, watch_statements};

/// Tables that have a row for each client, key, node or kind of value, and none for each object or request.
const SMALL: [&str; 5] = ["application", "authorization", "change_mark", "audit_chain", "data_key"];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Returns the tables that a statement reads from one end to the other, of those that grow.
fn scanned(database: &mut Database, sql: &str) -> Vec<String> {
    let plan: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(database.connection()).unwrap();
    let table = |step: Step| Some(step.detail.strip_prefix("SCAN ")?.split(' ').next()?.to_string());
    plan.into_iter().filter_map(table).filter(|table| table != "CONSTANT" && !SMALL.contains(&table.as_str())).collect()
}

async fn call(client: &TestClient, method: Method, path: &str, body: Option<Value>) {
    let request = client.request(method, path);
    let answer = client.send(match body {
        Some(body) => request.json(&body),
        None => request,
    });
    let answer = answer.await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text);
}

/// Creates, reads, changes and ends one object of each kind.
async fn use_all(client: &TestClient) {
    let post = async |path: &str, body: Value| call(client, Method::POST, path, Some(body)).await;
    let get = async |path: &str| call(client, Method::GET, path, None).await;
    let mut host = device("a", "10.0.0.1");
    host["device_tags"] = json!("site,erp");
    for host in [device("a", "10.0.0.1"), host] {
        post("/iso/pam/device", host).await;
    }
    let credential = |more: Value| {
        let mut body = post_body("/credential", "content");
        body.as_object_mut().unwrap().remove("execution_settings");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let saves = [
        json!({}),
        json!({ "content": "next", "tags": "site,erp", "credential_type": "Local User", "domain": "CORP" }),
        json!({ "content": "last", "tags": "erp", "type": "Server", "vendor": "v", "model": "m", "site": "s" }),
        json!({ "username": "v", "identifier": "" }),
        json!({ "username": "child", "identifier": "child", "parent_password": 1, "content": "last" }),
    ];
    for more in saves {
        post("/iso/pam/credential", credential(more)).await;
    }
    for route in ["/info", "/key", "/key"] {
        post(&format!("/iso/pam{route}"), post_body(route, "content")).await;
    }
    for path in [
        "device/a",
        "device/1",
        "credential/i",
        "credential/1",
        "credential/u@a",
        "credential/child",
        "key/k",
        "info/n",
    ] {
        get(&format!("/iso/pam/{path}")).await;
    }
    post("/iso/pam/credential/batch", json!({ "items": [{ "read": "i" }, { "read": "u@a" }] })).await;
    get("/iso/pam/credential/i/versions").await;
    get("/iso/pam/credential/i/versions/1").await;
    post("/iso/pam/credential/i/versions/1/restore", json!({})).await;
    call(client, Method::DELETE, "/iso/pam/credential/custody/i", None).await;
    for path in ["credential/i", "key/k", "info/n", "device/a"] {
        for method in [Method::DELETE, Method::PUT] {
            call(client, method, &format!("/iso/pam/{path}"), None).await;
        }
    }
    client.fetch_token().await;
}

#[actix_web::test]
async fn no_request_about_one_object_reads_a_whole_table() {
    watch_statements();
    let app = TestApp::start().await;
    if app.database.is_postgresql() {
        return;
    }
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    let client = app.client().await;
    app.database.keep_statements();
    use_all(&client).await;
    let statements = app.database.keep_statements();
    assert!(statements.len() > 50, "{} statements", statements.len());
    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut database = Database::connect(&location, true).unwrap().unwrap();
    // An insert of values shows the tables that refer to its own; they are read only while a deferred constraint is violated.
    let is_planned = |sql: &&String| {
        let reads = ["SELECT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| sql.starts_with(verb));
        reads || (sql.starts_with("INSERT") && sql.contains("SELECT"))
    };
    let scans: Vec<_> = statements
        .iter()
        .filter(is_planned)
        .map(|sql| (sql, scanned(&mut database, sql)))
        .filter(|(_, tables)| !tables.is_empty())
        .collect();
    assert!(scans.is_empty(), "{scans:#?}");
    // The check itself: with a kind that is a value, no index leads to these links.
    let by_object = "SELECT authorization_id FROM authorization_link WHERE object_kind = ? AND object_id = ?";
    assert_eq!(scanned(&mut database, by_object), ["authorization_link"], "the links of an object have no index");
}
