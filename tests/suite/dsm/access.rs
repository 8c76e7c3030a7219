//! Who may read, and what others hear.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{Origin, Resource};
use chaveiro::vault::operation::Action;

use super::{APPLICATION, SECRETS, app, expect_failure, identities, reader};
use crate::support::origin;

const DENIED: &str = "You are not authorized to access this resource.";

#[actix_web::test]
async fn the_resource_is_needed_and_shows_nothing_by_itself() {
    let (app, maker) = app().await;
    for path in [APPLICATION, SECRETS] {
        expect_failure(&maker.get(path).await, 403, DENIED);
    }
    let stranger = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    assert!(identities(&stranger).await.is_empty());
    // Nor does the resource permit the routes of another family.
    reader(&app).await.get("/iso/pam/device").await.expect(403);
}

#[actix_web::test]
async fn a_token_is_needed_before_anything_is_said_about_the_path() {
    let (app, _maker) = app().await;
    for path in [APPLICATION, SECRETS, "/iso/dapp/nothing", "/iso/cicd/variables"] {
        for client in [app.anonymous(), app.anonymous().with_token("nonsense")] {
            let answer = client.get(path).await;
            expect_failure(&answer, 401, "Invalid or expired access token");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm="));
        }
    }
}

#[actix_web::test]
async fn an_unknown_path_and_method_are_errors_of_this_family() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    expect_failure(&client.get("/iso/dapp/nothing").await, 404, "Resource sub not found");
    expect_failure(&client.delete(SECRETS).await, 405, "Method not allowed");
}

#[actix_web::test]
async fn a_wrong_address_and_a_disabled_client_are_refused() {
    let (app, _maker) = app().await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let elsewhere = app
        .client_from(from, |request| {
            request.resources = vec![Resource::Dsm];
            request.allowed_ips = vec!["10.9.9.9".into()];
        })
        .await;
    app.link(&elsewhere, LinkTarget::Device("srv".into())).await;
    expect_failure(&elsewhere.get(APPLICATION).await, 403, DENIED);
    let client = reader(&app).await;
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    expect_failure(&client.get(APPLICATION).await, 401, "Invalid or expired access token");
    let records = app.records().await;
    let refused: Vec<_> = records.iter().filter(|record| record.action == "application.read").collect();
    assert_eq!(refused.iter().map(|record| record.outcome.as_str()).collect::<Vec<_>>(), ["source-not-allowed"]);
}
