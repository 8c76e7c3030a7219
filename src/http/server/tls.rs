//! TLS of the server. Client certificates are optional; an authorization can require one.

mod any_certificate;
mod reloadable;

use std::any::Any;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use super::certificate;
use crate::config::TlsSettings;
use crate::private_file::{NotPrivate, check_shared_file};
use crate::text::encoding::skip_byte_order_mark;
use any_certificate::AnyCertificate;
use reloadable::{Loaded, Reloadable};

/// An error of the TLS configuration.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum TlsError {
    #[error("tls.certificate and tls.key must be set together")]
    Half,
    #[error("tls.client_ca is set, and tls.certificate and tls.key are not")]
    WithoutCertificate,
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, std::io::ErrorKind),
    #[error("{} is not a chain of certificates in PEM", .0.display())]
    Certificate(PathBuf),
    #[error("the key {} {}; run: chmod 600 {}", .0.display(), .1, .0.display())]
    NotPrivate(PathBuf, NotPrivate),
    #[error("{} contains no private key in PEM", .0.display())]
    Key(PathBuf),
    #[error("the certificate {} and the key {} are not a usable pair", .0.display(), .1.display())]
    Pair(PathBuf, PathBuf),
    #[error("{} contains no CA certificate in PEM", .0.display())]
    Authority(PathBuf),
}

/// TLS of the server. Clones share one state, which [`Tls::reload`] replaces.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    state: Arc<Reloadable>,
    configuration: ServerConfig,
    reloads: Arc<Reloads>,
}

/// The numbers of the last reload that began, and of the one that is in use: a reload that hung does not replace a later one.
#[derive(Default)]
struct Reloads {
    begun: AtomicU64,
    in_use: Mutex<u64>,
}

/// The PEM files of the settings.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Tls {
    /// Loads the files of the settings; `None` for plain HTTP.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn load(settings: &TlsSettings) -> Result<Option<Self>, TlsError> {
        let (certificate, key) = match (&settings.certificate, &settings.key) {
            (None, None) if settings.client_ca.is_some() => return Err(TlsError::WithoutCertificate),
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            _ => return Err(TlsError::Half),
        };
        let files = Files { certificate, key, client_ca: settings.client_ca.clone() };
        let state = Arc::new(Reloadable::new(files.load()?));
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::Pair(files.certificate.clone(), files.key.clone()))?;
        let mut configuration = builder.with_client_cert_verifier(state.clone()).with_cert_resolver(state.clone());
        configuration.session_storage = state.clone();
        Ok(Some(Self { files: Arc::new(files), state, configuration, reloads: Arc::default() }))
    }

    /// Reads the files again, for connections from now on; open connections keep what they have.
    ///
    /// # Errors
    /// [`TlsError`]; nothing has changed then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let number = self.reloads.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let loaded = self.files.load()?;
        let mut in_use = self.reloads.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if number > *in_use {
            *in_use = number;
            self.state.replace(loaded);
        }
        Ok(())
    }

    /// Returns what changes when a file is replaced; an error of the file system counts as a state.
    pub(crate) fn files_state(&self) -> FilesState {
        let Files { certificate, key, client_ca } = &*self.files;
        let state = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            // Tools that restore files set the time of modification back; that of a change cannot be set.
            Some([
                found.dev(),
                found.ino(),
                found.len(),
                found.mtime().cast_unsigned(),
                found.mtime_nsec().cast_unsigned(),
                found.ctime().cast_unsigned(),
                found.ctime_nsec().cast_unsigned(),
            ])
        };
        FilesState([Some(certificate), Some(key), client_ca.as_ref()].map(|path| path.and_then(state)))
    }

    /// Returns when the certificate expires, in seconds since 1970.
    pub(super) fn expires_at(&self) -> Option<i64> {
        certificate::expiry(self.state.certificate().first()?)
    }

    /// Returns the configuration of a listener. It follows every reload.
    pub(super) fn configuration(&self) -> ServerConfig {
        self.configuration.clone()
    }
}

