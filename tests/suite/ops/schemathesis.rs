//! Schemathesis, from the directory that `.ci/lib/clients.sh` has filled: it makes valid and invalid requests of the description, and
//! looks at each answer.

use std::process::Command;

use actix_web::web::block;
use chaveiro::vault::access::Resource;

use crate::support::{Service, TestApp, serve_all};

/// What ends the token, or the client that has it, and the routes of PAM under /api, which are those under /iso.
const EXCLUDED: &str = "revoke|/dapp/application|^/api/(oauth2|pam|session)/";
/// The contract answers these 500 for a session that there is not.
const FAILS_BY_CONTRACT: &str = "^/iso.*/session/drop/";
/// The test cases for each route, beside those that cover its parameters one by one.
const EXAMPLES: &str = "3";

#[actix_web::test]
async fn no_route_fails_answers_undescribed_or_without_its_token() {
    let Some(directory) = Service::find_clients() else { return };
    let app = TestApp::start_with(|settings| {
        serve_all(settings);
        // It tries wrong tokens on every route, and expects to hear 401 each time.
        settings.login.max_failures_per_minute = 100_000;
    })
    .await;
    let client = app
        .client_with(|request| {
            request.resources.extend([Resource::WebProxySession, Resource::Administration, Resource::Dsm]);
            request.roles = vec!["Administrator".into()];
        })
        .await;
    let run = async |checks: &str, included: &str, excluded: &str| {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(directory.join("bin/schemathesis"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).current_dir(home.path());
        command.args(["run", &format!("http://{}/openapi.json", app.address)]);
        command.args(["--header", &format!("Authorization: Bearer {}", client.token)]);
        command.args(["--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1"]);
        // One worker: two threads of CPython 3.11 that compile at once fail now and then (python/cpython#106905).
        command.args(["--workers", "1"]);
        command.args(["--checks", checks, "--continue-on-failure", "--no-shrink", "--no-color"]);
        command.args(["--include-path-regex", included, "--exclude-path-regex", excluded]);
        command.args(["--request-timeout", "30"]);
        let ran = block(move || command.output()).await.unwrap().unwrap();
        assert!(ran.status.success(), "{included}: {}", String::from_utf8_lossy(&ran.stdout));
        drop(home);
    };
    let excluded = format!("{EXCLUDED}|{FAILS_BY_CONTRACT}");
    let checks = "not_a_server_error,status_code_conformance,ignored_auth";
    for included in ["^/iso/", "^/KeyfactorAPI/", "^/(?!iso/|KeyfactorAPI/)"] {
        run(checks, included, &excluded).await;
    }
    run("status_code_conformance,ignored_auth", FAILS_BY_CONTRACT, EXCLUDED).await;
    // The token was good to the end.
    client.get("/iso/pam/device").await.expect(200);
}
