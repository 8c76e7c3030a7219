//! An OpenLDAP server of a test's own.

use std::path::PathBuf;
use std::process::Command;

use super::{Certificates, Server, command, find_program, free_ports};

pub(crate) const SUFFIX: &str = "dc=corp,dc=example";
pub(crate) const ADMIN: &str = "cn=admin,dc=corp,dc=example";
pub(crate) const ADMIN_PASSWORD: &str = "the password of the admin";

/// The server with LDAPS, and its port for plain text.
pub(crate) struct Slapd {
    pub(crate) server: Server,
    pub(crate) plain: u16,
    pub(crate) certificates: Certificates,
    slapcat: PathBuf,
}

impl Slapd {
    /// Starts it with password policies and these people, each with the password `first-password`; or says that there is
    /// none to start.
    pub(crate) fn start(names: &[&str]) -> Option<Self> {
        let people = names.iter().map(|name| {
            let policy =
                if name.starts_with("aged") { format!("pwdPolicySubentry: cn=aged,{SUFFIX}\n") } else { String::new() };
            format!(
                "dn: uid={name},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
                 userPassword: first-password\n{policy}\n"
            )
        });
        Self::start_with("", &people.collect::<String>())
    }

    /// Starts it with more of a schema and these entries.
    pub(crate) fn start_with(schema: &str, more: &str) -> Option<Self> {
        let (slapd, slapadd) = (find_program("slapd")?, find_program("slapadd")?);
        let slapcat = find_program("slapcat")?;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let certificates = Certificates::new();
        certificates.write(dir.path());
        std::fs::create_dir(dir.path().join("data")).unwrap();
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\n{schema}modulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             moduleload ppolicy\nTLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nsuffix \"{SUFFIX}\"\nrootdn \"{ADMIN}\"\nrootpw \"{ADMIN_PASSWORD}\"\ndirectory {}\n\
             overlay ppolicy\nppolicy_default \"cn=policy,{SUFFIX}\"\nppolicy_use_lockout\nppolicy_hash_cleartext\n\
             access to attrs=userPassword by self write by anonymous auth by * none\naccess to * by * read\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
            at("data"),
        );
        std::fs::write(dir.path().join("slapd.conf"), configuration).unwrap();
        let entries = format!(
            "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: corp\n\n\
             dn: cn=policy,{SUFFIX}\nobjectClass: person\nobjectClass: pwdPolicy\ncn: policy\nsn: policy\n\
             pwdAttribute: userPassword\npwdMinLength: 4\npwdCheckQuality: 1\npwdInHistory: 3\npwdLockout: TRUE\n\
             pwdMaxFailure: 3\npwdMustChange: FALSE\n\n\
             dn: cn=aged,{SUFFIX}\nobjectClass: person\nobjectClass: pwdPolicy\ncn: aged\nsn: aged\n\
             pwdAttribute: userPassword\npwdMinAge: 86400\n\n{more}"
        );
        std::fs::write(dir.path().join("entries.ldif"), entries).unwrap();
        command(&slapadd, &["-f", &at("slapd.conf"), "-l", &at("entries.ldif")], "");
        let [plain, tls] = free_ports();
        let addresses = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
        let mut program = Command::new(slapd);
        program.args(["-f", &at("slapd.conf"), "-h", &addresses, "-d", "0"]);
        Some(Self { server: Server::start(program, dir, tls), plain, certificates, slapcat })
    }

    /// Returns the distinguished names of the entries that match a filter.
    pub(crate) fn find(&self, filter: &str) -> Vec<String> {
        let configuration = self.server.dir.path().join("slapd.conf").display().to_string();
        let options = ["-f", &configuration, "-o", "ldif-wrap=no", "-a", filter];
        let output = command(&self.slapcat, &options, "");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("dn: ")).map(String::from).collect()
    }
}
