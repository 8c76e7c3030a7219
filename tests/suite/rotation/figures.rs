//! Metrics of rotations.

use serde_json::json;

use super::{DECISION, Directory, ROTATE};

async fn figure(directory: &Directory, series: &str) -> f64 {
    directory.app.figure(&directory.client, series).await
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
