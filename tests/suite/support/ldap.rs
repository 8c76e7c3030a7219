//! An OpenLDAP server of a test's own, where Debian's `slapd` is installed.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::Service;

const SLAPD: &str = "/usr/sbin/slapd";
const SLAPADD: &str = "/usr/sbin/slapadd";
/// The password of the one who may look.
pub(crate) const BIND_PASSWORD: &str = "the password of the directory";
pub(crate) const BIND_DN: &str = "cn=reader,dc=corp,dc=example";
pub(crate) const BASE_DN: &str = "dc=corp,dc=example";

/// The server, in the foreground of a child process; killed when dropped.
pub(crate) struct LdapServer {
    child: Child,
    dir: TempDir,
    plain: u16,
    tls: u16,
}

impl LdapServer {
    /// Starts it with these entries (LDIF), or says that there is none to start.
    pub(crate) fn start(entries: &str) -> Option<Self> {
        if !Path::new(SLAPD).exists() {
            Service::Ldap.skip();
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        certificates(dir.path());
        std::fs::create_dir(dir.path().join("data")).unwrap();
        super::write_private(&dir.path().join("bind-password"), format!("{BIND_PASSWORD}\n"));
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nsuffix \"{BASE_DN}\"\nrootdn \"{BIND_DN}\"\nrootpw \"{BIND_PASSWORD}\"\ndirectory {}\n\
             access to * by anonymous auth by users read\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
            at("data"),
        );
        std::fs::write(dir.path().join("slapd.conf"), configuration).unwrap();
        std::fs::write(dir.path().join("entries.ldif"), entries).unwrap();
        let added = Command::new(SLAPADD).args(["-f", &at("slapd.conf"), "-l", &at("entries.ldif")]).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let (plain, tls) = (free_port(), free_port());
        let addresses = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
        let mut command = Command::new(SLAPD);
        command.args(["-f", &at("slapd.conf"), "-h", &addresses, "-d", "0"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, dir, plain, tls };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", tls)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(30), "slapd does not listen");
            std::thread::yield_now();
        }
        Some(server)
    }

    /// Its address with TLS from the first byte.
    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls)
    }

    /// Its address without, for StartTLS.
    pub(crate) fn plain_url(&self) -> String {
        format!("ldap://localhost:{}", self.plain)
    }

    /// The port with TLS from the first byte.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls
    }

    /// A file beside it: `ca.pem`, `other-ca.pem`, `bind-password`.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for LdapServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority, a server's certificate by it, and another authority that has nothing to do with either.
fn certificates(dir: &Path) {
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().unwrap())
    };
    let ((params, key), (other, other_key)) = (authority(), authority());
    std::fs::write(dir.join("other-ca.pem"), other.self_signed(&other_key).unwrap().pem()).unwrap();
    std::fs::write(dir.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    std::fs::write(dir.join("server.pem"), server.pem()).unwrap();
    std::fs::write(dir.join("server.key"), server_key.serialize_pem()).unwrap();
}
