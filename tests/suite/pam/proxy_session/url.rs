//! What becomes of a session's URL: it opens once, within 30 seconds, from the address to which it is bound.

use std::time::Duration;

use chaveiro::crypto::SecretText;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{create, drop_session, list, newest, vault, vault_with, wanted};
use crate::support::{Answer, TestApp, origin};

async fn open(app: &TestApp, url: &str) -> Answer {
    app.anonymous().get(url).await
}

#[track_caller]
fn expect_page(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert!(answer.text.contains(text), "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
}

#[track_caller]
fn expect_no_engine(answer: &Answer) {
    expect_page(answer, 501, "No session engine is configured");
}

#[track_caller]
fn expect_not_good(answer: &Answer) {
    expect_page(answer, 404, "does not open a session");
}

#[actix_web::test]
async fn a_url_opens_once_and_the_session_is_over() {
    let (app, client) = vault().await;
    let url = create(&client, &wanted()).await;
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(list(&client).await[0]["origin_ip"], "");
    expect_no_engine(&open(&app, &url).await);
    expect_not_good(&open(&app, &url).await);
    let row = list(&client).await.remove(0);
    assert_eq!((&row["end"], &row["time"]), (&json!("2026-03-04 05:06:12"), &json!("00:00:05")));
    assert_eq!(row["origin_ip"], "127.0.0.1");
}

#[actix_web::test]
async fn a_url_lives_for_30_seconds() {
    let (app, client) = vault().await;
    let (first, second) = (create(&client, &wanted()).await, create(&client, &wanted()).await);
    app.clock.advance(Duration::from_micros(29_999_999));
    expect_no_engine(&open(&app, &first).await);
    app.clock.advance(Duration::from_micros(1));
    expect_not_good(&open(&app, &second).await);
}

#[actix_web::test]
async fn every_url_that_is_not_good_gets_the_same_page() {
    let (app, client) = vault().await;
    let used = create(&client, &wanted()).await;
    open(&app, &used).await;
    let dropped = create(&client, &wanted()).await;
    drop_session(&client, &newest(&client).await).await.expect(200);
    let mut bound = wanted();
    bound["remoteAddr"] = json!("10.9.8.7");
    let bound = create(&client, &bound).await;
    let unknown = format!("/modulos/auth?_sr={}", "0".repeat(64));
    let cut_short = create(&client, &wanted()).await;
    let cut_short = &cut_short[..cut_short.len() - 1];
    let pages = join_all(
        [&used, &dropped, &bound, &unknown, cut_short, "/modulos/auth", "/modulos/auth?_sr=", "/modulos/auth?_sr=%00"]
            .map(|url| open(&app, url)),
    )
    .await;
    for page in &pages {
        expect_not_good(page);
        assert_eq!(page.text, pages[0].text);
    }
}

#[actix_web::test]
async fn other_methods_do_not_use_it_up() {
    let (app, client) = vault().await;
    let url = create(&client, &wanted()).await;
    for method in [Method::HEAD, Method::POST, Method::OPTIONS] {
        let anonymous = app.anonymous();
        assert_eq!(anonymous.send(anonymous.request(method, &url)).await.status, 405);
    }
    expect_no_engine(&open(&app, &url).await);
}

#[actix_web::test]
async fn a_bound_url_opens_from_its_address_alone() {
    let trusting = TestApp::start_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    let (app, client) = vault_with(trusting.await).await;
    for (bound, from, opens) in [
        ("10.9.8.7", "10.9.8.7", true),
        ("10.9.8.7", "::ffff:10.9.8.7", true),
        ("::ffff:10.9.8.7", "10.9.8.7", true),
        ("2001:db8::1", "2001:DB8:0::1", true),
        ("10.9.8.7", "10.9.8.70", false),
        ("10.9.8.7", "10.9.8.7, 10.1.1.1", false),
    ] {
        let mut sent = wanted();
        sent["remoteAddr"] = json!(bound);
        let url = create(&client, &sent).await;
        let anonymous = app.anonymous();
        let request = anonymous.request(Method::GET, &url).header("X-Forwarded-For", from);
        let answer = anonymous.send(request).await;
        if opens {
            expect_no_engine(&answer);
        } else {
            expect_not_good(&answer);
            // A stranger does not use it up.
            let request = anonymous.request(Method::GET, &url).header("X-Forwarded-For", bound);
            expect_no_engine(&anonymous.send(request).await);
        }
    }
}

#[actix_web::test]
async fn a_url_ends_with_its_client_and_with_its_credential() {
    let (app, client) = vault().await;
    let url = create(&client, &wanted()).await;
    client.delete("/iso/pam/credential/svc_erp").await.expect(200);
    expect_not_good(&open(&app, &url).await);
    client.put("/iso/pam/credential/svc_erp").await.expect(200);
    expect_no_engine(&open(&app, &url).await);

    let url = create(&client, &wanted()).await;
    for target in [LinkTarget::Credential("svc_erp".into()), LinkTarget::Device("erp-01".into())] {
        app.vault.unlink(app.operator(Action::AUTHORIZATION_UNLINK).await, &client.client_id, target).await.unwrap();
    }
    expect_not_good(&open(&app, &url).await);
    app.link(&client, LinkTarget::Credential("svc_erp".into())).await;
    expect_no_engine(&open(&app, &url).await);

    let url = create(&client, &wanted()).await;
    app.vault
        .disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &client.client_id)
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    expect_not_good(&open(&app, &url).await);
}

