//! TLS of the server. Client certificates are optional; an authorization can require one.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};

use super::certificate;
use crate::config::TlsSettings;

/// An error of the TLS configuration.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum TlsError {
    #[error("tls.certificate and tls.key must be set together")]
    Half,
    #[error("{} contains no certificate in PEM", .0.display())]
    Certificate(PathBuf),
    #[error("{} contains no private key in PEM", .0.display())]
    Key(PathBuf),
    #[error("the certificate {} and the key {} are not a usable pair", .0.display(), .1.display())]
    Pair(PathBuf, PathBuf),
    #[error("{} contains no CA certificate in PEM", .0.display())]
    Authority(PathBuf),
}

/// Builds the TLS configuration from the settings; `None` for plain HTTP.
pub(super) fn configuration(settings: &TlsSettings) -> Result<Option<ServerConfig>, TlsError> {
    let (certificate, key) = match (&settings.certificate, &settings.key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => return Err(TlsError::Half),
    };
    let chain = certificates(certificate).ok_or_else(|| TlsError::Certificate(certificate.clone()))?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|_| TlsError::Key(key.clone()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients: Arc<dyn ClientCertVerifier> = match &settings.client_ca {
        None => Arc::new(AnyCertificate(provider.clone())),
        Some(path) => issued_by(path, provider.clone()).ok_or_else(|| TlsError::Authority(path.clone()))?,
    };
    let unusable = |_| TlsError::Pair(certificate.clone(), key.clone());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(clients).with_single_cert(chain, private_key))
        .map(Some)
        .map_err(unusable)
}

/// Stores the client certificate of a new connection for [`certificate::client_certificate`].
pub(super) fn store_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    if let Some(presented) = presented {
        data.insert(certificate::PeerCertificate(certificate::fingerprint(presented)));
    }
}

fn certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path).ok()?.collect::<Result<_, _>>().ok()?;
    (!chain.is_empty()).then_some(chain)
}

/// Verifies client certificates against this authority; clients without a certificate are accepted.
fn issued_by(path: &Path, provider: Arc<CryptoProvider>) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).ok()?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).allow_unauthenticated();
    clients.build().ok()
}

/// Accepts any client certificate with a proof of possession of its key. No field of it is trusted: an authorization
/// names it by its fingerprint.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: &TlsSettings) -> String {
        configuration(settings).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
            Some(directory.path().join(name))
        };
        let [own, other] = [0; 2].map(|_| rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap());
        let certificate = file("own.pem", &own.cert.pem());
        let key = file("own.key", &own.signing_key.serialize_pem());
        let other_key = file("other.key", &other.signing_key.serialize_pem());
        let nonsense = file("nonsense", "nonsense");
        let none = TlsSettings { certificate: None, key: None, client_ca: None };
        assert!(configuration(&none).unwrap().is_none());
        let whole = TlsSettings { certificate, key, client_ca: None };
        assert!(configuration(&whole).unwrap().is_some());
        for (settings, part) in [
            (TlsSettings { key: None, ..whole.clone() }, "must be set together"),
            (TlsSettings { certificate: None, ..whole.clone() }, "must be set together"),
            (TlsSettings { certificate: nonsense.clone(), ..whole.clone() }, "contains no certificate"),
            (TlsSettings { certificate: Some("/nowhere".into()), ..whole.clone() }, "/nowhere contains no certificate"),
            (TlsSettings { key: nonsense.clone(), ..whole.clone() }, "contains no private key"),
            (TlsSettings { key: other_key, ..whole.clone() }, "are not a usable pair"),
            (TlsSettings { client_ca: nonsense, ..whole.clone() }, "no CA certificate"),
        ] {
            let refusal = refusal(&settings);
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
