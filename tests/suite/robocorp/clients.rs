//! Published clients, unmodified, from the directory that `.ci/lib/clients.sh` has filled.

use std::process::Command;

use actix_web::web::block;

use crate::support::{Finished, Service, TestApp, TestClient, finish};
use crate::vault_kv::create_items;

/// A vault with the items, and their client with the static token that its robots have.
async fn vault() -> (TestApp, TestClient) {
    let app = super::app().await;
    let client = app.client_with(|request| request.allowed_ips = vec!["127.0.0.0/8".into()]).await;
    create_items(&client).await;
    let robot = app.with_static_token(&client).await;
    (app, robot)
}

/// Runs the interpreter of the clients with the three variables of a robot, or says that there is none.
async fn run(app: &TestApp, client: &TestClient, arguments: &[&str]) -> Option<Finished> {
    let directory = Service::find_clients()?;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(directory.join("bin/python3"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).current_dir(home.path());
    command.env("RC_API_SECRET_HOST", format!("http://{}", app.address)).env("RC_WORKSPACE_ID", "default");
    command.env("RC_API_SECRET_TOKEN", &client.token).args(arguments);
    Some(block(move || finish(command)).await.unwrap())
}

#[actix_web::test]
async fn a_robot_reads_secrets_and_tells_errors_apart() {
    let (app, client) = vault().await;
    let Some(finished) = run(&app, &client, &["-c", include_str!("robot.py")]).await else { return };
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn a_robot_of_robot_framework_reads_and_writes_secrets() {
    let (app, client) = vault().await;
    let tasks = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/robocorp/tasks.robot");
    let none = ["--output", "NONE", "--log", "NONE", "--report", "NONE"];
    let arguments = [&["-m", "robot"], none.as_slice(), &[tasks]].concat();
    let Some(finished) = run(&app, &client, &arguments).await else { return };
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stdout.contains("2 tasks, 2 passed, 0 failed"), "{finished:?}");
    assert_eq!(client.password("erp").await, "from a robot");
}
