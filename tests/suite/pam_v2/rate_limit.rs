//! The limit on requests: stated in every answer, and 429 beyond it.

use std::time::Duration;

use reqwest::Method;

use super::{LIST, expect_code, expect_headers, read};
use crate::support::TestApp;

async fn app(requests_per_minute: u32) -> TestApp {
    TestApp::start_with(|settings| {
        settings.pam_v2.enabled = true;
        settings.pam_v2.requests_per_minute = requests_per_minute;
    })
    .await
}

#[actix_web::test]
async fn every_answer_counts_and_states_what_is_left() {
    let app = app(100).await;
    let client = app.client().await;
    let mut left = 100;
    for (method, path, status) in [
        (Method::GET, LIST.to_string(), 200),
        (Method::GET, format!("{LIST}/9"), 404),
        (Method::GET, format!("{LIST}?nope=1"), 422),
        (Method::GET, format!("{LIST}/9?fields=credential.password"), 403),
        (Method::POST, LIST.to_string(), 405),
        (Method::GET, "/api/v2/nowhere".to_string(), 404),
    ] {
        let answer = client.send(client.request(method, &path)).await;
        left -= 1;
        assert_eq!((answer.status.as_u16(), expect_headers(&answer)), (status, left), "{path}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("100"));
    }
    let request = client.request(Method::GET, LIST).header("If-None-Match", "*");
    let answer = client.send(request).await;
    assert_eq!((answer.status.as_u16(), expect_headers(&answer)), (304, left - 1));
    // Another client has a window of its own, and so has a network without a token.
    assert_eq!(expect_headers(&app.client().await.get(LIST).await), 99);
    for left in [99, 98] {
        let answer = app.anonymous().get(LIST).await;
        assert_eq!((answer.status.as_u16(), expect_headers(&answer)), (401, left));
    }
    // The other routes are not counted.
    client.get("/iso/pam/credential").await.expect(200);
    assert_eq!(expect_headers(&client.get(LIST).await), left - 2);
}

#[actix_web::test]
async fn over_the_limit_is_429_until_the_window_ends() {
    let app = app(2).await;
    let (client, other) = (app.client().await, app.client().await);
    for _ in 0..2 {
        client.get(LIST).await.expect(200);
    }
    for path in [LIST.to_string(), "/api/v2/nowhere".to_string(), format!("{LIST}/1")] {
        let answer = client.get(&path).await;
        expect_code(&answer, 429, "too_many_requests");
        // 53 seconds after 05:06:07.
        assert_eq!((answer.header("retry-after"), expect_headers(&answer)), (Some("53"), 0), "{path}");
    }
    other.get(LIST).await.expect(200);
    client.get("/iso/pam/credential").await.expect(200);
    app.vault.record_failures().await.unwrap();
    let records = app.records().await;
    let merged: Vec<_> = records.iter().filter(|record| record.outcome == "too-many-requests").collect();
    assert_eq!((merged.len(), merged[0].times, &merged[0].actor), (1, 3, &client.client_id));
    assert_eq!(records.iter().filter(|record| record.action == "credential.list").count(), 4);
    app.clock.advance(Duration::from_secs(53));
    assert_eq!(read(&client, "1").await.status, 404);
}

#[actix_web::test]
async fn a_token_from_a_forbidden_address_uses_up_nothing_of_its_client() {
    let app = TestApp::start_with(|settings| {
        settings.pam_v2.enabled = true;
        settings.pam_v2.requests_per_minute = 3;
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let client = app.unauthenticated_client(|request| request.allowed_ips = vec!["192.0.2.1".into()]).await;
    let client = app.with_static_token(&client).await;
    let from =
        async |address: &str| client.send(client.request(Method::GET, LIST).header("X-Forwarded-For", address)).await;
    for (status, left) in [(403, 2), (403, 1), (403, 0), (429, 0)] {
        let answer = from("203.0.113.9").await;
        assert_eq!((answer.status.as_u16(), expect_headers(&answer)), (status, left));
    }
    let answer = from("192.0.2.1").await;
    assert_eq!((answer.status.as_u16(), expect_headers(&answer)), (200, 2));
}

#[actix_web::test]
async fn guessed_tokens_are_limited_by_their_network() {
    let app = app(2).await;
    let mut wrong = app.anonymous();
    wrong.token = "canary".into();
    for status in [401, 401, 429, 429] {
        assert_eq!(wrong.get(LIST).await.status.as_u16(), status);
    }
    app.client().await.get(LIST).await.expect(200);
}
