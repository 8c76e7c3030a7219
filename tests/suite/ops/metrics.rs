//! The figures of the service.

use reqwest::Method;

use crate::support::{TestApp, noticed};

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
async fn what_the_database_knows_of_backups_is_asked_once_a_second() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let age = async || {
        let text = client.get("/metrics").await.text;
        text.lines().find_map(|line| line.strip_prefix("chaveiro_backup_age_seconds{} ")?.parse::<f64>().ok())
    };
    let now = app.vault.now().timestamp_micros();
    assert!(app.vault.backup_status().await.unwrap().last_backup.is_none());
    let made = hex::encode((now - 60_000_000).to_be_bytes());
    let made = if app.database.is_postgresql() { format!("'\\x{made}'") } else { format!("X'{made}'") };
    app.database.run(&format!("INSERT INTO vault_meta (name, value) VALUES ('last_backup', {made})"));
    assert_eq!(age().await, None);
    app.clock.advance_monotonic(std::time::Duration::from_secs(1));
    // The figures do not wait for a database that takes long.
    noticed("the backup in the figures", async || age().await == Some(60.0)).await;
}
