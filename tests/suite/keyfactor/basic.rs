//! Basic authentication: identities with a password.

use std::time::Duration;

use chaveiro::crypto::SecretText;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::json;

use super::{administrator, delete, post};
use crate::support::{Answer, BASIC, BEARER, TestApp};

const PASSWORD: &str = "correct horse: battery";

/// A vault in which `CORP\jo` is identity 1, with the password and the built-in role.
async fn vault() -> TestApp {
    let app = TestApp::start_with(|settings| settings.login.max_failures_per_minute = 3).await;
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, r"CORP\jo").await.unwrap();
    app.vault
        .grant_identity_role(app.operator(Action::IDENTITY_GRANT_ROLE).await, r"CORP\jo", "Administrator")
        .await
        .unwrap();
    app.vault
        .set_identity_password(
            app.operator(Action::IDENTITY_SET_PASSWORD).await,
            r"corp\JO",
            &SecretText::new(PASSWORD.into()),
        )
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    app
}

async fn call(app: &TestApp, method: Method, path: &str, account: &str, password: &str) -> Answer {
    let anonymous = app.anonymous();
    let request = anonymous.request(method, &format!("/KeyfactorAPI{path}")).basic_auth(account, Some(password));
    anonymous.send(request).await
}

async fn status(app: &TestApp, account: &str, password: &str) -> u16 {
    call(app, Method::GET, "/PamProviders", account, password).await.status.as_u16()
}

#[actix_web::test]
async fn an_identity_with_a_password_calls_with_its_roles() {
    let app = vault().await;
    for account in [r"CORP\jo", r"corp\Jo", "jo@corp"] {
        for _ in 0..2 {
            assert_eq!(status(&app, account, PASSWORD).await, 200, "{account}");
        }
    }
    app.vault.record_failures().await.unwrap();
    let records =
        app.database.texts("SELECT DISTINCT actor || ' ' || action FROM audit_record WHERE actor LIKE 'CORP%'");
    assert_eq!(records, [r"CORP\jo provider.list"]);
    // It is no client of the other families.
    let anonymous = app.anonymous();
    let request = anonymous.request(Method::GET, "/iso/pam/device").basic_auth(r"CORP\jo", Some(PASSWORD));
    anonymous.send(request).await.expect_refusal(401, "No route matched");
    // It may not delete itself, and what it may do ends with its roles.
    let own = call(&app, Method::DELETE, "/Security/Identities/1", r"CORP\jo", PASSWORD).await;
    own.expect_error(409, "own");
    app.vault
        .revoke_identity_role(app.operator(Action::IDENTITY_REVOKE_ROLE).await, r"CORP\jo", "Administrator")
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 403);
}

#[actix_web::test]
async fn whoever_is_not_let_in_hears_the_same() {
    let app = vault().await;
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, r"CORP\without").await.unwrap();
    app.vault.refresh().await.unwrap();
    let answers = [
        call(&app, Method::GET, "/PamProviders", r"CORP\jo", "wrong password").await,
        call(&app, Method::GET, "/PamProviders", r"CORP\nobody", PASSWORD).await,
        call(&app, Method::GET, "/PamProviders", r"CORP\without", "").await,
        call(&app, Method::GET, "/PamProviders", "jo", PASSWORD).await,
    ];
    for answer in &answers {
        answer.expect_error(401, "Invalid credentials");
        assert_eq!(answer.challenges(), [BASIC, BEARER]);
    }
    let anonymous = app.anonymous();
    for header in ["Basic !!!", "basic ", "Basic bm8tY29sb24="] {
        let request = anonymous.request(Method::GET, "/KeyfactorAPI/PamProviders").header("authorization", header);
        assert_eq!(anonymous.send(request).await.status, 401, "{header}");
    }
    app.vault.record_failures().await.unwrap();
    let records =
        app.database.texts("SELECT actor || outcome FROM audit_record WHERE action = 'authentication' ORDER BY 1");
    assert_eq!(records, [r"CORP\jowrong-secret", "token-missing", "unknown-client"]);
}

