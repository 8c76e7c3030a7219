//! The published clients, unmodified: hvac (Python), bao (the command line of `OpenBao`), Ansible's collection
//! `community.hashi_vault`, the plugin of AWX, the broker of `NetBox` and node-vault (JavaScript), from the directory that `.ci/lib/clients.sh` has filled.

use std::path::Path;
use std::process::Command;

use actix_web::web::block;
use chaveiro::vault::access::Resource;
use serde_json::json;

use super::jwt_login::Fixture;
use super::vault;
use crate::support::{Finished, Service, TestApp, TestClient, finish};

/// A program of the clients' directory, with an environment of its own.
fn program(directory: &Path, name: &str, app: &TestApp, home: &Path) -> Command {
    let mut command = Command::new(directory.join("bin").join(name));
    let url = format!("http://{}", app.address);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env("BAO_ADDR", &url).env("VAULT_ADDR", &url);
    command
}

/// The command line `bao`, as one client of a vault calls it.
struct Bao<'a> {
    directory: &'a Path,
    app: &'a TestApp,
    home: tempfile::TempDir,
    token: String,
}

impl Bao<'_> {
    async fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = program(self.directory, "bao", self.app, self.home.path());
        command.args(arguments).env("BAO_TOKEN", &self.token);
        block(move || finish(command)).await.unwrap()
    }

    async fn done(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments).await;
        assert_eq!(finished.code, 0, "{arguments:?}: {finished:?}");
        finished.stdout.trim_end().into()
    }
}

#[actix_web::test]
async fn bao_logs_in_reads_lists_looks_up_and_revokes() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let mut bao = Bao { directory: &directory, app: &app, home, token: String::new() };
    let login = ["write", "-field=token", "auth/approle/login"];
    let (role, secret) = (format!("role_id={}", client.client_id), format!("secret_id={}", client.client_secret));
    bao.token = bao.done(&[&login[..], &[&role, &secret]].concat()).await;
    let wrong = bao.run(&[&login[..], &[&role, "secret_id=wrong"]].concat()).await;
    assert!(wrong.code == 2 && wrong.stderr.contains("invalid role or secret ID"), "{wrong:?}");

    for path in [&["-mount=secret", "erp"][..], &["secret/erp"]] {
        assert_eq!(bao.done(&[&["kv", "get", "-field=password"][..], path].concat()).await, "second");
    }
    assert_eq!(bao.done(&["kv", "get", "-version=1", "-field=password", "-mount=secret", "erp"]).await, "first");
    assert_eq!(bao.done(&["kv", "get", "-field=password", "-mount=secret", "srv/corp/ana"]).await, "ana's");
    let table = bao.done(&["kv", "get", "secret/erp"]).await;
    assert!(table.contains("secret/data/erp") && table.contains("second"), "{table}");
    assert_eq!(
        bao.done(&["kv", "list", "-format=json", "secret"]).await.replace([' ', '\n'], ""),
        r#"["erp","key","note","srv/"]"#
    );
    assert_eq!(
        bao.done(&["kv", "list", "-format=json", "-mount=secret", "srv/corp"]).await.replace([' ', '\n'], ""),
        r#"["ana"]"#
    );
    let missing = bao.run(&["kv", "get", "secret/nothing"]).await;
    assert!(missing.code == 2 && missing.stderr.contains("No value found at secret/data/nothing"), "{missing:?}");
    let written = bao.run(&["kv", "put", "secret/erp", "password=x"]).await;
    assert!(written.code == 2 && written.stderr.contains("unsupported operation"), "{written:?}");
    assert_eq!(super::fields(&client, "erp").await["password"], "second");

    let status = bao.done(&["status"]).await;
    assert!(status.contains("Sealed          false"), "{status}");
    assert_eq!(bao.done(&["token", "capabilities", "secret/data/erp"]).await, "read");
    assert!(bao.done(&["token", "lookup"]).await.contains(&client.client_id));
    bao.done(&["token", "revoke", "-self"]).await;
    let denied = bao.run(&["kv", "get", "-mount=secret", "erp"]).await;
    assert!(denied.code == 2 && denied.stderr.contains("permission denied"), "{denied:?}");
}

