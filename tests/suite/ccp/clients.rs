//! The published clients, unmodified: pyaim, the collection cyberark.pas of Ansible and the plugin of AWX, from the directory that
//! `.ci/lib/clients.sh` has filled.

use std::path::Path;
use std::process::Command;

use actix_web::web::block;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{app_with, by_app_id, create_items, reader, vault};
use crate::support::{Finished, Service, finish, origin};

/// A program of the clients' directory, with an environment of its own.
fn program(directory: &Path, name: &str, home: &Path) -> Command {
    let mut command = Command::new(directory.join("bin").join(name));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env("LC_ALL", "C.UTF-8");
    command
}

async fn run(command: Command) -> Finished {
    block(move || finish(command)).await.unwrap()
}

/// Writes a self-signed certificate and its key, and returns the certificate's fingerprint.
fn write_certificate(directory: &Path, name: &str) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    crate::support::write_private(&directory.join(format!("{name}.key")), made.signing_key.serialize_pem());
    hex::encode(Sha256::digest(made.cert.der()))
}

#[actix_web::test]
async fn pyaim_reads_with_a_client_certificate() {
    let Some(directory) = Service::find_clients() else { return };
    let files = tempfile::tempdir().unwrap();
    write_certificate(files.path(), "server");
    let fingerprint = write_certificate(files.path(), "robot");
    let (certificate, key) = (files.path().join("server.pem"), files.path().join("server.key"));
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(&certificate).unwrap()).unwrap();
    let app = app_with(|settings| {
        settings.tls.certificate = Some(certificate);
        settings.tls.key = Some(key);
    })
    .await;
    let http = reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap();
    let owner = app.client_from(origin(), |_| {}).await.over_https("localhost", http);
    create_items(&owner).await;
    let robot = reader(&app, |request| {
        by_app_id(request);
        request.allowed_ips = Vec::new();
        request.certificates = vec![fingerprint];
    })
    .await;
    let mut command = program(&directory, "python3", files.path());
    command.args(["-c", include_str!("pyaim_client.py")]).current_dir(files.path());
    command.env("SERVER", format!("localhost:{}", app.address.port())).env("APP_ID", &robot.client_id);
    let finished = run(command).await;
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn the_plugin_of_awx_looks_an_account_up() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, robot) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = program(&directory, "python3", home.path());
    command.args(["-c", include_str!("awx_plugin.py")]);
    command.env("SERVER", format!("http://{}", app.address)).env("APP_ID", &robot.client_id);
    let finished = run(command).await;
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn the_module_of_ansible_reads_by_query_and_by_expression() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, robot) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let ask = async |more: Value| {
        let mut arguments = json!({ "api_base_url": format!("http://{}", app.address), "app_id": robot.client_id,
                                    "reason": "a play" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut command = program(&directory, "ansible", home.path());
        command.args(["localhost", "-m", "cyberark.pas.cyberark_credential", "-a", &arguments.to_string()]);
        run(command).await
    };
    let read = ask(json!({ "query": "Safe=ops;Folder=Root;UserName=batch" })).await;
    assert!(read.code == 0 && read.stdout.contains(r#""Content": "erp's""#), "{read:?}");
    let read = ask(json!({ "query": "Safe=ops;Object=er.", "query_format": "Regexp" })).await;
    assert!(read.code == 0 && read.stdout.contains(r#""UserName": "batch""#), "{read:?}");
    let missing = ask(json!({ "query": "Safe=ops;Object=nothing" })).await;
    assert!(missing.code != 0 && missing.stdout.contains(r#""status_code": 404"#), "{missing:?}");
    let denied = ask(json!({ "query": "Safe=ops", "app_id": "nobody" })).await;
    assert!(denied.code != 0 && denied.stdout.contains(r#""status_code": 403"#), "{denied:?}");
    let reasons = app.database.texts("SELECT reason FROM audit_record WHERE action = 'item.search'");
    assert_eq!(reasons, ["a play"; 3]);
}
