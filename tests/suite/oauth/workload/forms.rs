//! A token of each named issuer, in the form that its documentation shows, and the rule that admits it.

use chaveiro::vault::access::workload::issuer::KeySource;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use super::{expect_refused, expect_token, log_in};
use crate::support::{AUDIENCE, IssuerKey, TestApp, issuer_request, key_set};

struct Form {
    issuer: &'static str,
    reusable: bool,
    algorithm: Algorithm,
    header: fn(&mut Header),
    claims: fn(i64) -> Value,
    rule: &'static [(&'static str, &'static str)],
    /// A claim that belongs to somebody else.
    other: (&'static str, &'static str),
}

/// Logs in with a token of this form, and with the same of somebody else.
async fn check(form: Form) {
    let app = TestApp::start().await;
    let client = app.client().await;
    let key = IssuerKey::of("key", form.algorithm);
    let mut request = issuer_request(form.issuer, KeySource::Jwks(key_set(&[&key])));
    request.reusable_tokens = form.reusable;
    app.trust(request).await;
    app.add_rule("rule", &client.client_id, form.rule).await;
    let claims = (form.claims)(app.clock.now().timestamp());
    let mut other = claims.clone();
    *other.pointer_mut(form.other.0).unwrap() = form.other.1.into();
    expect_refused(&log_in(&app, &key.sign_with(&other, form.header)).await);
    let token = key.sign_with(&claims, form.header);
    expect_token(&log_in(&app, &token).await, 3600);
    let again = log_in(&app, &token).await;
    if form.reusable {
        expect_token(&again, 3600);
    } else {
        expect_refused(&again);
    }
}

#[actix_web::test]
async fn a_token_of_github_actions() {
    let claims = |now| {
        json!({
            "jti": "7a3b1c2d-0e4f-4a5b-8c6d-9e0f1a2b3c4d", "sub": "repo:octo-org/octo-repo:ref:refs/heads/main",
            "aud": AUDIENCE, "ref": "refs/heads/main", "sha": "c7fbf3f2d2b04a3c8a1e5a9d6c0b7e8f90123456",
            "repository": "octo-org/octo-repo", "repository_owner": "octo-org", "repository_owner_id": "65",
            "run_id": "22259804324", "run_number": "10", "run_attempt": "2", "repository_visibility": "private",
            "repository_id": "74", "actor_id": "12", "actor": "octocat", "workflow": "deploy", "head_ref": "",
            "base_ref": "", "event_name": "push", "ref_protected": "true", "ref_type": "branch",
            "workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
            "job_workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
            "runner_environment": "github-hosted", "iss": "https://token.actions.githubusercontent.com",
            "nbf": now - 300, "exp": now + 600, "iat": now,
        })
    };
    check(Form {
        issuer: "https://token.actions.githubusercontent.com",
        reusable: false,
        algorithm: Algorithm::RS256,
        header: |header| header.x5t = Some("ykNaY4qM_ta4k2TgZOCEYLkcYlA".into()),
        claims,
        rule: &[("repository", "octo-org/octo-repo"), ("ref", "refs/heads/main"), ("ref_protected", "true")],
        other: ("/repository", "octo-org/other"),
    })
    .await;
}

#[actix_web::test]
async fn a_token_of_gitlab() {
    let claims = |now| {
        json!({
            "namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project",
            "user_id": "1", "user_login": "sample-user", "user_email": "sample-user@example.com",
            "user_access_level": "maintainer", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
            "groups_direct": ["my-group", "my-group/sub"], "environment": "production", "environment_protected": "true",
            "runner_id": 1, "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
            "project_visibility": "private", "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
            "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "iss": "https://gitlab.example.com", "iat": now,
            "nbf": now - 5, "exp": now + 3600, "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
            "aud": AUDIENCE,
        })
    };
    check(Form {
        issuer: "https://gitlab.example.com",
        reusable: false,
        algorithm: Algorithm::RS256,
        header: |_| {},
        claims,
        rule: &[("project_path", "my-group/my-project"), ("ref_protected", "true"), ("runner_id", "1")],
        other: ("/ref_protected", "false"),
    })
    .await;
}

#[actix_web::test]
async fn a_token_of_a_kubernetes_service_account() {
    let claims = |now| {
        json!({
            "aud": [AUDIENCE], "exp": now + 3607, "iat": now, "nbf": now,
            "iss": "https://kubernetes.default.svc.cluster.local", "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
            "kubernetes.io": {
                "namespace": "prod", "node": { "name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1" },
                "pod": { "name": "my-pod", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3" },
                "serviceaccount": { "name": "robot", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
            },
            "sub": "system:serviceaccount:prod:robot",
        })
    };
    check(Form {
        issuer: "https://kubernetes.default.svc.cluster.local",
        reusable: true,
        algorithm: Algorithm::RS256,
        header: |header| header.typ = None,
        claims,
        rule: &[("/kubernetes.io/namespace", "prod"), ("/kubernetes.io/serviceaccount/name", "robot")],
        other: ("/kubernetes.io/namespace", "dev"),
    })
    .await;
}

#[actix_web::test]
async fn a_jwt_svid_of_spiffe() {
    // Neither jti nor iat is required (JWT-SVID, section 3).
    let claims = |now| {
        json!({
            "aud": [AUDIENCE], "exp": now + 300, "iat": now, "iss": "https://oidc.example.org",
            "sub": "spiffe://example.org/ns/prod/sa/robot",
        })
    };
    check(Form {
        issuer: "https://oidc.example.org",
        reusable: true,
        algorithm: Algorithm::ES384,
        header: |header| header.typ = Some("JOSE".into()),
        claims,
        rule: &[("sub", "spiffe://example.org/ns/prod/sa/*")],
        other: ("/sub", "spiffe://example.org/ns/dev/sa/robot"),
    })
    .await;
}

#[actix_web::test]
async fn a_token_of_a_managed_identity_of_entra() {
    // An application's token (version 2.0): `uti` in place of `jti`, and cached by the identity's host until it expires.
    let claims = |now| {
        json!({
            "aud": AUDIENCE, "iss": "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            "iat": now, "nbf": now, "exp": now + 86_399, "aio": "E2RgYDjTMu/LZl1eCy6t6rY6AQ==",
            "azp": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "azpacr": "2", "idtyp": "app",
            "oid": "a1b2c3d4-0000-4000-8000-123456789abc", "rh": "0.ARoAv4j5cvGGr0GRqy180BHbR", "roles": ["Vault.Read"],
            "sub": "a1b2c3d4-0000-4000-8000-123456789abc", "tid": "72f988bf-86f1-41af-91ab-2d7cd011db47",
            "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
        })
    };
    check(Form {
        issuer: "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        reusable: true,
        algorithm: Algorithm::RS256,
        header: |header| header.x5t = Some("nOo3ZDrODXEK1jKWhXslHR_KXEg".into()),
        claims,
        rule: &[("oid", "a1b2c3d4-0000-4000-8000-123456789abc"), ("roles", "Vault.Read"), ("idtyp", "app")],
        other: ("/oid", "00000000-0000-4000-8000-000000000000"),
    })
    .await;
}