impl Files {
    fn load(&self) -> Result<Loaded, TlsError> {
        let Self { certificate, key, client_ca } = self;
        let chain = certificates(&read(certificate)?).ok_or_else(|| TlsError::Certificate(certificate.clone()))?;
        check_shared_file(key).map_err(|problem| TlsError::NotPrivate(key.clone(), problem))?;
        let pem = zeroize::Zeroizing::new(read(key)?);
        let private_key = PrivateKeyDer::from_pem_slice(skip_byte_order_mark(&pem));
        let private_key = private_key.map_err(|_| TlsError::Key(key.clone()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = CertifiedKey::from_der(chain, private_key, &provider);
        let pair = pair.map_err(|_| TlsError::Pair(certificate.clone(), key.clone()))?;
        let clients: Arc<dyn ClientCertVerifier> = match client_ca {
            None => Arc::new(AnyCertificate(provider)),
            Some(path) => issued_by(&read(path)?, provider).ok_or_else(|| TlsError::Authority(path.clone()))?,
        };
        Ok(Loaded::new(pair, clients))
    }
}

/// The state of the files, to tell whether one was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilesState([Option<[u64; 7]>; 3]);

/// Stores the client certificate of a new connection for [`certificate::client_certificate`].
pub(super) fn store_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    if let Some(certificate) = presented.and_then(|presented| certificate::PeerCertificate::from_der(presented)) {
        data.insert(certificate);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable(path.into(), error.kind()))
}

/// Parses the certificates of a PEM file. A byte order mark would hide the first one; a block that is no certificate would be
/// sent to every client, which would refuse it.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(skip_byte_order_mark(pem)).collect::<Result<_, _>>().ok()?;
    let all_parse = chain.iter().all(|certificate| ParsedCertificate::try_from(certificate).is_ok());
    (!chain.is_empty() && all_parse).then_some(chain)
}

/// Verifies client certificates against these authorities; clients without a certificate are accepted.
fn issued_by(pem: &[u8], provider: Arc<CryptoProvider>) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem)? {
        roots.add(authority).ok()?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).allow_unauthenticated();
    clients.build().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(settings: &TlsSettings) -> String {
        Tls::load(settings).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            Some(path)
        };
        let [own, other] = [0; 2].map(|_| rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap());
        let certificate = file("own.pem", &own.cert.pem());
        let key = file("own.key", &own.signing_key.serialize_pem());
        let other_key = file("other.key", &other.signing_key.serialize_pem());
        let nonsense = file("nonsense", "nonsense");
        let open_key = file("open.key", &own.signing_key.serialize_pem());
        std::fs::set_permissions(open_key.as_ref().unwrap(), fs::Permissions::from_mode(0o644)).unwrap();
        let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let broken = file("broken.pem", &format!("{}{block}", own.cert.pem()));
        let none = TlsSettings { certificate: None, key: None, client_ca: None };
        assert!(Tls::load(&none).unwrap().is_none());
        let whole = TlsSettings { certificate, key, client_ca: None };
        assert!(Tls::load(&whole).unwrap().is_some());
        for (settings, part) in [
            (TlsSettings { key: None, ..whole.clone() }, "must be set together"),
            (TlsSettings { certificate: None, ..whole.clone() }, "must be set together"),
            (TlsSettings { certificate: nonsense.clone(), ..whole.clone() }, "is not a chain of certificates"),
            (TlsSettings { certificate: broken, ..whole.clone() }, "is not a chain of certificates"),
            (TlsSettings { certificate: Some("/nowhere".into()), ..whole.clone() }, "cannot read /nowhere"),
            (
                TlsSettings { key: open_key, ..whole.clone() },
                "open.key is open to other users (mode 0644); run: chmod 600",
            ),
            (TlsSettings { key: nonsense.clone(), ..whole.clone() }, "contains no private key"),
            (TlsSettings { key: other_key, ..whole.clone() }, "are not a usable pair"),
            (TlsSettings { client_ca: nonsense, ..whole.clone() }, "no CA certificate"),
        ] {
            let refusal = refusal(&settings);
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    #[test]
    fn a_byte_order_mark_hides_no_certificate() {
        let pem =
            [0; 2].map(|_| rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap().cert.pem()).concat();
        assert_eq!(certificates(pem.as_bytes()).unwrap().len(), 2);
        assert_eq!(certificates(format!("\u{feff}{pem}").as_bytes()).unwrap().len(), 2);
    }
}
