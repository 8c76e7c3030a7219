//! An OpenLDAP server of a test's own, where Debian's `slapd` is installed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ldap3::{Ldap, LdapConnAsync, Scope};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::Service;
use super::process::listens;

const SLAPD: &str = "/usr/sbin/slapd";
const SLAPADD: &str = "/usr/sbin/slapadd";
/// The password of the one who may look.
pub(crate) const BIND_PASSWORD: &str = "the password of the directory";
pub(crate) const BIND_DN: &str = "cn=reader,dc=corp,dc=example";
pub(crate) const BASE_DN: &str = "dc=corp,dc=example";

/// The entry that all others are below.
const BASE_ENTRY: &str =
    "dn: dc=corp,dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: corp\n\n";

/// Returns the distinguished name of a person.
pub(crate) fn person_dn(uid: &str) -> String {
    format!("uid={uid},{BASE_DN}")
}

/// The server, in the foreground of a child process; killed when dropped.
pub(crate) struct LdapServer {
    child: Child,
    dir: TempDir,
    plain: u16,
    tls: u16,
}

impl LdapServer {
    /// Starts it with persons who have this password, or says that there is none to start.
    pub(crate) fn with_persons(uids: &[&str], password: &str) -> Option<Self> {
        let person = |uid: &&str| {
            let dn = person_dn(uid);
            format!(
                "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\nuserPassword: {password}\n\n"
            )
        };
        Self::start(&(BASE_ENTRY.to_string() + &uids.iter().map(person).collect::<String>()))
    }

    /// An open connection as the one who may change everything.
    pub(crate) async fn administrator(&self) -> Ldap {
        let mut ldap = self.connect().await;
        assert_eq!(ldap.simple_bind(BIND_DN, BIND_PASSWORD).await.unwrap().rc, 0);
        ldap
    }

    /// Whether there is an entry of a person.
    pub(crate) async fn has(&self, uid: &str) -> bool {
        let mut ldap = self.administrator().await;
        let found = ldap.search(&person_dn(uid), Scope::Base, "(objectClass=*)", ["1.1"]).await.unwrap();
        assert!([0, 32].contains(&found.1.rc), "{found:?}");
        found.1.rc == 0
    }

    async fn connect(&self) -> Ldap {
        let (connection, ldap) = LdapConnAsync::new(&self.plain_url()).await.unwrap();
        actix_web::rt::spawn(async move { drop(connection.drive().await) });
        ldap
    }

    /// Whether a person logs in.
    pub(crate) async fn lets_in(&self, uid: &str, password: &str) -> bool {
        self.connect().await.simple_bind(&person_dn(uid), password).await.unwrap().rc == 0
    }

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
        for _ in 0..5 {
            let [plain, tls] = free_ports();
            let addresses = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
            let mut command = Command::new(SLAPD);
            command.args(["-f", &at("slapd.conf"), "-h", &addresses, "-d", "0"]);
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if listens(&mut child, tls) {
                return Some(Self { child, dir, plain, tls });
            }
        }
        panic!("slapd ends again and again");
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

/// Two ports that nobody listens on at this moment.
fn free_ports() -> [u16; 2] {
    // Both are held until both are chosen: one that was released may be chosen again.
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
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