#[actix_web::test]
async fn wrong_passwords_are_limited_and_right_ones_do_not_help_a_limited_caller() {
    let app = vault().await;
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 200);
    for _ in 0..3 {
        assert_eq!(status(&app, r"CORP\jo", "a wrong password").await, 401);
    }
    for password in ["a wrong password", PASSWORD] {
        let limited = call(&app, Method::GET, "/PamProviders", r"CORP\jo", password).await;
        limited.expect_error(429, "Too many");
        assert_eq!(limited.header("retry-after"), Some("60"));
    }
    assert_eq!(status(&app, r"CORP\other", "x").await, 401, "another account is not limited");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 200);
    // From one address, all accounts together are limited too, except those that have logged in there.
    for number in 0..30 {
        assert_eq!(status(&app, &format!(r"CORP\x{number}"), "x").await, 401);
    }
    assert_eq!(status(&app, r"CORP\x30", "x").await, 429);
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 200);
}

#[actix_web::test]
async fn a_new_password_ends_the_old_one() {
    let app = vault().await;
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 200);
    app.vault
        .set_identity_password(
            app.operator(Action::IDENTITY_SET_PASSWORD).await,
            r"CORP\jo",
            &SecretText::new("another password".into()),
        )
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\jo", PASSWORD).await, 401);
    assert_eq!(status(&app, r"CORP\jo", "another password").await, 200);
    app.vault.clear_identity_password(app.operator(Action::IDENTITY_SET_PASSWORD).await, r"CORP\jo").await.unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\jo", "another password").await, 401);
    for short in ["", "eleven char"] {
        assert!(
            app.vault
                .set_identity_password(
                    app.operator(Action::IDENTITY_SET_PASSWORD).await,
                    r"CORP\jo",
                    &SecretText::new(short.into())
                )
                .await
                .is_err()
        );
    }
    assert!(
        app.vault
            .set_identity_password(
                app.operator(Action::IDENTITY_SET_PASSWORD).await,
                r"CORP\nobody",
                &SecretText::new(PASSWORD.into())
            )
            .await
            .is_err()
    );
}

#[actix_web::test]
async fn who_was_changed_behind_the_vaults_back_or_deleted_is_not_let_in() {
    let app = vault().await;
    // Somebody who can write to the database puts a password of their own in the place of the right one.
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, r"CORP\eve").await.unwrap();
    app.vault
        .set_identity_password(
            app.operator(Action::IDENTITY_SET_PASSWORD).await,
            r"CORP\eve",
            &SecretText::new("the password of eve".into()),
        )
        .await
        .unwrap();
    app.database.run("UPDATE identity SET password = (SELECT i.password FROM identity i WHERE i.id = 2) WHERE id = 1");
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\jo", "the password of eve").await, 401);
    assert_eq!(status(&app, r"CORP\eve", "the password of eve").await, 403, "without a role");
    // Or gives somebody a role.
    app.database.run("INSERT INTO identity_role (identity_id, role_id) VALUES (2, 1)");
    app.vault.create_application(app.operator(Action::APPLICATION_CREATE).await, "raises the mark").await.unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\eve", "the password of eve").await, 401);

    let administrator = administrator(&app).await;
    let made = post(&administrator, "/Security/Identities", &json!({ "AccountName": r"CORP\al" })).await.expect(200);
    app.vault
        .set_identity_password(
            app.operator(Action::IDENTITY_SET_PASSWORD).await,
            r"CORP\al",
            &SecretText::new(PASSWORD.into()),
        )
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    assert_eq!(status(&app, r"CORP\al", PASSWORD).await, 403);
    assert_eq!(delete(&administrator, &format!("/Security/Identities/{}", made["Id"])).await.status, 204);
    assert_eq!(status(&app, r"CORP\al", PASSWORD).await, 401, "at once");
}
