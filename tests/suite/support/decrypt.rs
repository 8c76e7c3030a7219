//! The client's side of encrypted answers: what is encrypted for a key, opened with its private half. Beside the
//! product's code and not with it; the content of a JWE is opened by another library, and everything that needs the
//! private key by either of two.

use std::io::Write;
use std::process::{Command, Stdio};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, UnparsedPublicKey, X25519};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Who works with the private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The library that is linked in anyway.
    AwsLc,
    /// The program `openssl`, as a user would.
    Openssl,
}

/// A private key in PEM (PKCS #8).
#[derive(Clone, Debug)]
pub(crate) struct PrivateKey {
    pem: String,
    by: By,
}

/// A key pair of the fixtures.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) public: &'static str,
    private: &'static str,
}

macro_rules! pairs {
    ($($name:literal),*) => {
        &[$(Pair {
            name: $name,
            public: include_str!(concat!("../fixtures/answer/", $name, ".pub.pem")),
            private: include_str!(concat!("../fixtures/answer/", $name, ".pem")),
        }),*]
    };
}

/// RSA of 2048 bits first, then a key on each of the curves.
pub(crate) const PAIRS: &[Pair] = pairs!["rsa", "p256", "p384", "p521", "x25519"];

impl Pair {
    /// The pair of that name.
    pub(crate) fn named(name: &str) -> &'static Self {
        PAIRS.iter().find(|pair| pair.name == name).unwrap()
    }

    /// The private half.
    pub(crate) fn key(&self, by: By) -> PrivateKey {
        PrivateKey::new(self.private, by)
    }
}

/// Whether the program `openssl` is there. Says that the test is skipped if it is not.
#[track_caller]
pub(crate) fn openssl_is_there() -> bool {
    super::Service::find_program("openssl").is_some()
}

impl PrivateKey {
    pub(crate) fn new(pem: &str, by: By) -> Self {
        Self { pem: pem.into(), by }
    }

    /// A value in whichever form it has.
    pub(crate) fn open(&self, value: &str) -> String {
        if value.split('.').count() == 5 { self.open_jwe(value).0 } else { self.open_vendor(value) }
    }

    /// A value in the vendor's form: block for block.
    #[track_caller]
    pub(crate) fn open_vendor(&self, value: &str) -> String {
        let bytes = STANDARD.decode(value).unwrap();
        let size = self.block_size();
        assert!(!bytes.is_empty() && bytes.len().is_multiple_of(size), "{} bytes, {size} in a block", bytes.len());
        let parts = bytes.chunks(size).map(|block| self.unwrap(block, "sha1"));
        String::from_utf8(parts.collect::<Vec<_>>().concat()).unwrap()
    }

    /// A compact JWE: the text, and the header.
    #[track_caller]
    pub(crate) fn open_jwe(&self, value: &str) -> (String, Value) {
        let parts: Vec<&str> = value.split('.').collect();
        let bytes: Vec<Vec<u8>> = parts.iter().map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let header: Value = serde_json::from_slice(&bytes[0]).unwrap();
        assert_eq!(header["enc"], "A256GCM");
        let content_key = match header["alg"].as_str().unwrap() {
            "RSA-OAEP-256" => self.unwrap(&bytes[1], "sha256"),
            "ECDH-ES" => {
                assert!(bytes[1].is_empty(), "nothing is wrapped");
                derived_key(&self.agree(&header["epk"]))
            }
            other => panic!("{other}"),
        };
        let sealed = [&bytes[3][..], &bytes[4]].concat();
        let nonce = <&Nonce<_>>::try_from(&bytes[2][..]).unwrap();
        let payload = Payload { msg: &sealed, aad: parts[0].as_bytes() };
        let text = Aes256Gcm::new_from_slice(&content_key).unwrap().decrypt(nonce, payload).unwrap();
        (String::from_utf8(text).unwrap(), header)
    }

    fn der(&self) -> Vec<u8> {
        let lines: String = self.pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(lines).unwrap()
    }

