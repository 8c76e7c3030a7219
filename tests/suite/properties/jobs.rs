//! Background jobs: who runs them, when, and what is left after a crash.

use std::time::Duration;

use chaveiro::clock::EXPIRY_MARGIN;
use futures_util::future::join;

use crate::support::TestApp;

const HEADS: &str = "audit.write-heads";

async fn vault() -> TestApp {
    let app = TestApp::start().await;
    app.vault.schedule_jobs().await.unwrap();
    app
}

fn jobs(app: &TestApp) -> Vec<String> {
    app.database.texts("SELECT kind || ' ' || key || ' ' || state FROM job ORDER BY kind, key")
}

fn fence(app: &TestApp, kind: &str) -> i32 {
    app.database.numbers(&format!("SELECT CAST(fence AS INTEGER) FROM job WHERE kind = '{kind}'"))[0]
}

#[actix_web::test]
async fn each_node_has_its_heads_job_and_all_share_the_others() {
    let app = vault().await;
    let second = app.second_node();
    second.schedule_jobs().await.unwrap();
    app.vault.schedule_jobs().await.unwrap();
    let expected = [
        "audit.write-heads node-1 queued",
        "audit.write-heads node-2 queued",
        "idempotency.prune  queued",
        "keys.maintain  queued",
        "login-attempt.prune  queued",
        "revoked-token.prune  queued",
        "single-use.prune  queued",
    ];
    assert_eq!(jobs(&app), expected);
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 6);
    assert_eq!(second.run_due_jobs().await.unwrap(), 1, "its own");
    second.close();
}

#[actix_web::test]
async fn jobs_run_when_they_are_due_and_again_a_period_later() {
    let app = vault().await;
    app.client().await;
    assert!(!app.vault.heads_file().exists());
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 6);
    assert!(app.vault.heads_file().exists());
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 0);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 6);
}

#[actix_web::test]
async fn expired_idempotency_rows_are_pruned() {
    let app = vault().await;
    app.client().await;
    app.database.run(
        "INSERT INTO idempotency (authorization_id, key_mac, request_mac, result, created_at)
         SELECT id, '', '', '', 1 FROM \"authorization\"",
    );
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency"), [0]);
}

#[actix_web::test]
async fn values_that_may_be_used_once_are_kept_until_they_expire() {
    let app = vault().await;
    // A day longer, in which a clock that was wrong can be set right.
    let now = app.clock.now().timestamp_micros() - EXPIRY_MARGIN;
    app.database.run(&format!("INSERT INTO single_use (digest, expires_at) VALUES ('a', {now}), ('b', {})", now + 1));
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM single_use"), [1]);
}

#[actix_web::test]
async fn a_job_of_a_node_that_crashed_is_taken_over_when_its_lease_has_run_out() {
    let app = vault().await;
    app.vault.run_due_jobs().await.unwrap();
    let now = app.clock.now().timestamp_micros();
    let crashed = format!("UPDATE job SET state = 'running', fence = 7, lease_until = {}", now + 30_000_000);
    app.database.run(&crashed);
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 0);
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 6);
    assert_eq!((fence(&app, HEADS), fence(&app, "idempotency.prune")), (8, 8));
}

#[actix_web::test]
async fn of_two_runners_one_holds_a_job() {
    let app = vault().await;
    let second = app.second_node();
    for round in 1..=20 {
        let (first, other) = join(app.vault.run_due_jobs(), second.run_due_jobs()).await;
        assert_eq!(first.unwrap() + other.unwrap(), 6, "heads of node-1, and five that are shared");
        assert_eq!(fence(&app, "idempotency.prune"), round);
        app.clock.advance(Duration::from_secs(60));
    }
    second.close();
}

#[actix_web::test]
async fn kinds_of_a_newer_version_are_left_alone() {
    let app = vault().await;
    app.vault.run_due_jobs().await.unwrap();
    app.database.run("UPDATE job SET kind = kind || '-of-a-newer-version', due_at = 0");
    assert_eq!(app.vault.run_due_jobs().await.unwrap(), 0);
    assert_eq!(app.database.numbers("SELECT CAST(fence AS INTEGER) FROM job"), [1; 6]);
}

#[actix_web::test]
async fn a_job_that_fails_is_tried_again_after_a_pause_that_grows() {
    let app = vault().await;
    app.client().await;
    std::fs::create_dir(app.vault.heads_file()).unwrap();
    app.vault.run_due_jobs().await.unwrap();
    let failed = || app.database.texts("SELECT state || ' ' || attempts || ' ' || last_error FROM job WHERE key <> ''");
    assert_eq!(failed(), ["queued 1 store-failed"]);
    for (wait, attempts) in [(5, 2), (10, 3)] {
        app.clock.advance(Duration::from_secs(wait - 1));
        app.vault.run_due_jobs().await.unwrap();
        app.clock.advance(Duration::from_secs(1));
        app.vault.run_due_jobs().await.unwrap();
        assert_eq!(failed(), [format!("queued {attempts} store-failed")]);
    }
    std::fs::remove_dir(app.vault.heads_file()).unwrap();
    app.clock.advance(Duration::from_secs(20));
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(app.database.texts("SELECT state || ' ' || attempts FROM job WHERE key <> ''"), ["queued 0"]);
    assert!(app.vault.heads_file().is_file());
}
