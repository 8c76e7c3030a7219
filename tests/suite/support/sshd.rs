//! An OpenSSH server of a test's own, where `sshd` is installed. It lets in the user who runs the test, whose home is a directory
//! of the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::Service;
use super::process::listens;

/// The server, in the foreground of a child process; killed when dropped.
pub(crate) struct Sshd {
    program: PathBuf,
    child: Option<Child>,
    dir: TempDir,
    /// Its port.
    pub(crate) port: u16,
    /// The name of its only account.
    pub(crate) username: String,
}

impl Sshd {
    /// Starts it with an `authorized_keys`, or says that there is none to start.
    pub(crate) fn start(authorized_keys: &str) -> Option<Self> {
        let program = Service::find_program("sshd")?;
        for needed in ["ssh", "ssh-keygen"] {
            Service::find_program(needed)?;
        }
        let user = Command::new("id").arg("-un").output().unwrap();
        let username = String::from_utf8(user.stdout).unwrap().trim().to_string();
        if username == "root" {
            // The directory in which sshd separates privileges.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".ssh")).unwrap();
        let mut server = Self { program, child: None, dir, port: 0, username };
        std::fs::write(server.authorized_keys_file(), authorized_keys).unwrap();
        server.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &server.at("host")]);
        for _ in 0..5 {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let configuration = format!(
                "ListenAddress 127.0.0.1:{}\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
                 PasswordAuthentication no\nMaxStartups 100\nAuthorizedKeysFile {}\nSetEnv HOME={}\n",
                server.port,
                server.at("host"),
                server.authorized_keys_file().display(),
                server.dir.path().display(),
            );
            std::fs::write(server.at("sshd_config"), configuration).unwrap();
            if server.try_serve() {
                return Some(server);
            }
        }
        panic!("sshd ends again and again");
    }

    /// Starts it again after it was stopped.
    pub(crate) fn serve(&mut self) {
        assert!(self.try_serve(), "sshd has ended");
    }

    fn try_serve(&mut self) -> bool {
        let mut command = Command::new(&self.program);
        command.args(["-D", "-f", &self.at("sshd_config"), "-E", &self.at("log")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        listens(self.child.insert(child), self.port)
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether a private key in a file without a passphrase logs in, as `ssh` says.
    pub(crate) fn lets_in(&self, private_key: &str) -> bool {
        let file = self.at("tried");
        super::write_private(Path::new(&file), private_key);
        let port = self.port.to_string();
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-p", &port, "-i", &file, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityAgent=none"]);
        ssh.args(["-l", &self.username, "127.0.0.1", "true"]);
        ssh.stdin(Stdio::null()).output().unwrap().status.success()
    }

    /// Generates a key pair, and returns the private key and the line of the public one.
    pub(crate) fn key_pair(kind: &str, passphrase: &str, comment: &str) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let arguments = ["-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", &path.display().to_string()];
        assert!(Command::new("ssh-keygen").args(arguments).status().unwrap().success());
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        (read(&path), read(&path.with_extension("pub")).trim_end().to_string())
    }

    /// Returns a private key without its passphrase.
    pub(crate) fn decrypted(&self, private_key: &str, passphrase: &str) -> String {
        let file = self.at("decrypted");
        super::write_private(Path::new(&file), private_key);
        self.run("ssh-keygen", &["-q", "-p", "-P", passphrase, "-N", "", "-f", &file]);
        std::fs::read_to_string(file).unwrap()
    }

    /// Returns the type and the key of the public key of a private one, as `ssh-keygen` derives it.
    pub(crate) fn public_key(&self, private_key: &str, passphrase: &str) -> String {
        let file = self.at("derived");
        super::write_private(Path::new(&file), private_key);
        let derived = self.run("ssh-keygen", &["-y", "-P", passphrase, "-f", &file]);
        derived.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// The lines that let keys in.
    pub(crate) fn authorized_keys(&self) -> String {
        std::fs::read_to_string(self.authorized_keys_file()).unwrap()
    }

    /// Replaces them.
    pub(crate) fn set_authorized_keys(&self, lines: &str) {
        std::fs::write(self.authorized_keys_file(), lines).unwrap();
    }

    fn authorized_keys_file(&self) -> PathBuf {
        self.dir.path().join(".ssh/authorized_keys")
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let done = Command::new(program).args(arguments).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