    fn rsa(&self) -> PrivateDecryptingKey {
        PrivateDecryptingKey::from_pkcs8(&self.der()).unwrap()
    }

    fn block_size(&self) -> usize {
        self.rsa().key_size_bytes()
    }

    fn unwrap(&self, block: &[u8], hash: &str) -> Vec<u8> {
        if self.by == By::Openssl {
            let option = |name: &str| ["-pkeyopt".to_string(), format!("{name}:{hash}")].into_iter();
            let mut arguments: Vec<String> = ["-decrypt", "-pkeyopt", "rsa_padding_mode:oaep"].map(String::from).into();
            if hash != "sha1" {
                // The vendor's form is what openssl does when nothing is said.
                arguments.extend(option("rsa_oaep_md").chain(option("rsa_mgf1_md")));
            }
            return self.pkeyutl(&arguments, block);
        }
        let algorithm = if hash == "sha1" { &OAEP_SHA1_MGF1SHA1 } else { &OAEP_SHA256_MGF1SHA256 };
        let mut opened = vec![0; block.len()];
        let key = OaepPrivateDecryptingKey::new(self.rsa()).unwrap();
        key.decrypt(algorithm, block, &mut opened, None).unwrap().to_vec()
    }

    /// The secret that this key shares with the public JWK.
    fn agree(&self, public: &Value) -> Vec<u8> {
        let member = |name: &str| URL_SAFE_NO_PAD.decode(public[name].as_str().unwrap()).unwrap();
        let (curve, algorithm, kind) = match public["crv"].as_str().unwrap() {
            "P-256" => ("p256", &ECDH_P256, "EC"),
            "P-384" => ("p384", &ECDH_P384, "EC"),
            "P-521" => ("p521", &ECDH_P521, "EC"),
            "X25519" => ("x25519", &X25519, "OKP"),
            other => panic!("{other}"),
        };
        assert_eq!(public["kty"], json!(kind));
        let point = if kind == "EC" { [vec![4], member("x"), member("y")].concat() } else { member("x") };
        if self.by == By::Openssl {
            return self.agree_by_openssl(curve, &point);
        }
        let der = self.der();
        let own = match curve {
            // The library reads no PKCS #8 of this curve; the number stands at its end.
            "x25519" => agreement::PrivateKey::from_private_key(algorithm, &der[der.len() - 32..]),
            _ => agreement::PrivateKey::from_private_key_der(algorithm, &der),
        };
        let own = own.unwrap();
        let public = UnparsedPublicKey::new(algorithm, point);
        agreement::agree(&own, &public, (), |shared| Ok(shared.to_vec())).unwrap()
    }

    fn agree_by_openssl(&self, curve: &str, point: &[u8]) -> Vec<u8> {
        // A public key of that curve whose point is replaced, which stands at the end.
        let fixture = PrivateKey::new(Pair::named(curve).public, By::AwsLc).der();
        let der = [&fixture[..fixture.len() - point.len()], point].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        let peer = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(peer.path(), pem).unwrap();
        self.pkeyutl(&["-derive".into(), "-peerkey".into(), peer.path().display().to_string()], b"")
    }

    fn pkeyutl(&self, arguments: &[String], input: &[u8]) -> Vec<u8> {
        let own = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(own.path(), &self.pem).unwrap();
        let mut command = Command::new("openssl");
        command.args(["pkeyutl", "-inkey"]).arg(own.path()).args(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // A derivation reads nothing, and may be gone before.
        let _ = child.stdin.take().unwrap().write_all(input);
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }
}

/// What RFC 7518, section 4.6.2, makes of a shared secret for A256GCM when no party is named.
fn derived_key(shared: &[u8]) -> Vec<u8> {
    let info = [&[0, 0, 0, 7][..], b"A256GCM", &[0; 4], &[0; 4], &[0, 0, 1, 0]].concat();
    Sha256::digest([&[0, 0, 0, 1], shared, &info].concat()).to_vec()
}