#[actix_web::test]
async fn hvac_logs_in_reads_lists_and_tells_errors_apart() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, client) = vault().await;
    let stranger: TestClient = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    let home = tempfile::tempdir().unwrap();
    let mut command = program(&directory, "python3", &app, home.path());
    command.args(["-c", include_str!("hvac_client.py")]);
    for (name, value) in [
        ("ROLE_ID", &client.client_id),
        ("SECRET_ID", &client.client_secret),
        ("STRANGER_ROLE_ID", &stranger.client_id),
        ("STRANGER_SECRET_ID", &stranger.client_secret),
    ] {
        command.env(name, value);
    }
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn awx_and_the_broker_of_netbox_read() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = program(&directory, "python3", &app, home.path());
    command.args(["-c", include_str!("inventory_clients.py")]);
    command.env("ROLE_ID", &client.client_id).env("SECRET_ID", &client.client_secret);
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn hvac_logs_in_with_the_token_of_a_workload() {
    let Some(directory) = Service::find_clients() else { return };
    let it = Fixture::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = program(&directory, "python3", &it.app, home.path());
    command.args(["-c", include_str!("hvac_jwt_client.py")]);
    command.env("JWT", it.token(json!({}))).env("OTHER_JWT", it.token(json!({})));
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}

#[actix_web::test]
async fn bao_logs_in_with_the_token_of_a_workload() {
    let Some(directory) = Service::find_clients() else { return };
    let it = Fixture::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut bao = Bao { directory: &directory, app: &it.app, home, token: String::new() };
    let (role, jwt) = (format!("role={}", it.client.client_id), format!("jwt={}", it.token(json!({}))));
    bao.token = bao.done(&["write", "-field=token", "auth/jwt/login", &role, &jwt]).await;
    assert_eq!(bao.done(&["kv", "get", "-field=password", "-mount=secret", "erp"]).await, "second");
}

#[actix_web::test]
async fn the_module_of_ansible_logs_in_and_reads_a_version() {
    let Some(directory) = Service::find_clients() else { return };
    let (app, client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let ask = async |more: serde_json::Value| {
        let mut arguments = json!({ "url": format!("http://{}", app.address), "auth_method": "approle",
                                    "role_id": client.client_id, "secret_id": client.client_secret,
                                    "engine_mount_point": "secret" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut command = program(&directory, "ansible", &app, home.path());
        command.env("LC_ALL", "C.UTF-8");
        command.args(["localhost", "-m", "community.hashi_vault.vault_kv2_get", "-a", &arguments.to_string()]);
        block(move || finish(command)).await.unwrap()
    };
    for (more, password) in [(json!({ "path": "erp" }), "second"), (json!({ "path": "erp", "version": 1 }), "first")] {
        let read = ask(more).await;
        assert!(read.code == 0 && read.stdout.contains(&format!(r#""password": "{password}""#)), "{read:?}");
    }
    let missing = ask(json!({ "path": "nothing" })).await;
    assert!(missing.code != 0 && missing.stdout.contains("Invalid or missing path"), "{missing:?}");
    let wrong = ask(json!({ "path": "erp", "secret_id": "wrong" })).await;
    assert!(wrong.code != 0 && wrong.stdout.contains("invalid role or secret ID"), "{wrong:?}");
}

#[actix_web::test]
async fn node_vault_logs_in_reads_lists_and_tells_errors_apart() {
    let Some(directory) = Service::find_node_clients() else { return };
    let (app, client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("node");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", home.path());
    command.env("NODE_PATH", directory.join("node_modules")).env("VAULT_ADDR", format!("http://{}", app.address));
    command.env("ROLE_ID", &client.client_id).env("SECRET_ID", &client.client_secret);
    command.args(["-e", include_str!("node_vault_client.js")]);
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}
