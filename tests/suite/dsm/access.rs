//! Who may read, and what others hear.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::sender_constraint::SenderConstraint;
use chaveiro::vault::access::{Origin, Resource};
use chaveiro::vault::operation::Action;
use reqwest::Method;

use super::{APPLICATION, SECRETS, app, expect_failure, identities, reader};
use crate::support::{Signer, origin};

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

#[actix_web::test]
async fn a_bound_token_needs_a_proof_for_the_path_as_it_was_sent_and_what_it_registers_is_bound() {
    const TOKEN: &str = "/iso/oauth2/token";
    const SENT: &str = "/iso/dapp/Application";
    let (app, _maker) = app().await;
    let client = app
        .unauthenticated_client(|request| {
            request.resources = vec![Resource::Dsm, Resource::DsmApplications];
            request.sender_constraint = Some(SenderConstraint::Dpop);
        })
        .await;
    let (signer, now) = (Signer::new(), app.clock.now().timestamp());
    let proof = signer.proof("POST", TOKEN, None, now);
    let body = client.send(client.token_request().header("DPoP", proof)).await.expect(200);
    let issued = body["access_token"].as_str().unwrap();
    let anonymous = app.anonymous();
    let send = async |method: Method, proof: Option<String>| {
        let mut request = anonymous.request(method.clone(), SENT).header("Authorization", format!("DPoP {issued}"));
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        let form = [("application", "shop"), ("system", "s"), ("environment", "e")];
        anonymous.send(if method == Method::POST { request.form(&form) } else { request }).await
    };
    let proof = |path: &str| Some(signer.proof("GET", path, Some(issued), now));
    send(Method::GET, proof(SENT)).await.expect(200);
    for wrong in [None, proof(APPLICATION), Some(Signer::new().proof("GET", SENT, Some(issued), now))] {
        let answer = send(Method::GET, wrong).await;
        expect_failure(&answer, 401, "Invalid or expired access token");
        assert!(answer.challenges().iter().any(|challenge| challenge.starts_with("DPoP ")));
    }
    send(Method::POST, Some(signer.proof("POST", SENT, Some(issued), now))).await.expect(200);
    let newest = "SELECT sender_constraint FROM \"authorization\" ORDER BY id DESC LIMIT 1";
    assert_eq!(app.database.texts(newest), ["dpop"]);
}

#[actix_web::test]
async fn a_static_token_is_as_good() {
    let (app, _maker) = app().await;
    let client = app
        .client_with(|request| {
            request.resources = vec![Resource::Dsm];
            request.allowed_ips = vec!["127.0.0.1".into()];
        })
        .await;
    app.link(&client, LinkTarget::Device("srv".into())).await;
    assert_eq!(identities(&app.with_static_token(&client).await).await, ["erp", "srv/corp/ana"]);
}
