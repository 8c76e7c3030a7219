//! A private sshd, and accounts of this machine for it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use chaveiro_rotation::LoginSecret;
use chaveiro_secret::SecretText;

use super::{Server, Tested, account, comes_true, command, find_program, free_port, is_root};

/// What begins the names of accounts of tests; the id of the process follows.
const PREFIX: &str = "chv-test-";
/// One at a time: the programs lock the files of accounts, and do not wait long.
static ACCOUNTS: Mutex<()> = Mutex::new(());
static REMOVE_LEFTOVERS: Once = Once::new();

/// Keeps other tests from changing accounts of this machine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server with UsePAM, into which root comes by a key of the test.
pub(crate) struct Sshd {
    pub(crate) server: Server,
}

impl Sshd {
    /// Starts one, or says that it cannot be.
    pub(crate) fn start(more: &str) -> Option<Self> {
        let (sshd, keygen) = (find_program("sshd")?, find_program("ssh-keygen")?);
        if !is_root("sshd") {
            return None;
        }
        REMOVE_LEFTOVERS.call_once(remove_leftovers);
        std::fs::create_dir_all("/run/sshd").unwrap();
        // Not in /tmp: no directory above keys may be writable for others.
        let dir = tempfile::Builder::new().prefix("chv-sshd").tempdir_in("/run").unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for name in ["host", "root"] {
            command(&keygen, &["-q", "-t", "ed25519", "-N", "", "-f", &at(name)], "");
        }
        let port = free_port();
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM yes\nPermitRootLogin prohibit-password\n\
             LogLevel VERBOSE\nAcceptEnv LC_ALL LANG\nMaxStartups 100\n{more}\nMatch User root\nAuthorizedKeysFile {}\n",
            at("host"),
            at("root.pub"),
        );
        std::fs::write(dir.path().join("sshd_config"), configuration).unwrap();
        let mut program = Command::new(sshd);
        program.args(["-D", "-f", &at("sshd_config"), "-E", &at("log")]);
        // The directory of keys must be nobody else's.
        command(Path::new("chmod"), &["755", &dir.path().display().to_string()], "");
        let started = Self { server: Server::start(program, dir, port) };
        // Of the one that found out that it listens.
        assert!(comes_true(|| started.connections() > 0, || {}), "sshd logs no connection");
        Some(started)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.server.read("log").matches("Connection from").count()
    }

    /// The key of root.
    pub(crate) fn root_key(&self) -> LoginSecret {
        key(&self.server.read("root"))
    }

    /// An account on this server, for a plugin.
    pub(crate) async fn tested(&self, plugin: &str, username: &str) -> Tested {
        Tested::new(plugin, account(username, self.server.port, &[])).pinned().await
    }

    /// Asserts that so many passwords were refused. The line of the last one may come after its answer.
    pub(crate) fn has_refused_passwords(&self, count: usize) {
        let refused = || self.server.read("log").matches("Failed password").count();
        comes_true(|| refused() >= count, || {});
        assert_eq!(refused(), count);
    }
}

/// Returns a private key as a secret.
pub(crate) fn key(text: &str) -> LoginSecret {
    LoginSecret::PrivateKey { key: SecretText::new(text.into()), passphrase: None }
}

/// An account of this machine, which is removed when dropped.
pub(crate) struct LinuxAccount {
    pub(crate) name: String,
}

impl LinuxAccount {
    /// Makes one with a password.
    pub(crate) fn new(password: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("{PREFIX}{}-{next}", std::process::id());
        let made = Self { name };
        made.administer("useradd", &["--create-home", "--shell", "/bin/bash", &made.name]);
        made.set_password(password);
        made
    }

    /// Sets its password as root of this machine does.
    pub(crate) fn set_password(&self, password: &str) {
        let _locked = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        command(&find_program("chpasswd").unwrap(), &[], &format!("{}:{password}\n", self.name));
    }

    /// Runs a program that administers accounts.
    pub(crate) fn administer(&self, program: &str, arguments: &[&str]) {
        let _locked = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        command(&find_program(program).unwrap(), arguments, "");
    }

    /// Returns its line of a file of /etc.
    pub(crate) fn shadow(&self) -> String {
        let all = std::fs::read_to_string("/etc/shadow").unwrap();
        all.lines().find(|line| line.starts_with(&format!("{}:", self.name))).unwrap().to_string()
    }

    /// Its home.
    pub(crate) fn home(&self) -> std::path::PathBuf {
        Path::new("/home").join(&self.name)
    }

    /// Writes a file of its home, which belongs to it.
    pub(crate) fn write(&self, name: &str, text: &str, mode: &str) {
        let path = self.home().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let (path, owner) = (path.display().to_string(), format!("{0}:{0}", self.name));
        command(Path::new("chown"), &["-R", &owner, &self.home().display().to_string()], "");
        command(Path::new("chmod"), &[mode, &path], "");
    }
}

impl Drop for LinuxAccount {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Removes an account, whose last session may not have ended yet.
fn remove(name: &str) {
    let _locked = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let removed = Command::new("/usr/sbin/userdel").args(["--force", "--remove", name]).output();
    assert!(removed.is_ok() || std::thread::panicking());
}

/// Removes the accounts of runs that were killed.
fn remove_leftovers() {
    let all = std::fs::read_to_string("/etc/passwd").unwrap();
    for name in all.lines().filter_map(|line| line.split(':').next()).filter(|name| name.starts_with(PREFIX)) {
        let process = name[PREFIX.len()..].split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            remove(name);
        }
    }
}
