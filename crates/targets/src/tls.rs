//! TLS to targets: a pinned certificate, or one that the roots of the system or a given authority vouch for. With a given authority only
//! its certificates are ever pinned.

use std::sync::{Arc, Mutex, PoisonError};

use ::aws_lc_rs::digest::{SHA256, digest};
use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure;
use crate::net::{self, CONNECT, within};
use crate::options::option;

const NOT_TRUSTED: &str =
    "no trusted authority has issued the certificate for the address of the device: correct ca-pem or the certificate";

/// How a connection is protected: option `tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// `on`, the default: TLS, from the first byte or as the protocol starts it.
    Tls,
    /// `starttls`: TLS after a request in plain text.
    StartTls,
    /// `off`: plain text.
    Off,
}

impl Protection {
    pub(crate) fn from_account(account: &Account) -> Result<Self, TargetError> {
        match option(account, "tls") {
            None | Some("on") => Ok(Protection::Tls),
            Some("starttls") => Ok(Protection::StartTls),
            Some("off") => Ok(Protection::Off),
            Some(_) => Err(failure::misconfigured("option tls must be on, starttls or off")),
        }
    }
}

/// Which certificate is accepted.
#[derive(Debug)]
enum Trust {
    /// The certificate with this fingerprint, by any issuer.
    Pinned(TargetIdentity),
    /// Those that an authority has issued for the host.
    Issued(Arc<WebPkiServerVerifier>),
    /// Every one: only to ask for the identity, never to send a secret.
    Any,
}

/// Checks the certificate of a target, and remembers which one was presented.
#[derive(Debug)]
pub(crate) struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    presented: Mutex<Option<TargetIdentity>>,
    refusal: Mutex<Option<TargetError>>,
}

/// What TLS to one target needs.
pub(crate) struct Tls {
    /// The configuration of rustls.
    pub(crate) config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

impl Tls {
    /// Prepares TLS for a login: the pinned certificate, or one that option `ca-pem` or the system's roots vouch for.
    pub(crate) fn from_account(account: &Account) -> Result<Self, TargetError> {
        let trust = match (&account.identity, option(account, "ca-pem")) {
            (Some(identity), _) => Trust::Pinned(identity.clone()),
            (None, Some(pem)) => Trust::Issued(webpki(given_roots(pem)?)?),
            (None, None) => Trust::Issued(webpki(system_roots())?),
        };
        Self::new(trust)
    }

    /// Prepares TLS to learn which certificate is presented: one that option `ca-pem` vouches for, or without it any.
    pub(crate) fn to_identify(account: &Account) -> Result<Self, TargetError> {
        match option(account, "ca-pem") {
            Some(pem) => Self::new(Trust::Issued(webpki(given_roots(pem)?)?)),
            None => Self::new(Trust::Any),
        }
    }

    fn new(trust: Trust) -> Result<Self, TargetError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Verifier {
            trust,
            provider: provider.clone(),
            presented: Mutex::default(),
            refusal: Mutex::default(),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| failure::misconfigured("TLS cannot be set up"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifier })
    }

    /// Makes the handshake on a connection.
    pub(crate) async fn handshake(
        &self,
        account: &Account,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TargetError> {
        let name = ServerName::try_from(net::host(account).to_string());
        let name = name.map_err(|_| failure::misconfigured("the host is no name that a certificate can have"))?;
        let connected = within(CONNECT, TlsConnector::from(self.config.clone()).connect(name, stream)).await?;
        connected.map_err(|_| self.refusal().unwrap_or(failure::unreachable("the handshake of TLS failed")))
    }

    /// Returns the identity that was presented.
    pub(crate) fn presented(&self) -> Option<TargetIdentity> {
        self.verifier.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why the certificate was refused. A handshake may fail for another reason.
    pub(crate) fn refusal(&self) -> Option<TargetError> {
        *self.verifier.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verifier {
    /// Remembers why the certificate is refused.
    fn refuse(&self, refusal: TargetError) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    }
}

fn webpki(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TargetError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(aws_lc_rs::default_provider()))
        .build()
        .map_err(|_| {
            failure::misconfigured("no authority to check certificates by: give one as ca-pem, or pin the certificate")
        })
}

fn given_roots(pem: &str) -> Result<RootCertStore, TargetError> {
    let unreadable = || failure::misconfigured("option ca-pem must be certificates in PEM form");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
    }
    if roots.is_empty() { Err(unreadable()) } else { Ok(roots) }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Returns the fingerprint of a certificate, written as `openssl x509 -fingerprint -sha256` does.
fn fingerprint(certificate: &[u8]) -> TargetIdentity {
    let bytes: Vec<String> = digest(&SHA256, certificate).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    TargetIdentity(format!("SHA256:{}", bytes.join(":")))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = fingerprint(end_entity);
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented.clone());
        match &self.trust {
            Trust::Any => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(identity) if *identity == presented => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(_) => {
                self.refuse(failure::identity_changed("the certificate is not the pinned one"));
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Trust::Issued(webpki) => {
                let checked = webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
                checked.inspect_err(|_| self.refuse(failure::misconfigured(NOT_TRUSTED)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
