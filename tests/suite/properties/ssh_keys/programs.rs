//! Fresh keys, by the programs that people make them with.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::support::Service;

const PASSPHRASE: &str = "correct horse";
const CURVES: [(&str, &str); 3] = [("256", "prime256v1"), ("384", "secp384r1"), ("521", "secp521r1")];

/// A private key that a program wrote.
pub(super) struct Made {
    /// How it was made.
    pub(super) by: String,
    pub(super) text: String,
    /// Type and base64 of its public key, as `ssh-keygen -y` prints them where it reads the format.
    pub(super) public: String,
    /// Whether the public key can be told without the passphrase.
    pub(super) derivable: bool,
    /// Whether `ssh-keygen -y` reads it, and it is not encrypted.
    pub(super) readable: bool,
}

/// The programs, and the directory that they write to.
pub(super) struct Programs(TempDir);

impl Programs {
    /// `None`, and says that the test is skipped, where one is missing.
    pub(super) fn find() -> Option<Self> {
        for name in ["ssh-keygen", "openssl", "puttygen"] {
            Service::find_program(name)?;
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("passphrase"), PASSPHRASE).unwrap();
        Some(Self(directory))
    }

    /// About 200 keys. They are made once, for all tests.
    pub(super) fn keys(&self) -> &'static [Made] {
        static KEYS: OnceLock<Vec<Made>> = OnceLock::new();
        KEYS.get_or_init(|| [self.ssh_keygen(), self.openssl(), self.puttygen()].into_iter().flatten().collect())
    }

    /// The public key of a private one; `None` where ssh-keygen refuses it.
    pub(super) fn public_key(&self, private: &str) -> Option<String> {
        self.write("asked", private);
        let output = self.command("ssh-keygen", &["-y", "-P", PASSPHRASE, "-f", "asked"]).output().unwrap();
        output.status.success().then(|| two_fields(&String::from_utf8_lossy(&output.stdout)))
    }

    /// What `ssh-keygen -i` makes of a public key in another format.
    pub(super) fn imported(&self, format: &str, public: &str) -> String {
        self.write("asked", public);
        two_fields(&self.run("ssh-keygen", &["-i", "-m", format, "-f", "asked"]))
    }

    /// A public key in another format.
    pub(super) fn exported(&self, format: &str, public: &str) -> String {
        self.write("asked", public);
        self.run("ssh-keygen", &["-e", "-m", format, "-f", "asked"])
    }

    /// The public key of a private one of ECDSA, with its point and its curve in a form of X.509.
    pub(super) fn public_pem(&self, private: &str, form: &str, parameters: &str) -> String {
        self.write("asked", private);
        let form = ["-conv_form", form, "-param_enc", parameters];
        self.run("openssl", &[&["ec", "-in", "asked", "-pubout"], &form[..]].concat())
    }

    /// A public key on a curve that SSH does not have.
    pub(super) fn other_curve(&self) -> String {
        self.run("openssl", &["ecparam", "-genkey", "-noout", "-name", "secp256k1", "-out", "asked"]);
        self.run("openssl", &["ec", "-in", "asked", "-pubout"])
    }

    /// A private key of ssh-keygen with a comment of any bytes.
    pub(super) fn with_comment(&self, comment: &OsStr) -> String {
        let _ = std::fs::remove_file(self.path("key"));
        let mut command = self.command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key", "-C"]);
        assert!(command.arg(comment).status().unwrap().success(), "{comment:?}");
        self.read("key")
    }

    /// The bytes of a key of puttygen with a comment of any bytes.
    pub(super) fn putty_with_comment(&self, kind: &str, version: &str, comment: &OsStr) -> Vec<u8> {
        let parameters = format!("version={version}");
        let new = ["-q", "-t", kind, "-o", "key", "--new-passphrase", "/dev/null", "--ppk-param", &parameters, "-C"];
        let mut command = self.command("puttygen", &new);
        assert!(command.arg(comment).status().unwrap().success(), "{comment:?}");
        std::fs::read(self.path("key")).unwrap()
    }

    fn ssh_keygen(&self) -> Vec<Made> {
        let mut kinds = vec![("ed25519", "256", 36), ("ecdsa", "521", 40), ("rsa", "3072", 1)];
        kinds.extend([("ecdsa", "256", 8), ("ecdsa", "384", 8), ("rsa", "2048", 1)]);
        let mut made = Vec::new();
        for (kind, bits, count) in kinds {
            made.extend((0..count).map(|_| self.by_ssh_keygen(kind, bits, "RFC4716", "")));
            made.extend((0..2).map(|_| self.by_ssh_keygen(kind, bits, "RFC4716", PASSPHRASE)));
            for format in ["PEM", "PKCS8"].into_iter().filter(|_| kind != "ed25519" && bits != "3072") {
                let count = if kind == "rsa" { 1 } else { 3 };
                made.extend((0..count).map(|_| self.by_ssh_keygen(kind, bits, format, "")));
                made.push(self.by_ssh_keygen(kind, bits, format, PASSPHRASE));
            }
        }
        made
    }

    fn by_ssh_keygen(&self, kind: &str, bits: &str, format: &str, passphrase: &str) -> Made {
        let _ = std::fs::remove_file(self.path("key"));
        let comment = ["", "ana@example", "made for a test of keys"][usize::from(random()) % 3];
        let kind = ["-t", kind, "-b", bits, "-m", format, "-C", comment];
        self.run("ssh-keygen", &[&kind[..], &["-q", "-a", "1", "-N", passphrase, "-f", "key"]].concat());
        let derivable = format == "RFC4716" || passphrase.is_empty();
        let made = self.made(&[&kind[..], &[passphrase]].concat(), "key", derivable);
        Made { readable: passphrase.is_empty(), ..made }
    }

    fn openssl(&self) -> Vec<Made> {
        let mut made = vec![
            self.by_openssl(&["genrsa", "-traditional", "-out", "key", "2048"], true),
            self.by_openssl(&["genrsa", "-out", "key", "2048"], true),
            self.encrypted(&["rsa", "-in", "key", "-aes128", "-traditional"]),
            self.encrypted(&["rsa", "-in", "key", "-des3", "-traditional"]),
            self.encrypted(&["pkcs8", "-topk8", "-v2", "aes256", "-in", "key"]),
        ];
        made.extend(self.rare_rsa());
        for (bits, curve) in CURVES {
            made.push(self.by_openssl(&["ecparam", "-genkey", "-name", curve, "-out", "key"], true));
            made.push(self.by_openssl(&["ecparam", "-genkey", "-noout", "-name", curve, "-out", "key"], true));
            made.push(self.encrypted(&["ec", "-in", "key", "-aes256"]));
            made.push(self.encrypted(&["pkcs8", "-topk8", "-v2", "aes128", "-in", "key"]));
            made.push(self.by_openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key", "-out", "pkcs8"], true));
            let curve = format!("ec_paramgen_curve:P-{bits}");
            for _ in 0..4 {
                made.push(self.by_openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &curve, "-out", "key"], true));
            }
        }
        for form in [["-param_enc", "explicit"], ["-conv_form", "compressed"], ["-conv_form", "hybrid"]] {
            let new = ["ecparam", "-genkey", "-noout", "-name", "secp384r1", "-out", "key"];
            made.push(self.by_openssl(&[&new[..], &form].concat(), true));
            made.push(self.by_openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key", "-out", "pkcs8"], true));
        }
        made.push(self.by_openssl(&["ec", "-in", "key", "-no_public", "-out", "short"], true));
        for _ in 0..6 {
            made.push(self.ed25519_by_openssl());
        }
        made.extend([self.bag(&["-nodes"]), self.bag(&["-nodes", "-nocerts"])]);
        made
    }

    /// Sizes that are no whole number of bytes or that nobody makes today, more than two primes, and ciphers without blocks.
    fn rare_rsa(&self) -> Vec<Made> {
        let mut made = Vec::new();
        for bits in ["1024", "1031", "2041", "2047", "2049"] {
            made.push(self.by_openssl(&["genrsa", "-traditional", "-out", "key", bits], true));
            made.push(self.by_openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key", "-out", "pkcs8"], true));
            self.run("ssh-keygen", &["-p", "-q", "-a", "1", "-P", "", "-N", "", "-f", "key"]);
            made.push(self.made(&["ssh-keygen -p", bits], "key", true));
        }
        for (primes, bits) in [("3", "2048"), ("4", "4096")] {
            let new = ["genrsa", "-traditional", "-primes", primes, "-out", "key", bits];
            made.push(self.by_openssl(&new, true));
        }
        for cipher in ["-aes-128-cfb", "-aes-256-ofb", "-aes-192-ctr", "-des-ede3-cfb", "-aes-128-cfb8", "-chacha20"] {
            made.push(self.encrypted(&["rsa", "-in", "key", "-traditional", cipher]));
        }
        made
    }

    /// The last argument names the file.
    fn by_openssl(&self, arguments: &[&str], derivable: bool) -> Made {
        self.run("openssl", arguments);
        let out = arguments.iter().position(|argument| *argument == "-out").unwrap();
        self.made(arguments, arguments[out + 1], derivable)
    }

    fn encrypted(&self, arguments: &[&str]) -> Made {
        let output = ["-passout", "file:passphrase", "-out", "encrypted"];
        self.by_openssl(&[arguments, &output[..]].concat(), false)
    }

    /// ssh-keygen before 9.6 does not read these.
    fn ed25519_by_openssl(&self) -> Made {
        self.run("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "key"]);
        self.run("openssl", &["pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "public"]);
        let public = std::fs::read(self.path("public")).unwrap();
        let blob = [b"\0\0\0\x0bssh-ed25519\0\0\0\x20", &public[public.len() - 32..]].concat();
        let public = format!("ssh-ed25519 {}", STANDARD.encode(blob));
        let by = "openssl genpkey -algorithm ed25519".into();
        Made { by, text: self.read("key"), public, derivable: true, readable: false }
    }

    /// With the attributes, and with the certificate behind it, that `openssl pkcs12` prints.
    fn bag(&self, options: &[&str]) -> Made {
        let subject = ["-subj", "/CN=a", "-keyout", "key", "-out", "certificate"];
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        self.run("openssl", &[&new[..], &subject].concat());
        let from = ["-inkey", "key", "-in", "certificate", "-out", "bag", "-passout", "pass:"];
        self.run("openssl", &[&["pkcs12", "-export"], &from[..]].concat());
        let to = ["pkcs12", "-in", "bag", "-passin", "pass:", "-out", "pem"];
        self.by_openssl(&[&to[..], options].concat(), true)
    }

    fn puttygen(&self) -> Vec<Made> {
        let mut made = Vec::new();
        for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
        {
            for (version, passphrase) in
                [("2", "/dev/null"), ("3", "/dev/null"), ("2", "passphrase"), ("3", "passphrase")]
            {
                let new = ["-t", kind, "-b", bits, "-o", "key", "-C", "a comment", "--new-passphrase", passphrase];
                let quick = ["-q", "--ppk-param", &format!("version={version},memory=64,passes=1,parallelism=1")];
                self.run("puttygen", &[&new[..], &quick].concat());
                made.push(self.by_puttygen(&[kind, bits, version], "key", passphrase, true));
                for format in ["private-openssh", "private-openssh-new", "private-sshcom"] {
                    // ssh.com has RSA alone.
                    if format == "private-sshcom" && kind != "rsa" {
                        continue;
                    }
                    let passphrases = ["--old-passphrase", passphrase, "--new-passphrase", passphrase];
                    self.run("puttygen", &[&["key", "-O", format, "-o", "other"], &passphrases[..]].concat());
                    let own = format == "private-openssh-new" || kind == "ed25519";
                    let derivable = own || (passphrase == "/dev/null" && format != "private-sshcom");
                    made.push(self.by_puttygen(&[kind, bits, format, passphrase], "other", passphrase, derivable));
                }
            }
        }
        made
    }

    fn by_puttygen(&self, how: &[&str], file: &str, passphrase: &str, derivable: bool) -> Made {
        let public = self.run("puttygen", &["key", "-O", "public-openssh", "--old-passphrase", passphrase]);
        let text = self.read(file);
        let readable = passphrase == "/dev/null" && self.public_key(&text).is_some();
        Made { by: format!("puttygen {how:?}"), text, public: two_fields(&public), derivable, readable }
    }

    fn made(&self, how: &[&str], file: &str, derivable: bool) -> Made {
        let (by, text) = (how.join(" "), self.read(file));
        let public = self.public_key(&text).unwrap_or_else(|| panic!("ssh-keygen does not read {by}"));
        Made { by, text, public, derivable, readable: derivable }
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// Writes a file that only its owner reads; ssh-keygen refuses others.
    fn write(&self, file: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(file), text).unwrap();
        std::fs::set_permissions(self.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let directory: &Path = self.0.path();
        command.args(arguments).current_dir(directory).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Type and base64 of a public key.
pub(super) fn two_fields(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn random() -> u8 {
    chaveiro::crypto::random_bytes::<1>()[0]
}
