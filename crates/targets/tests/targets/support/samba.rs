//! A domain controller of Samba, of a test's own. Its ports cannot be chosen: one at a time.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::service::skip;
use super::{Server, command, find_program, is_root};

pub(crate) const ADMIN: &str = "administrator@corp.example";
pub(crate) const ADMIN_PASSWORD: &str = "Adm1n-of-the-domain";
const PORT: u16 = 636;
const SCHEMA: &str = "/usr/share/samba/setup";

static ONE: Mutex<()> = Mutex::new(());

/// The controller of the domain CORP (corp.example), with LDAP alone.
pub(crate) struct Samba {
    // Stops before the ports are given on.
    pub(crate) server: Server,
    tool: std::path::PathBuf,
    _one: MutexGuard<'static, ()>,
}

impl Samba {
    /// Makes a domain and starts its controller, or says that it cannot be.
    pub(crate) fn start() -> Option<Self> {
        let (samba, tool) = (find_program("samba")?, find_program("samba-tool")?);
        if !is_root("samba") {
            return None;
        }
        // A package of its own; without it there is no domain to make.
        if !Path::new(SCHEMA).exists() {
            skip("samba", "Debian's package samba-ad-provision");
            return None;
        }
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        if TcpListener::bind(("127.0.0.1", PORT)).is_err() {
            skip("samba", "port 636, which another server has");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("chv-ad").tempdir_in("/tmp").unwrap();
        let domain = dir.path().join("domain").display().to_string();
        let target = format!("--targetdir={domain}");
        let password = format!("--adminpass={ADMIN_PASSWORD}");
        let options = [
            "domain",
            "provision",
            &target,
            "--realm=CORP.EXAMPLE",
            "--domain=CORP",
            &password,
            "--server-role=dc",
            "--dns-backend=NONE",
            "--host-ip=127.0.0.1",
            "--host-name=dc1",
            "--option=interfaces=lo",
            "--option=bind interfaces only=yes",
            "--option=unix password sync=no",
        ];
        command(&tool, &options, "");
        let configuration = format!("{domain}/etc/smb.conf");
        let mut program = Command::new(samba);
        program.args(["-i", "-M", "single", "-s", &configuration, "--option=server services=ldap"]);
        program.stdout(Stdio::null());
        let started = Self { server: Server::start(program, dir, PORT), tool, _one: one };
        Some(started)
    }

    /// Runs samba-tool on the files of the domain.
    pub(crate) fn administer(&self, arguments: &[&str]) {
        let domain = self.server.dir.path().join("domain");
        let (database, configuration) = (domain.join("private/sam.ldb"), domain.join("etc/smb.conf"));
        let (database, configuration) = (database.display().to_string(), configuration.display().to_string());
        let mut all = arguments.to_vec();
        all.extend(["-H", &database, "-s", &configuration]);
        command(&self.tool, &all, "");
    }
}
