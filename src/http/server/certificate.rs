//! The client certificate: from the TLS connection, or from the header of a trusted proxy.

use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::certificate::Validity;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::service::Service;
use super::source;
use crate::vault::access::CertificateFingerprint;

/// The certificate of a TLS peer.
pub(super) struct PeerCertificate {
    fingerprint: CertificateFingerprint,
    /// Seconds since 1970, both inclusive.
    valid: RangeInclusive<i64>,
}

/// Returns when a certificate expires, in seconds since 1970.
pub(super) fn expiry(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

impl PeerCertificate {
    /// Parses a certificate; `None` for one whose dates cannot be read.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let Validity { not_before, not_after } = certificate.validity();
        Some(Self { fingerprint: fingerprint(der), valid: not_before.timestamp()..=not_after.timestamp() })
    }

    /// Returns the fingerprint while the certificate is valid. The dates are checked at each request, and not by the handshake: a
    /// connection may outlive its certificate, and a certificate without an authority is verified by nobody else.
    fn at(&self, now: DateTime<Utc>) -> Option<CertificateFingerprint> {
        self.valid.contains(&now.timestamp()).then_some(self.fingerprint)
    }
}

/// Returns the fingerprint of the verified client certificate; an expired one, or one that is not valid yet, is none. Behind a trusted proxy it is the certificate in the
/// proxy's header; the proxy's own certificate is ignored.
pub(super) fn client_certificate(request: &HttpRequest, service: &Service) -> Option<CertificateFingerprint> {
    let header = service.vault.settings().http.certificate_header.as_str();
    if header.is_empty() || !source::is_trusted_proxy(request, service) {
        return request.conn_data::<PeerCertificate>()?.at(service.vault.now());
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

/// Parses the header of a proxy, and the certificate of a client, for [`crate::fuzz`].
pub(crate) fn fuzz(bytes: &[u8]) {
    let _ = std::str::from_utf8(bytes).ok().and_then(parse);
    let _ = (expiry(bytes), PeerCertificate::from_der(bytes).is_some());
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
    fn a_certificate_counts_from_its_first_to_its_last_second() {
        let mut params = rcgen::CertificateParams::new(vec!["robot".to_string()]).unwrap();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 3, 1), rcgen::date_time_ymd(2026, 3, 31));
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let peer = PeerCertificate::from_der(certificate.der()).unwrap();
        for (time, is_valid) in [
            ("2026-02-28T23:59:59Z", false),
            ("2026-03-01T00:00:00Z", true),
            ("2026-03-31T00:00:00.9Z", true),
            ("2026-03-31T00:00:01Z", false),
        ] {
            assert_eq!(peer.at(time.parse().unwrap()), is_valid.then(|| fingerprint(certificate.der())), "{time}");
        }
        assert!(PeerCertificate::from_der(DER).is_none());
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for value in ["", ":", "::", ":!:", "nonsense", "-----BEGIN CERTIFICATE-----", "-----BEGIN%20X%FF", "ab:cd"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
