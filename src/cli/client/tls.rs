//! TLS of the client: the authorities of the system or of a file, and a client certificate.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use super::connection::Server;
use super::error::ClientError;
use crate::text::encoding::skip_byte_order_mark;

/// Loads what the options of a server name.
///
/// # Errors
/// [`ClientError`] for a file that cannot be used.
pub(super) fn config(server: &Server) -> Result<TlsConfig, ClientError> {
    let authorities = match &server.ca_file {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    if authorities.is_empty() {
        return Err(ClientError::Option("ca file", "the system has no certificates of authorities; set --ca-file"));
    }
    let certificate = server.certificate.as_ref();
    let certificate = certificate.map(|(certificate, key)| client_certificate(certificate, key)).transpose()?;
    let authorities: Vec<_> = authorities.iter().map(|found| Certificate::from_der(found).to_owned()).collect();
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&authorities))
        .client_cert(certificate)
        .build())
}

fn client_certificate(certificate: &Path, key: &Path) -> Result<ClientCert, ClientError> {
    let chain = certificates(certificate)?;
    let pem = Zeroizing::new(read(key)?);
    let no_key = || ClientError::Pem(key.into(), "expected a private key");
    let parsed = PrivateKeyDer::from_pem_slice(skip_byte_order_mark(&pem)).map_err(|_| no_key())?;
    // Checked here, because the HTTP client takes the pair unseen.
    let pair = CertifiedKey::from_der(chain.clone(), parsed, &Arc::new(aws_lc_rs::default_provider()));
    pair.map_err(|_| ClientError::Pem(certificate.into(), "expected the certificate of the client key"))?;
    let chain: Vec<_> = chain.iter().map(|found| Certificate::from_der(found).to_owned()).collect();
    let key = PrivateKey::from_pem(skip_byte_order_mark(&pem)).map_err(|_| no_key())?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(skip_byte_order_mark(&bytes)).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| ClientError::Pem(path.into(), "expected certificates"))
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    fs::read(path).map_err(|error| ClientError::Unreadable(path.into(), error.kind()))
}
