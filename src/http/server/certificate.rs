//! The client certificate: from the TLS connection, or from the header of a trusted proxy.

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::service::Service;
use super::source;
use crate::vault::access::CertificateFingerprint;

/// The fingerprint of the certificate of a TLS peer.
pub(super) struct PeerCertificate(pub(super) CertificateFingerprint);

/// Returns the fingerprint of the verified client certificate. Behind a trusted proxy it is the certificate in the
/// proxy's header; the proxy's own certificate is ignored.
pub(super) fn client_certificate(request: &HttpRequest, service: &Service) -> Option<CertificateFingerprint> {
    let header = service.vault.settings().http.certificate_header.as_str();
    if header.is_empty() || !source::is_trusted_proxy(request, service) {
        return request.conn_data::<PeerCertificate>().map(|presented| presented.0);
    }
    let mut values = request.headers().get_all(header);
    // The proxy writes one value; a second one is forged.
    let (value, None) = (values.next()?, values.next()) else { return None };
    parse(value.to_str().ok()?)
}

/// Parses a certificate in the formats of proxies: base64 of its DER between colons (RFC 9440, section 2.1),
/// percent-encoded PEM (nginx: `$ssl_client_escaped_cert`), or its SHA-256 in hexadecimal.
fn parse(value: &str) -> Option<CertificateFingerprint> {
    let value = value.trim();
    if let Some(encoded) = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')) {
        return STANDARD.decode(encoded).ok().filter(|der| !der.is_empty()).map(|der| fingerprint(&der));
    }
    if value.starts_with("-----BEGIN") {
        let pem = percent_decode_str(value).decode_utf8().ok()?;
        return CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| fingerprint(&der));
    }
    CertificateFingerprint::parse(value)
}

/// Returns the fingerprint of a DER certificate.
pub(super) fn fingerprint(der: &[u8]) -> CertificateFingerprint {
    CertificateFingerprint(Sha256::digest(der).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = b"stands for a certificate";

    #[test]
    fn proxies_write_certificates_in_three_ways() {
        let known = Some(fingerprint(DER));
        let base64 = STANDARD.encode(DER);
        let hexadecimal = hex::encode(Sha256::digest(DER));
        assert_eq!(parse(&format!(":{base64}:")), known);
        assert_eq!(parse(&hexadecimal), known);
        assert_eq!(parse(&format!(" {} ", hexadecimal.to_uppercase())), known);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        let escaped: String = percent_encoding::utf8_percent_encode(&pem, percent_encoding::NON_ALPHANUMERIC).collect();
        let escaped = escaped.replace("%2D", "-");
        assert_eq!(parse(&escaped), known);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for value in ["", ":", "::", ":!:", "nonsense", "-----BEGIN CERTIFICATE-----", "-----BEGIN%20X%FF", "ab:cd"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
