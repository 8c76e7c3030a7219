//! Request ids and the access log.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::Method;

use crate::support::{Program, TestApp};

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
    let records = app.records().await;
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
