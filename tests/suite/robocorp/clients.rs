//! The published client robocorp-vault, unmodified, from the directory that `.ci/lib/clients.sh` has filled.

use std::process::Command;

use actix_web::web::block;

use super::vault;
use crate::support::{Service, finish};

#[actix_web::test]
async fn a_robot_reads_secrets_and_tells_errors_apart() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(directory.join("bin/python3"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path());
    command.env("RC_API_SECRET_HOST", format!("http://{}", app.address)).env("RC_WORKSPACE_ID", "default");
    command.env("RC_API_SECRET_TOKEN", &client.token).args(["-c", include_str!("robot.py")]);
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}
