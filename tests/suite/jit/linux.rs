//! Accounts of this machine, through a real sshd and `sudo`, where root runs the test.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::jit_settings;
use crate::support::{Service, TestApp};

const PASSWORD: &str = "the-Password-of-the-operator-7";

/// An sshd that takes passwords, and an operator who may do everything; both go with the value, and so does what a failed test has
/// left.
struct Host {
    child: Child,
    _dir: TempDir,
    port: u16,
    operator: String,
    temporary: String,
    rule: PathBuf,
}

impl Host {
    /// Starts it, or says that it cannot be.
    fn start() -> Option<Self> {
        let sshd = Service::find_program("sshd")?;
        for needed in ["useradd", "chpasswd", "sudo", "ssh-keygen"] {
            Service::find_program(needed)?;
        }
        if !std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            Service::Program("root").skip();
            return None;
        }
        std::fs::create_dir_all("/run/sshd").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at("host")], "");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM yes\nMaxStartups 100\n",
            at("host")
        );
        std::fs::write(at("sshd_config"), configuration).unwrap();
        let mut server = Command::new(sshd);
        server.args(["-D", "-f", &at("sshd_config"), "-E", &at("log")]).stdin(Stdio::null());
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let operator = format!("chv-jit-op-{}", std::process::id());
        let rule = PathBuf::from("/etc/sudoers.d").join(operator.replace('-', "_"));
        let temporary = format!("chv-jit-{}", std::process::id());
        let host = Self { child, _dir: dir, port, operator, temporary, rule };
        run("useradd", &["--create-home", &host.operator], "");
        run("chpasswd", &[], &format!("{}:{PASSWORD}\n", host.operator));
        std::fs::write(&host.rule, format!("{} ALL=(root) ALL\n", host.operator)).unwrap();
        // A minute, in steps: the time of day is not to be asked for.
        let is_up = (0..3000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(is_up, "sshd does not start");
        Some(host)
    }

    fn exists(&self) -> bool {
        Command::new("getent").args(["passwd", &self.temporary]).output().unwrap().status.success()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.rule);
        for name in [&self.operator, &self.temporary] {
            let _ = Command::new("/usr/sbin/userdel").args(["--force", "--remove", name]).output();
        }
    }
}

fn run(program: &'static str, arguments: &[&str], input: &str) {
    use std::io::Write;
    let mut command = Command::new(Service::find_program(program).unwrap());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program}");
}

#[actix_web::test]
async fn a_linux_account_exists_while_it_is_in_custody() {
    let Some(host) = Host::start() else { return };
    let app = TestApp::start_with(|settings| settings.rotation.just_in_time = true).await;
    let client = app.client().await;
    let device = json!({ "hostname": "host", "ip": "127.0.0.1", "type": "Server", "vendor": "Debian", "model": "12",
                         "site": "Default", "connectivities": format!("SSH:{}", host.port) });
    client.post("/iso/pam/device", &device).await.expect(201);
    let credential = |identifier: &str, username: &str| json!({ "hostname": "host", "ip": "127.0.0.1", "identifier": identifier, "username": username });
    let mut operator = credential("operator", &host.operator);
    operator["content"] = json!(PASSWORD);
    client.save_credential(&operator).await;
    let mut temporary = credential("temp", &host.temporary);
    temporary["jit_settings"] = jit_settings("creation_and_deletion", "linux-password", &host.operator, "host");
    client.save_credential(&temporary).await;

    assert!(!host.exists());
    assert!(client.password("temp").await.is_string() && host.exists());
    client.delete("/iso/pam/credential/custody/temp").await.expect(200);
    assert_eq!(app.vault.run_due_rotations().await.unwrap(), 1);
    assert!(!host.exists());
}
