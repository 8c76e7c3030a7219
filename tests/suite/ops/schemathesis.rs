//! Schemathesis, from the directory that `.ci/lib/clients.sh` has filled: it makes valid and invalid requests of the description, and
//! looks at each answer.

use std::process::Command;

use actix_web::web::block;
use chaveiro::vault::access::Resource;

use crate::support::{Service, TestApp, finish, serve_all};

/// What ends the token, or the client that has it.
const ENDS_THE_CLIENT: &str = "revoke|/dapp/application";
/// The contract answers these 500 for a session that there is not.
const FAILS_BY_CONTRACT: &str = "/session/drop/";
/// The test cases for each route, beside those that cover its parameters one by one.
const EXAMPLES: &str = "5";

#[actix_web::test]
async fn no_route_fails_answers_undescribed_or_without_its_token() {
    let Some(directory) = Service::find_clients() else { return };
    let app = TestApp::start_with(serve_all).await;
    let client = app
        .client_with(|request| {
            request.resources.extend([Resource::WebProxySession, Resource::Administration, Resource::Dsm]);
            request.roles = vec!["Administrator".into()];
        })
        .await;
    let run = |checks: &str, paths: [&str; 2]| {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(directory.join("bin/schemathesis"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).current_dir(home.path());
        command.args(["run", &format!("http://{}/openapi.json", app.address)]);
        command.args(["--header", &format!("Authorization: Bearer {}", client.token)]);
        command.args(["--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--workers", "2", "--seed", "1"]);
        command.args(["--checks", checks, "--continue-on-failure", "--no-shrink", "--no-color"]).args(paths);
        block(move || {
            let _home = home;
            finish(command)
        })
    };
    let excluded = format!("{ENDS_THE_CLIENT}|{FAILS_BY_CONTRACT}");
    let checks = "not_a_server_error,status_code_conformance,ignored_auth";
    let all = run(checks, ["--exclude-path-regex", &excluded]).await.unwrap();
    assert_eq!(all.code, 0, "{}", all.stdout);
    let dropped =
        run("status_code_conformance,ignored_auth", ["--include-path-regex", FAILS_BY_CONTRACT]).await.unwrap();
    assert_eq!(dropped.code, 0, "{}", dropped.stdout);
    // The token was good to the end.
    client.get("/iso/pam/device").await.expect(200);
}
