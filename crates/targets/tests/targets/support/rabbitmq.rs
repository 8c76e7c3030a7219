//! A RabbitMQ server of a test's own, whose management has an HTTP API with passwords.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Certificates, Server, Tested, account, command, find_program, free_ports, is_root, password};

pub(crate) const ADMIN: &str = "admin";
pub(crate) const ADMIN_PASSWORD: &str = "the password of the admin";

/// The server; its port is that of the API with TLS.
pub(crate) struct RabbitMq {
    pub(crate) server: Server,
    pub(crate) plain: u16,
    pub(crate) certificates: Certificates,
    names: u16,
}

impl RabbitMq {
    /// Starts one, or says that there is none to start.
    pub(crate) async fn start() -> Option<Self> {
        find_program("rabbitmq-server")?;
        // The script of Debian changes the user, and the directory of the program is closed for others.
        if !is_root("rabbitmq-server") {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let certificates = Certificates::new();
        certificates.write(dir.path());
        let [tls, plain, queue, distribution, names] = free_ports();
        let configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{queue}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {plain}\n\
             management.ssl.ip = 127.0.0.1\nmanagement.ssl.port = {tls}\nmanagement.ssl.cacertfile = {}\n\
             management.ssl.certfile = {}\nmanagement.ssl.keyfile = {}\n\
             default_user = {ADMIN}\ndefault_pass = {ADMIN_PASSWORD}\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
        );
        std::fs::write(dir.path().join("rabbitmq.conf"), configuration).unwrap();
        std::fs::write(dir.path().join("plugins"), "[rabbitmq_management].").unwrap();
        let mut program = Command::new(script());
        // Where it leaves what it has to say when it crashes.
        program.current_dir(dir.path());
        for (name, value) in [
            ("HOME", at("")),
            ("RABBITMQ_NODENAME", format!("chv{tls}@localhost")),
            ("RABBITMQ_MNESIA_BASE", at("data")),
            ("RABBITMQ_LOG_BASE", at("log")),
            ("RABBITMQ_CONFIG_FILE", at("rabbitmq")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins")),
            ("RABBITMQ_PID_FILE", at("pid")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_DIST_PORT", distribution.to_string()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}".into()),
            ("ERL_EPMD_PORT", names.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            // So that it can be ended whatever it knows.
            ("ERL_EPMD_RELAXED_COMMAND_CHECK", "1".into()),
        ] {
            program.env(name, value);
        }
        let started = Self { server: Server::start(program, dir, tls), plain, certificates, names };
        for (port, protection) in [(tls, "on"), (plain, "off")] {
            started.wait_for_api(port, protection).await;
        }
        Some(started)
    }

    /// Waits until the API knows its administrator: the port is open before, and answers 404.
    async fn wait_for_api(&self, port: u16, protection: &str) {
        let options = [
            ("allowed-addresses", "127.0.0.1"),
            ("ca-pem", self.certificates.authority.as_str()),
            ("tls", protection),
            ("verify-method", "GET"),
            ("verify-path", "/api/whoami"),
            ("verify-auth", "basic"),
        ];
        let admin = Tested::new("http", account(ADMIN, port, &options));
        assert_eq!(admin.verify_in_time(&password(ADMIN_PASSWORD)).await, Ok(true), "the API of RabbitMQ");
    }

    /// Kills the process, and forgets its id, which may be of another process soon.
    pub(crate) fn kill(&self) {
        command(Path::new("kill"), &["-KILL", self.server.read("pid").trim()], "");
        std::fs::remove_file(self.server.dir.path().join("pid")).unwrap();
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // The script is only the parent of the server, which has started a server of names besides.
        let id = self.server.read("pid");
        if !id.trim().is_empty() {
            let _ = Command::new("kill").args(["-9", id.trim()]).output();
        }
        let _ = Command::new("epmd").arg("-kill").env("ERL_EPMD_PORT", self.names.to_string()).output();
    }
}

fn script() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/rabbitmq/lib").unwrap().flatten();
    versions.map(|version| version.path().join("sbin/rabbitmq-server")).find(|path| path.exists()).unwrap()
}
