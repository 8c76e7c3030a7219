//! Who may ask: an authorization that the operator has made reachable by its AppID, from where it may call.

use chaveiro::vault::VaultError;
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::{ClientAccess, Resource};
use chaveiro::vault::operation::Action;
use reqwest::Method;

use super::{ACCOUNTS, NOT_AUTHENTICATED, NOT_FOUND, ask, by_app_id, content, expect_error, reader, vault, vault_with};
use crate::support::TestApp;

const FINGERPRINT: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

/// The reasons of failed authentications that were recorded.
async fn failures(app: &TestApp) -> Vec<String> {
    app.vault.record_failures().await.unwrap();
    app.database.texts("SELECT outcome FROM audit_record WHERE action = 'authentication' ORDER BY outcome")
}

#[actix_web::test]
async fn an_authorization_of_another_resource_is_as_unknown_as_none() {
    let (app, robot) = vault().await;
    let other = reader(&app, |request| request.allowed_ips = vec!["127.0.0.1".into()]).await;
    let elsewhere = reader(&app, |request| {
        by_app_id(request);
        request.allowed_ips = vec!["10.0.0.0/8".into()];
    })
    .await;
    let certified = reader(&app, |request| {
        by_app_id(request);
        request.certificates = vec![FINGERPRINT.into()];
    })
    .await;
    let mut unknown = robot.clone();
    unknown.client_id = "nobody".into();
    let expected = ask(&unknown, "Object=erp").await;
    expect_error(&expected, NOT_AUTHENTICATED);
    for client in [&other, &elsewhere, &certified] {
        let answer = ask(client, "Object=erp").await;
        assert_eq!((answer.status, &answer.text), (expected.status, &expected.text));
    }
    let reasons = ["certificate-not-accepted", "source-not-allowed", "unknown-client"];
    let failures = failures(&app).await;
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(failures.iter().filter(|reason| reasons.contains(&reason.as_str())).count() >= 2, "{failures:?}");
}

#[actix_web::test]
async fn an_authorization_that_may_call_from_anywhere_cannot_have_the_resource() {
    let app = TestApp::start().await;
    for anywhere in [vec![], vec!["*"], vec!["0.0.0.0/0"], vec!["::/0"], vec!["0.0.0.0/1", "128.0.0.0/1"]] {
        let mut request = AuthorizationRequest::new("tests", vec![Resource::AppId], ClientAccess::ReadOnly);
        request.allowed_ips = anywhere.iter().map(ToString::to_string).collect();
        let permit = app.operator(Action::AUTHORIZATION_CREATE).await;
        let error = app.vault.create_authorization(permit, request).await.unwrap_err();
        assert!(matches!(error, VaultError::Invalid(_)), "{anywhere:?}");
    }
}

#[actix_web::test]
async fn one_whose_bounds_were_removed_in_the_database_is_not_let_in() {
    let (app, robot) = vault().await;
    content(&robot, "Object=erp").await;
    app.database.run("UPDATE \"authorization\" SET allowed_ips = '' WHERE resources = 'app-id'; UPDATE change_mark SET revision = revision + 1");
    app.vault.refresh().await.unwrap();
    expect_error(&ask(&robot, "Object=erp").await, NOT_AUTHENTICATED);
    assert_eq!(failures(&app).await, ["app-id-not-allowed"]);
}

#[actix_web::test]
async fn the_name_of_an_application_is_an_app_id_while_one_authorization_is_meant() {
    let (app, mut robot) = vault().await;
    robot.client_id = "tests".into();
    assert_eq!(content(&robot, "Object=erp").await, "erp's");
    reader(&app, |request| {
        by_app_id(request);
        request.allowed_ips = vec!["10.0.0.0/8".into()];
    })
    .await;
    assert_eq!(content(&robot, "Object=erp").await, "erp's");
    reader(&app, by_app_id).await;
    expect_error(&ask(&robot, "Object=erp").await, NOT_AUTHENTICATED);
    assert_eq!(failures(&app).await, ["app-id-ambiguous"]);
}

#[actix_web::test]
async fn a_certificate_proves_an_app_id() {
    let (app, _) = vault_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.http.certificate_header = "X-Client-Cert".into();
    })
    .await;
    let robot = reader(&app, |request| {
        by_app_id(request);
        request.allowed_ips = Vec::new();
        request.certificates = vec![FINGERPRINT.into()];
    })
    .await;
    let path = format!("{ACCOUNTS}?AppID={}&Object=erp", robot.client_id);
    let with = |value: &str| {
        robot.request(Method::GET, &path).header("X-Client-Cert", value).header("X-Forwarded-For", "203.0.113.9")
    };
    robot.send(with(FINGERPRINT)).await.expect(200);
    expect_error(&robot.send(with(&"0b".repeat(32))).await, NOT_AUTHENTICATED);
}

