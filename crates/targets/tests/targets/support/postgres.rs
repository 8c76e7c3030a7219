//! A PostgreSQL server of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::service::skip;
use super::{Certificates, Server, comes_true, command, free_port, has_root};

pub(crate) const SUPERUSER: &str = "postgres";
pub(crate) const SUPERUSER_PASSWORD: &str = "the password of the superuser";

/// The server, with TLS on TCP, where passwords are asked for.
pub(crate) struct Postgres {
    pub(crate) server: Server,
    pub(crate) certificates: Certificates,
    bin: PathBuf,
}

impl Postgres {
    /// Starts one, or says that there is none to start.
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = newest() else {
            skip("postgresql", "PostgreSQL");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("chv-pg").tempdir_in("/tmp").unwrap();
        let certificates = Certificates::new();
        certificates.write(dir.path());
        std::fs::write(dir.path().join("password"), SUPERUSER_PASSWORD).unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        if has_root() {
            command(Path::new("chown"), &["-R", "postgres:", &dir.path().display().to_string()], "");
        }
        command(Path::new("chmod"), &["600", &at("server.key")], "");
        let (data, password) = (at("data"), at("password"));
        let options =
            ["--pgdata", &data, "--username", SUPERUSER, "--pwfile", &password, "--auth=scram-sha-256", "--no-locale"];
        let made = as_postgres(&bin.join("initdb"), &options).arg("--encoding=UTF8").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let rules =
            "local all all trust\nhost all trusted 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(dir.path().join("data/pg_hba.conf"), rules).unwrap();
        let port = free_port();
        let mut program = as_postgres(&bin.join("postgres"), &["-D", &data]);
        for option in [
            "listen_addresses=127.0.0.1".to_string(),
            format!("port={port}"),
            format!("unix_socket_directories={}", dir.path().display()),
            "ssl=on".into(),
            format!("ssl_cert_file={}", at("server.pem")),
            format!("ssl_key_file={}", at("server.key")),
            "logging_collector=on".into(),
            format!("log_directory={}", dir.path().display()),
            "log_filename=log".into(),
            "log_statement=all".into(),
            "log_connections=on".into(),
        ] {
            program.args(["-c", &option]);
        }
        let started = Self { server: Server::start(program, dir, port), certificates, bin };
        started.wait();
        Some(started)
    }

    /// Waits until it takes logins: it listens before.
    fn wait(&self) {
        let (host, port) = (self.server.dir.path().display().to_string(), self.server.port.to_string());
        let is_ready = || Command::new(self.bin.join("pg_isready")).args(["-q", "-h", &host, "-p", &port]).status();
        while !is_ready().unwrap().success() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Returns the log with every statement so far: another process writes it, some moments later, in their order.
    pub(crate) fn log(&self) -> String {
        let mark = format!("mark-{}", self.server.read("log").len());
        self.execute(&format!("SELECT '{mark}'"));
        assert!(comes_true(|| self.server.read("log").contains(&mark), || {}), "the log has no {mark}");
        self.server.read("log")
    }

    /// Runs statements as the superuser.
    pub(crate) fn execute(&self, statements: &str) -> String {
        let (host, port) = (self.server.dir.path().display().to_string(), self.server.port.to_string());
        let options = [
            "-X",
            "-q",
            "-t",
            "-A",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            SUPERUSER,
            "-h",
            &host,
            "-p",
            &port,
            "-c",
            statements,
        ];
        let output = command(&self.bin.join("psql"), &options, "");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The server refuses root.
fn as_postgres(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    if has_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    }
    command.args(arguments).current_dir("/tmp");
    command
}

fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let bins = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    bins.max_by_key(|bin| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok())
}
