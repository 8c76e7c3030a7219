//! A published client of the Keyfactor API, unmodified: keyfactor-command-sdk, from the directory that `.ci/lib/clients.sh` has
//! filled.

use std::process::Command;

use actix_web::web::block;

use super::administrator;
use crate::support::{Service, TestApp, finish};

#[actix_web::test]
async fn the_published_sdk_manages_types_providers_roles_and_claims() {
    let Some(directory) = Service::find_clients() else { return };
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(directory.join("bin").join("python3"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).env("LC_ALL", "C.UTF-8");
    command.args(["-c", include_str!("command_sdk.py")]).current_dir(home.path());
    command.env("SERVER", format!("http://{}", app.address));
    command.env("CLIENT_ID", &client.client_id).env("CLIENT_SECRET", &client.client_secret);
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
    let actions = app.database.texts("SELECT DISTINCT action FROM audit_record WHERE family = 'keyfactor'");
    assert!(actions.len() > 10, "{actions:?}");
}
