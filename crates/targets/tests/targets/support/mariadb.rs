//! A MariaDB server of a test's own.

use std::path::PathBuf;
use std::process::Command;

use super::{Certificates, Server, command, find_program, free_port, has_root, wait_for_socket};

pub(crate) const ADMIN: &str = "admin";
pub(crate) const ADMIN_PASSWORD: &str = "the password of the admin";

/// The server, with TLS, and a socket for the tests.
pub(crate) struct MariaDb {
    pub(crate) server: Server,
    pub(crate) certificates: Certificates,
    client: PathBuf,
}

impl MariaDb {
    /// Starts one with these settings more, or says that there is none to start.
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        let (mariadbd, install) = (find_program("mariadbd")?, find_program("mariadb-install-db")?);
        let client = find_program("mariadb")?;
        let dir = tempfile::Builder::new().prefix("chv-my").tempdir_in("/tmp").unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let certificates = Certificates::new();
        certificates.write(dir.path());
        let data = format!("--datadir={}", at("data"));
        // A server that starts deletes the temporary tables it finds in this directory, also those of another server.
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        let temporary = format!("--tmpdir={}", at("tmp"));
        let user = format!("--user={}", if has_root() { "root" } else { "" });
        let mut options = vec!["--no-defaults", &data, &temporary];
        options.extend(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        options.extend(has_root().then_some(user.as_str()));
        command(&install, &options, "");
        let port = free_port();
        let mut program = Command::new(mariadbd);
        program.args(["--no-defaults", &data, &temporary]).args(has_root().then_some(user.as_str()));
        program.args([
            "--bind-address=127.0.0.1",
            "--skip-networking=0",
            "--skip-name-resolve",
            "--plugin-maturity=unknown",
        ]);
        program.args(["--plugin-load-add=auth_ed25519", "--plugin-load-add=simple_password_check"]);
        for (name, value) in [
            ("port", port.to_string()),
            ("socket", at("socket")),
            ("ssl-ca", at("ca.pem")),
            ("ssl-cert", at("server.pem")),
            ("ssl-key", at("server.key")),
            ("general-log", "1".into()),
            ("general-log-file", at("log")),
            ("simple-password-check-digits", "0".into()),
            ("simple-password-check-letters-same-case", "0".into()),
            ("simple-password-check-other-characters", "0".into()),
            ("simple-password-check-minimal-length", "4".into()),
            ("innodb-buffer-pool-size", "16M".into()),
        ] {
            program.arg(format!("--{name}={value}"));
        }
        program.args(more);
        let started = Self { server: Server::start(program, dir, port), certificates, client };
        wait_for_socket(&started.server.dir.path().join("socket"));
        started.execute(&format!(
            "CREATE USER {ADMIN}@'%' IDENTIFIED BY '{ADMIN_PASSWORD}'; GRANT ALL ON *.* TO {ADMIN}@'%' WITH GRANT OPTION"
        ));
        Some(started)
    }

    /// Runs statements as root of the database.
    pub(crate) fn execute(&self, statements: &str) -> String {
        let socket = format!("--socket={}", self.server.dir.path().join("socket").display());
        let options = [
            "--no-defaults",
            &socket,
            "--user=root",
            "--batch",
            "--skip-column-names",
            "--default-character-set=utf8mb4",
        ];
        String::from_utf8_lossy(&command(&self.client, &options, statements).stdout).into_owned()
    }
}
