//! Metrics of rotations.

use std::time::Duration;

use serde_json::json;

use super::{DECISION, Directory, ROTATE};

/// The value of a series, 0 for one that is not shown.
async fn figure(directory: &Directory, series: &str) -> f64 {
    directory.app.clock.advance_monotonic(Duration::from_secs(1));
    directory.app.vault.refresh().await.unwrap();
    let text = directory.client.get("/metrics").await.text;
    assert!(!text.contains("erp"), "no name in\n{text}");
    let line = text.lines().find_map(|line| line.strip_prefix("chaveiro_")?.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[actix_web::test]
async fn metrics_tell_of_steps_and_of_what_waits() {
    let Some(mut directory) = Directory::start(|settings| settings.rotation.attempts = 1).await else { return };
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    assert_eq!(figure(&directory, "rotations_due").await, 1.0);
    directory.run().await;
    assert_eq!(figure(&directory, "rotations_due").await, 0.0);
    let verified = r#"rotation_steps_total{event="verified",phase="current"}"#;
    let unreachable = r#"rotation_steps_total{event="change-failed",phase="unreachable"}"#;
    assert_eq!((figure(&directory, verified).await, figure(&directory, unreachable).await), (1.0, 0.0));

    directory.server.stop();
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    assert_eq!((figure(&directory, verified).await, figure(&directory, unreachable).await), (1.0, 1.0));
    assert_eq!(figure(&directory, "rotations_undecided").await, 1.0);
    directory.client.post(DECISION, &json!({ "decision": "keep-current" })).await.expect(201);
    assert_eq!(figure(&directory, "rotations_undecided").await, 0.0);
}
