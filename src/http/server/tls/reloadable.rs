//! The TLS state that a reload replaces: certificate and key, the verifier of client certificates, and the sessions.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Maximum number of sessions that can be resumed.
const MAX_SESSIONS: usize = 256;

/// The content of the files at one moment.
#[derive(Debug)]
pub(super) struct Loaded {
    key: Arc<CertifiedKey>,
    clients: Arc<dyn ClientCertVerifier>,
    authorities: &'static [DistinguishedName],
    /// Sessions of these authorities alone: resuming one does not verify the client certificate again.
    sessions: Arc<dyn StoresServerSessions>,
}

impl Loaded {
    pub(super) fn new(key: CertifiedKey, clients: Arc<dyn ClientCertVerifier>) -> Self {
        let sessions = ServerSessionMemoryCache::new(MAX_SESSIONS);
        Self { key: Arc::new(key), clients, authorities: &[], sessions }
    }
}

/// Answers rustls with the content that was loaded last.
#[derive(Debug)]
pub(super) struct Reloadable(ArcSwap<Loaded>);

impl Reloadable {
    pub(super) fn new(loaded: Loaded) -> Self {
        Self(ArcSwap::from_pointee(with_authorities(loaded, &[])))
    }

    /// Returns the certificate chain in use.
    pub(super) fn certificate(&self) -> Vec<CertificateDer<'static>> {
        self.0.load().key.cert.clone()
    }

    pub(super) fn replace(&self, loaded: Loaded) {
        let known = self.0.load().authorities;
        self.0.store(Arc::new(with_authorities(loaded, known)));
    }
}

/// Sets the names of the authorities, which clients are told. rustls borrows them for as long as the state lives, which is to
/// the end of the process: other names than before are leaked, some hundred bytes for each change of the authorities.
fn with_authorities(loaded: Loaded, known: &'static [DistinguishedName]) -> Loaded {
    let names = loaded.clients.root_hint_subjects();
    let are_known = names.iter().map(AsRef::<[u8]>::as_ref).eq(known.iter().map(AsRef::as_ref));
    let authorities = if are_known { known } else { Box::leak(names.to_vec().into_boxed_slice()) };
    Loaded { authorities, ..loaded }
}

impl ResolvesServerCert for Reloadable {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().key.clone())
    }
}

impl ClientCertVerifier for Reloadable {
    fn offer_client_auth(&self) -> bool {
        self.0.load().clients.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.load().clients.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.load().authorities
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.load().clients.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.load().clients.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.load().clients.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.load().clients.supported_verify_schemes()
    }
}

impl StoresServerSessions for Reloadable {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.load().sessions.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().sessions.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().sessions.take(key)
    }

    fn can_cache(&self) -> bool {
        self.0.load().sessions.can_cache()
    }
}
