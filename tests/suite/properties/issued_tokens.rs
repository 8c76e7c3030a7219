//! Issued tokens: nothing of them is stored, and their records are merged by client, source and minute.

use std::collections::BTreeMap;
use std::time::Duration;

use chaveiro::crypto::SecretText;
use chaveiro::vault::BackgroundTasks;
use chaveiro::vault::access::client_authentication::ClientCredentials;
use chaveiro::vault::access::token_endpoint::TokenOptions;
use chaveiro::vault::audit_log::AuditRecord;
use chaveiro::vault::operation::Action;
use futures_util::future::join_all;

use crate::support::{TestApp, TestClient, origin};

/// The tokens of the test of sizes; any number takes the same space.
const TOKENS: i32 = 5000;

/// A vault with one chain of records, and a client that has got one token.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    let client = app.client().await;
    (app, client)
}

/// The number of rows of each table.
fn rows(app: &TestApp) -> BTreeMap<String, i32> {
    let tables = if app.database.is_postgresql() {
        "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    let count = |table: String| {
        let number = app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM \"{table}\""))[0];
        (table, number)
    };
    app.database.texts(tables).into_iter().map(count).collect()
}

/// The size of the database: the pages of the file of SQLite, the KiB of all tables and indexes of PostgreSQL.
fn size(app: &TestApp) -> i32 {
    let query = if app.database.is_postgresql() {
        "SELECT CAST(SUM(pg_total_relation_size(CAST(quote_ident(tablename) AS regclass))) / 1024 AS INTEGER) \
         FROM pg_tables WHERE schemaname = current_schema()"
    } else {
        "SELECT page_count FROM pragma_page_count()"
    };
    app.database.numbers(query)[0]
}

/// The records of the tokens of a client.
async fn issued(app: &TestApp, client: &TestClient) -> Vec<AuditRecord> {
    let mut records = app.records().await;
    records.retain(|record| record.action == Action::TOKEN_ISSUE.name() && record.actor == client.client_id);
    records
}

fn tokens(records: &[AuditRecord]) -> i32 {
    records.iter().map(|record| record.times).sum()
}

#[actix_web::test]
async fn thousands_of_tokens_leave_the_database_the_same_size() {
    let (app, client) = vault().await;
    let (first, size_before) = (rows(&app), size(&app));
    let credentials = ClientCredentials {
        client_id: client.client_id.clone(),
        client_secret: SecretText::new(client.client_secret.clone()),
    };
    for _ in 0..TOKENS {
        let issued = app.vault.issue_token(&credentials.clone().into(), origin(), TokenOptions::default()).await;
        assert!(issued.is_ok());
    }
    // Two families: the one of the first token, and none.
    let mut two = first.clone();
    *two.get_mut("audit_record").unwrap() += 1;
    assert_eq!(rows(&app), two);
    assert!(size(&app) <= size_before, "{} of {size_before}", size(&app));
    let mut records = issued(&app, &client).await;
    assert_eq!((records.len(), tokens(&records)), (2, 2));
    // The count follows.
    app.clock.advance(Duration::from_secs(120));
    app.vault.refresh().await.unwrap();
    app.vault.record_issued_tokens().await.unwrap();
    records = issued(&app, &client).await;
    assert_eq!((records.len(), tokens(&records)), (3, TOKENS + 1));
    assert_eq!((records[2].at, records[2].times), (records[1].at, TOKENS - 1), "the time of the last token");
    assert_eq!(app.verify_audit().await.broken, None);
    // Nothing is counted twice.
    app.vault.record_all_issued_tokens().await.unwrap();
    assert_eq!(issued(&app, &client).await, records);
}

#[actix_web::test]
async fn of_64_first_tokens_at_once_one_leaves_a_record_and_the_others_are_counted() {
    let app = TestApp::start().await;
    let client = app.unauthenticated_client(|_| {}).await;
    join_all((0..64).map(|_| client.fetch_token())).await;
    let mut records = issued(&app, &client).await;
    assert_eq!((records.len(), tokens(&records)), (1, 1));
    let metrics = app.anonymous().get("/metrics").await.text;
    let counted = r#"chaveiro_requests_total{method="POST",route="/iso/oauth2/token",status="200"} 64"#;
    assert!(metrics.contains(counted), "{metrics}");
    // Before the vault stops, the count is recorded.
    BackgroundTasks::new(&app.vault).flush().await;
    records = issued(&app, &client).await;
    assert_eq!((records.len(), tokens(&records)), (2, 64));
}

#[actix_web::test]
async fn the_first_token_of_a_minute_is_not_issued_without_its_record_and_no_count_is_lost() {
    let (app, client) = vault().await;
    client.fetch_token().await;
    app.clock.advance(Duration::from_secs(60));
    app.vault.refresh().await.unwrap();
    app.database.run("ALTER TABLE audit_record RENAME TO elsewhere");
    let refused = join_all((0..3).map(|_| client.token_status())).await;
    assert!(refused.iter().all(|status| *status >= 500), "{refused:?}");
    app.clock.advance(Duration::from_secs(60));
    app.vault.refresh().await.unwrap();
    app.vault.record_issued_tokens().await.unwrap_err();
    app.database.run("ALTER TABLE elsewhere RENAME TO audit_record");
    client.fetch_token().await;
    let records = issued(&app, &client).await;
    // The refused tokens were none.
    assert_eq!(records.iter().map(|record| record.times).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(app.verify_audit().await.broken, None);
}

/// Issues tokens in each of a few minutes, and archives the records of them.
async fn issue_and_prune(app: &TestApp, client: &TestClient, archive: &str) {
    const MINUTES: i32 = 20;
    let before = rows(app);
    for _ in 0..MINUTES {
        for _ in 0..5 {
            client.fetch_token().await;
        }
        app.clock.advance(Duration::from_secs(60));
        app.vault.refresh().await.unwrap();
    }
    app.vault.record_all_issued_tokens().await.unwrap();
    app.vault.write_heads().await.unwrap();
    let mut grown = rows(app);
    let added = grown["audit_record"] - before["audit_record"];
    assert!(added <= MINUTES + 1, "one record a minute, and the rest: {added}");
    grown.insert("audit_record".into(), before["audit_record"]);
    assert_eq!(grown, before, "and nothing else");
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.vault.refresh().await.unwrap();
    let permit = app.operator(Action::AUDIT_PRUNE).await;
    let hour_ago = app.vault.now() - chrono::TimeDelta::hours(1);
    app.vault.prune_audit(permit, hour_ago, &app.database.dir.path().join(archive)).await.unwrap();
}

#[actix_web::test]
async fn issued_tokens_leave_the_database_as_it_was_once_their_records_are_archived() {
    let (app, client) = vault().await;
    issue_and_prune(&app, &client, "first.jsonl").await;
    let (first, size_before) = (rows(&app), size(&app));
    for number in 0..3 {
        issue_and_prune(&app, &client, &format!("next-{number}.jsonl")).await;
        assert_eq!(rows(&app), first);
    }
    // What was freed is used again; PostgreSQL does so in its own time.
    assert!(app.database.is_postgresql() || size(&app) <= size_before, "{} of {size_before}", size(&app));
}
