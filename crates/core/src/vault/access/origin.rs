//! The origin of a request, and the origins that an authorization allows (contract, section 3.2): source addresses, HTTP
//! referers, client certificates. Every nonempty list has to match.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use crate::network;
use crate::text::line;
use crate::vault::{DenyReason, Field, VaultError};

/// The origin of a request, as the server sees it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The source address.
    pub source: IpAddr,
    /// The id of the request, as in the response header and the log.
    pub request_id: String,
    /// The name of the protocol family of the request, for the audit log; empty for the command line.
    pub family: &'static str,
    /// The header `Referer`.
    pub referer: Option<String>,
    /// The client certificate, with proof of possession of its key.
    pub certificate: Option<CertificateFingerprint>,
}

/// The SHA-256 fingerprint of a certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateFingerprint(pub [u8; 32]);

impl Origin {
    /// The origin of the command line and of background work.
    pub fn local() -> Self {
        let source = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        Self { source, request_id: String::new(), family: "", referer: None, certificate: None }
    }
}

impl CertificateFingerprint {
    /// Parses 64 hexadecimal digits in any case, with or without colons between the bytes, as printed by `openssl x509
    /// -fingerprint -sha256`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().split(':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// The origins that an authorization allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins {
    sources: Allowed<IpNet>,
    referers: Allowed<Referer>,
    certificates: Allowed<CertificateFingerprint>,
}

/// A list of an authorization: an empty list, or `*` alone, allows anything.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed<T> {
    Anything,
    Only(Vec<T>),
}

impl<T> Allowed<T> {
    /// Parses a comma-separated list. `None` if an entry is invalid or blank, or is a `*` among others: such a list is a
    /// mistake, and must not allow anything.
    fn parse(list: &str, entry: impl Fn(&str) -> Option<T>) -> Option<Self> {
        if list.is_empty() || list.trim() == "*" {
            return Some(Self::Anything);
        }
        list.split(',').map(|item| entry(item.trim())).collect::<Option<_>>().map(Self::Only)
    }

    fn allows(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Anything => true,
            Self::Only(entries) => entries.iter().any(matches),
        }
    }
}

/// The list that cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableList {
    /// The source addresses.
    #[error("allowed address must be an IP address or a CIDR range, or * alone")]
    Sources,
    /// The referers.
    #[error("allowed referer must be a host (portal.example, *.example) or an http or https URL, or * alone")]
    Referers,
    /// The certificates.
    #[error("certificate must be a SHA-256 fingerprint: 64 hexadecimal digits, colons allowed")]
    Certificates,
}

impl UnreadableList {
    /// The error of the field.
    pub(in crate::vault) fn into_error(self) -> VaultError {
        match self {
            UnreadableList::Sources => {
                VaultError::invalid(Field::AllowedAddress, "must be an IP address or a CIDR range, or * alone")
            }
            UnreadableList::Referers => {
                let expected = "must be a host (portal.example, *.example) or an http or https URL, or * alone";
                VaultError::invalid(Field::AllowedReferer, expected)
            }
            UnreadableList::Certificates => {
                let expected = "must be a SHA-256 fingerprint: 64 hexadecimal digits, colons allowed";
                VaultError::invalid(Field::Certificate, expected)
            }
        }
    }
}

impl AllowedOrigins {
    /// Parses the three comma-separated lists.
    pub fn parse(sources: &str, referers: &str, certificates: &str) -> Result<Self, UnreadableList> {
        Ok(Self {
            sources: Allowed::parse(sources, network::parse).ok_or(UnreadableList::Sources)?,
            referers: Allowed::parse(referers, Referer::parse).ok_or(UnreadableList::Referers)?,
            certificates: Allowed::parse(certificates, CertificateFingerprint::parse)
                .ok_or(UnreadableList::Certificates)?,
        })
    }

    /// Allows no origin.
    pub(in crate::vault) fn nowhere() -> Self {
        Self {
            sources: Allowed::Only(Vec::new()),
            referers: Allowed::Only(Vec::new()),
            certificates: Allowed::Only(Vec::new()),
        }
    }

    /// Whether a certificate is required, or the source addresses are narrower than all of IPv4 or IPv6. Anyone can send any
    /// referer, so that a list of referers binds nothing.
    pub(in crate::vault) fn are_bound(&self) -> bool {
        let narrow = match &self.sources {
            Allowed::Anything => false,
            // Adjacent ranges become one, so that two halves are recognized as everything.
            Allowed::Only(ranges) => IpNet::aggregate(ranges).iter().all(|range| range.prefix_len() > 0),
        };
        narrow || self.certificates != Allowed::Anything
    }

    /// Whether a narrow range of the source addresses contains a source.
    pub(super) fn name_source(&self, source: IpAddr) -> bool {
        match &self.sources {
            Allowed::Anything => false,
            Allowed::Only(ranges) => {
                ranges.iter().any(|range| network::is_narrow(range) && network::contains(range, source))
            }
        }
    }

    /// Checks an origin.
    ///
    /// # Errors
    /// The reason for the first list that does not match.
    pub(in crate::vault) fn admit(&self, origin: &Origin) -> Result<(), DenyReason> {
        if !self.sources.allows(|range| network::contains(range, origin.source)) {
            return Err(DenyReason::Source);
        }
        // The header is parsed only for authorizations that restrict it.
        if self.referers != Allowed::Anything {
            let referer = origin.referer.as_deref().and_then(|text| Url::parse(text).ok());
            if !self.referers.allows(|rule| referer.as_ref().is_some_and(|referer| rule.matches(referer))) {
                return Err(DenyReason::Referer);
            }
        }
        if !self.certificates.allows(|known| origin.certificate.as_ref() == Some(known)) {
            return Err(DenyReason::Certificate);
        }
        Ok(())
    }
}

/// An allowed referer: a page, or all pages of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Referer {
    /// A host, whatever the scheme and the port.
    Host(String),
    /// All hosts below a domain.
    Below(String),
    /// Scheme, host and port, and a path with everything below it.
    Address(Url),
}

impl Referer {
    fn parse(entry: &str) -> Option<Self> {
        // The URL parser drops line breaks and tabs.
        line(entry).ok()?;
        if entry.contains("://") {
            let url = Url::parse(entry).ok()?;
            let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
            return plain.then_some(Self::Address(url));
        }
        let (below, host) = match entry.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, entry),
        };
        if host.contains('*') {
            return None;
        }
        // The URL parser normalizes the name as it does that of the header.
        let url = Url::parse(&format!("http://{host}/")).ok()?;
        let name =
            url.host_str().filter(|_| url.path() == "/" && url.port().is_none() && !host.contains(['@', ':']))?;
        Some(if below { Self::Below(format!(".{name}")) } else { Self::Host(name.into()) })
    }

    fn matches(&self, referer: &Url) -> bool {
        let host = referer.host_str().unwrap_or_default();
        match self {
            Self::Host(name) => host == name,
            Self::Below(domain) => host.ends_with(domain.as_str()),
            Self::Address(allowed) => {
                let below = referer.path().strip_prefix(allowed.path().trim_end_matches('/'));
                referer.origin() == allowed.origin()
                    && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

mod within;

#[cfg(test)]
mod tests;
