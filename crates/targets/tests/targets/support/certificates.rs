//! An authority, and a server's certificate by it.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Certificates of one server, for 127.0.0.1 and localhost.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) another_authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, KeyPair::generate().unwrap())
        };
        let ((params, authority_key), (other, other_key)) = (authority(), authority());
        let another_authority = other.self_signed(&other_key).unwrap().pem();
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".into(), "127.0.0.1".into()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().pem();
        Self { authority, another_authority, certificate, key: key.serialize_pem() }
    }

    /// Writes `server.pem`, `server.key` and `ca.pem`.
    pub(crate) fn write(&self, dir: &Path) {
        for (name, text) in [("ca.pem", &self.authority), ("server.pem", &self.certificate), ("server.key", &self.key)]
        {
            std::fs::write(dir.join(name), text).unwrap();
        }
    }
}