#[actix_web::test]
async fn of_many_who_open_it_at_once_on_two_nodes_one_does() {
    let (app, client) = vault().await;
    let second = app.second_node();
    for _ in 0..4 {
        let url = create(&client, &wanted()).await;
        let token = SecretText::new(url.rsplit_once('=').unwrap().1.into());
        let here = join_all((0..16).map(|_| open(&app, &url)));
        let there = join_all((0..16).map(|_| second.open_proxy_session(&token, origin())));
        let (here, there) = futures_util::future::join(here, there).await;
        let opened = here.iter().filter(|answer| answer.status == 501).count();
        assert!(here.iter().all(|answer| answer.status == 501 || answer.status == 404));
        assert_eq!(opened + there.iter().filter(|answer| answer.is_ok()).count(), 1);
    }
    let records = app.records().await;
    let opened = records.iter().filter(|record| record.action == "session.open" && record.outcome == "ok").count();
    assert_eq!(opened, 4);
    second.close();
}

#[actix_web::test]
async fn opening_and_dropping_at_once_is_one_of_both() {
    let (app, client) = vault().await;
    for _ in 0..16 {
        let url = create(&client, &wanted()).await;
        let session_id = newest(&client).await;
        let (opened, dropped) = futures_util::future::join(open(&app, &url), drop_session(&client, &session_id)).await;
        assert_ne!(opened.status == 501, dropped.status == 200, "{} {}", opened.text, dropped.text);
    }
}

#[actix_web::test]
async fn the_refusals_are_recorded() {
    let (app, client) = vault().await;
    let mut sent = wanted();
    sent["remoteAddr"] = json!("10.9.8.7");
    let url = create(&client, &sent).await;
    open(&app, &url).await;
    for _ in 0..3 {
        open(&app, "/modulos/auth?_sr=nothing").await;
    }
    app.vault.record_failures().await.unwrap();
    let records = app.records().await;
    let found = |action: &str, outcome: &str| {
        let found = records.iter().find(|record| record.action == action && record.outcome == outcome);
        let found = found.unwrap_or_else(|| panic!("no {action} {outcome}"));
        (found.actor.as_str(), found.object.as_str(), found.times)
    };
    assert_eq!(found("session.open", "session-url-bound-elsewhere"), (client.client_id.as_str(), "session:1", 1));
    assert_eq!(found("authentication", "session-url-not-valid"), ("", "", 3));
}

#[actix_web::test]
async fn a_url_is_good_after_a_restart() {
    let (app, client) = vault().await;
    let url = create(&client, &wanted()).await;
    // A clock of its own, which stands where the first one began.
    let app = app.restart().await;
    expect_no_engine(&open(&app, &url).await);
}

#[actix_web::test]
async fn the_address_of_the_vault_is_the_base() {
    let start = TestApp::start_with(|settings| settings.tokens.issuer = "https://vault.example/".into());
    let (_app, client) = vault_with(start.await).await;
    let session = client.post("/iso/remote/session", &wanted()).await.expect(200)["session"].clone();
    let expected = format!("https://vault.example/modulos/auth?_sr={}", session["token"].as_str().unwrap());
    assert_eq!(session["session_url"], *expected);
}
