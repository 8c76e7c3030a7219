//! Roles of a real PostgreSQL of the test's own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::jit_settings;
use crate::support::{Service, TestApp, TestClient, write_private};

const PASSWORD: &str = "the password of the superuser";
const READER: &str = "/iso/pam/credential/reader";

/// A server, which ends when dropped.
struct Server {
    child: Child,
    _dir: TempDir,
    port: u16,
    bin: PathBuf,
}

impl Server {
    /// Starts one, or says that there is none to start.
    fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
        let bins = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
        let number = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
        let Some(bin) = bins.max_by_key(number) else {
            Service::PostgreSql.skip();
            return None;
        };
        let dir = tempfile::Builder::new().prefix("chv-jit").tempdir_in("/tmp").unwrap();
        write_private(&dir.path().join("password"), PASSWORD);
        let at = |name: &str| dir.path().join(name).display().to_string();
        if is_root() {
            assert!(Command::new("chown").args(["-R", "postgres:", &at("")]).status().unwrap().success());
        }
        let (data, password) = (at("data"), at("password"));
        let options =
            ["--pgdata", &data, "-U", "postgres", "--pwfile", &password, "--auth=scram-sha-256", "--no-locale"];
        assert!(as_postgres(&bin.join("initdb"), &options).output().unwrap().status.success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = as_postgres(&bin.join("postgres"), &["-D", &data, "-c", "listen_addresses=127.0.0.1"]);
        server.args(["-c", &format!("port={port}"), "-c", &format!("unix_socket_directories={}", at(""))]);
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut started = Self { child, _dir: dir, port, bin };
        while !started.psql("postgres", PASSWORD, "SELECT 1").status.success() {
            assert!(started.child.try_wait().unwrap().is_none(), "PostgreSQL has ended");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Some(started)
    }

    fn psql(&self, role: &str, password: &str, statement: &str) -> std::process::Output {
        let port = self.port.to_string();
        let options = ["-X", "-q", "-t", "-A", "-U", role, "-h", "127.0.0.1", "-p", &port, "-d", "postgres", "-c"];
        Command::new(self.bin.join("psql")).args(options).arg(statement).env("PGPASSWORD", password).output().unwrap()
    }

    fn execute(&self, statement: &str) -> String {
        let output = self.psql("postgres", PASSWORD, statement);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    }

    fn roles(&self) -> String {
        self.execute("SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends its own children.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The server refuses root.
fn as_postgres(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    }
    command.args(arguments).current_dir("/tmp");
    command
}

/// A vault with the credential of a role that exists just in time.
async fn vault(server: &Server) -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| {
        settings.rotation.just_in_time = true;
        let options = [("tls", "off"), ("groups", "readers")].map(|(name, value)| (name.into(), value.into()));
        settings.rotation.options.insert("postgresql".into(), options.into());
    })
    .await;
    let client = app.client().await;
    let device = json!({ "hostname": "database", "ip": "127.0.0.1", "type": "Server", "vendor": "PostgreSQL",
                         "model": "15", "site": "Default", "connectivities": format!("PostgreSQL:{}", server.port) });
    client.post("/iso/pam/device", &device).await.expect(201);
    let credential = |identifier: &str, username: &str, more: (&str, Value)| json!({ "hostname": "database", "ip": "127.0.0.1", "identifier": identifier, "username": username, more.0: more.1 });
    client.save_credential(&credential("superuser", "postgres", ("content", json!(PASSWORD)))).await;
    let settings = jit_settings("creation_and_deletion", "postgresql", "postgres", "database");
    client.save_credential(&credential("reader", "jit reader", ("jit_settings", settings))).await;
    (app, client)
}

#[actix_web::test]
async fn a_role_exists_while_it_is_in_custody() {
    let Some(server) = Server::start() else { return };
    server
        .execute("CREATE ROLE readers; CREATE TABLE numbers AS SELECT 7 AS number; GRANT SELECT ON numbers TO readers");
    let (app, client) = vault(&server).await;
    let password = client.password("reader").await.as_str().unwrap().to_string();
    let read = server.psql("jit reader", &password, "SELECT number FROM numbers");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "7");
    client.delete("/iso/pam/credential/custody/reader").await.expect(200);
    assert_eq!(app.vault.run_due_rotations().await.unwrap(), 1);
    assert_eq!(server.roles(), "postgres,readers");
    assert!(!server.psql("jit reader", &password, "SELECT 1").status.success());
}

#[actix_web::test]
async fn a_role_that_owns_objects_is_told_of_and_goes_later() {
    let Some(server) = Server::start() else { return };
    server.execute("CREATE ROLE readers");
    let (app, client) = vault(&server).await;
    let password = client.password("reader").await.as_str().unwrap().to_string();
    server.execute("CREATE TABLE kept (number int); ALTER TABLE kept OWNER TO \"jit reader\"");
    client.delete("/iso/pam/credential/custody/reader").await.expect(200);
    app.vault.run_due_rotations().await.unwrap();
    assert!(!server.psql("jit reader", &password, "SELECT 1").status.success());
    let account = client.get("/iso/pam/credential/reader/rotation").await.expect(200)["rotation"]["account"].take();
    assert_eq!((&account["state"], &account["problem"]), (&json!("removing"), &json!("in-use")));
    client.get(READER).await.expect_refusal(503, "it owns objects");
    server.execute("REASSIGN OWNED BY \"jit reader\" TO postgres");
    assert!(client.password("reader").await.is_string());
}

#[actix_web::test]
async fn a_role_that_existed_before_stays() {
    let Some(server) = Server::start() else { return };
    server.execute("CREATE ROLE readers; CREATE ROLE \"jit reader\" LOGIN PASSWORD 'theirs'");
    let (app, client) = vault(&server).await;
    client.get(READER).await.expect_refusal(409, "has an account of this name already");
    assert_eq!(app.vault.run_due_rotations().await.unwrap(), 0);
    assert!(server.psql("jit reader", "theirs", "SELECT 1").status.success());
}