#[actix_web::test]
async fn a_token_has_to_be_of_the_same_authorization() {
    let (app, robot) = vault().await;
    let mut own = robot.clone();
    own.token = own.fetch_token().await;
    assert_eq!(content(&own, "Object=erp").await, "erp's");
    let mut other = reader(&app, by_app_id).await;
    other.token.clone_from(&own.token);
    expect_error(&ask(&other, "Object=erp").await, NOT_AUTHENTICATED);
    expect_error(&ask(&robot.with_token("nonsense"), "Object=erp").await, NOT_AUTHENTICATED);
    // A token of an authorization without the resource.
    let pam = app.client().await;
    expect_error(&ask(&pam, "Object=erp").await, NOT_AUTHENTICATED);
    // The resource opens this call alone.
    assert_eq!(own.get("/iso/pam/device").await.status, 403);
}

#[actix_web::test]
async fn nobody_locks_out_a_program_that_has_worked_from_its_address() {
    let (app, robot) = vault_with(|settings| settings.login.max_failures_per_minute = 3).await;
    assert_eq!(content(&robot, "Object=erp").await, "erp's");
    let mut guess = robot.clone();
    for number in 0..40 {
        guess.client_id = format!("guess-{number}");
        let expected = if number < 30 { NOT_AUTHENTICATED } else { (429, "APPAP306E") };
        expect_error(&ask(&guess, "Object=erp").await, expected);
    }
    assert_eq!(content(&robot, "Object=erp").await, "erp's");
    assert!(failures(&app).await.contains(&"too-many-failures".to_string()));
}

#[actix_web::test]
async fn a_request_without_an_app_id_is_recorded_if_it_has_a_token() {
    let (app, robot) = vault().await;
    let mut own = robot.clone();
    own.token = own.fetch_token().await;
    expect_error(&own.get(&format!("{ACCOUNTS}?Object=erp")).await, (400, "AIMWS031E"));
    expect_error(&own.get(&format!("{ACCOUNTS}?AppID=%FF&Object=erp")).await, (400, "AIMWS031E"));
    let records = app.records().await;
    assert_eq!(records.iter().filter(|record| record.outcome == "app-id-missing").count(), 2);
    expect_error(&robot.with_token("x").get(&format!("{ACCOUNTS}?Object=erp")).await, NOT_AUTHENTICATED);
    expect_error(&robot.get(&format!("{ACCOUNTS}?Object=erp")).await, (400, "AIMWS031E"));
}

#[actix_web::test]
async fn guessed_app_ids_are_limited_and_lock_out_nobody_at_its_own_address() {
    let (app, robot) = vault_with(|settings| settings.login.max_failures_per_minute = 3).await;
    let mut guess = robot.clone();
    for number in 0..30 {
        guess.client_id = format!("guess-{number}");
        expect_error(&ask(&guess, "Object=erp").await, NOT_AUTHENTICATED);
    }
    expect_error(&ask(&guess, "Object=erp").await, (429, "APPAP306E"));
    assert_eq!(content(&robot, "Object=erp").await, "erp's");
    assert!(failures(&app).await.contains(&"too-many-failures".to_string()));
    app.clock.advance(std::time::Duration::from_secs(60));
    app.vault.refresh().await.unwrap();
    expect_error(&ask(&guess, "Object=erp").await, NOT_AUTHENTICATED);
}

#[actix_web::test]
async fn a_disabled_authorization_and_an_unlinked_item_are_gone() {
    let (app, robot) = vault().await;
    let permit = app.operator(Action::AUTHORIZATION_UNLINK).await;
    let target = chaveiro::vault::access::link::LinkTarget::Device("srv".into());
    app.vault.unlink(permit, &robot.client_id, target).await.unwrap();
    let missing = ask(&robot, "Object=nothing").await;
    let hidden = ask(&robot, "Object=erp").await;
    expect_error(&hidden, NOT_FOUND);
    assert_eq!(hidden.text, missing.text);
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &robot.client_id).await.unwrap();
    expect_error(&ask(&robot, "Object=note").await, NOT_AUTHENTICATED);
}

#[actix_web::test]
async fn a_strangers_item_of_the_same_name_and_safe_is_not_found() {
    let (app, robot) = vault().await;
    let stranger = app.client().await;
    stranger.create_device("evil", "10.0.0.1").await;
    for username in ["batch", "erp"] {
        let body = serde_json::json!({ "hostname": "evil", "ip": "10.0.0.1", "username": username, "tags": "ops",
                                       "content": "the stranger's" });
        stranger.save_credential(&body).await;
    }
    for query in ["Safe=ops", "Safe=ops&UserName=batch", "Object=erp", "Query=Safe=ops;Object=.*&QueryFormat=Regexp"] {
        assert_eq!(content(&robot, query).await, "erp's", "{query}");
    }
    expect_error(&ask(&robot, "Object=evil/batch").await, NOT_FOUND);
}
