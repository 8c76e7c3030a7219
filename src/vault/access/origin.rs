//! The origin of a request, and the origins that an authorization allows (contract, section 3.2): source addresses, HTTP
//! referers, client certificates. Every nonempty list has to match.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use crate::network;
use crate::text::comma_separated;
use crate::vault::{DenyReason, Field, VaultError};

/// The origin of a request, as the server sees it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The source address.
    pub source: IpAddr,
    /// The id of the request, as in the response header and the log.
    pub request_id: String,
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
        Self { source, request_id: String::new(), referer: None, certificate: None }
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

/// A list of an authorization: `*` or an empty list allows anything.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed<T> {
    Anything,
    Only(Vec<T>),
}

impl<T> Allowed<T> {
    /// Parses a comma-separated list. `None` if an entry is invalid: an invalid list must not allow anything.
    fn parse(list: &str, entry: impl Fn(&str) -> Option<T>) -> Option<Self> {
        let any = list.trim().is_empty() || comma_separated(list).any(|item| item == "*");
        let entries: Vec<T> = comma_separated(list).filter(|item| *item != "*").map(entry).collect::<Option<_>>()?;
        Some(if any { Self::Anything } else { Self::Only(entries) })
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
    #[error("allowed address must be an IP address, a CIDR range or *")]
    Sources,
    /// The referers.
    #[error("allowed referer must be a host (portal.example, *.example), an http or https URL, or *")]
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
                VaultError::invalid(Field::AllowedAddress, "must be an IP address, a CIDR range or *")
            }
            UnreadableList::Referers => {
                let expected = "must be a host (portal.example, *.example), an http or https URL, or *";
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
        if entry.contains("://") {
            let url = Url::parse(entry).ok()?;
            let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
            return plain.then_some(Self::Address(url));
        }
        let (below, host) = match entry.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, entry),
        };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(source: &str, referer: Option<&str>, certificate: Option<u8>) -> Origin {
        Origin {
            source: source.parse().unwrap(),
            request_id: String::new(),
            referer: referer.map(String::from),
            certificate: certificate.map(|byte| CertificateFingerprint([byte; 32])),
        }
    }

    fn from(source: &str, list: &str) -> bool {
        AllowedOrigins::parse(list, "", "").unwrap().admit(&origin(source, None, None)).is_ok()
    }

    fn referred(referer: &str, list: &str) -> bool {
        AllowedOrigins::parse("", list, "").unwrap().admit(&origin("127.0.0.1", Some(referer), None)).is_ok()
    }

    #[test]
    fn lists_of_sources_are_read_or_refused_whole() {
        for anywhere in ["", " ", "*", "10.0.0.1, *", "*,"] {
            assert!(from("192.0.2.1", anywhere), "{anywhere}");
        }
        for bad in ["*, nonsense", "10.0.0.1, nonsense", "10.0.0.0/33"] {
            assert_eq!(AllowedOrigins::parse(bad, "", ""), Err(UnreadableList::Sources), "{bad}");
        }
        let list = "10.0.0.0/8, 2001:db8::1";
        assert!(from("10.9.9.9", list) && from("2001:db8::1", list));
        assert!(!from("11.0.0.1", list) && !from("2001:db8::2", list));
    }

    #[test]
    fn a_list_of_nothing_but_commas_allows_nothing() {
        assert!(!from("10.0.0.1", ","));
    }

    #[test]
    fn referers_are_hosts_domains_or_addresses() {
        for (referer, list, allowed) in [
            ("https://portal.example/a?b=c", "portal.example", true),
            ("http://PORTAL.example:8080/", "Portal.Example", true),
            ("https://portal.example.evil.test/", "portal.example", false),
            ("https://evil.test/portal.example", "portal.example", false),
            ("https://portal.example@evil.test/", "portal.example", false),
            ("https://a.b.example/", "*.example", true),
            ("https://example/", "*.example", false),
            ("https://badexample/", "*.example", false),
            ("https://portal.example/rpa/bot", "https://portal.example/rpa", true),
            ("https://portal.example/rpa", "https://portal.example/rpa/", true),
            ("https://portal.example/rpax", "https://portal.example/rpa", false),
            ("https://portal.example/rpa/../x", "https://portal.example/rpa", false),
            ("http://portal.example/rpa", "https://portal.example/rpa", false),
            ("https://portal.example:8443/", "https://portal.example", false),
            ("https://portal.example:443/", "https://portal.example", true),
            ("https://[2001:db8::1]/", "https://[2001:db8::1]", true),
            ("not an address", "portal.example", false),
            ("", "portal.example", false),
            ("anything", "*", true),
        ] {
            assert_eq!(referred(referer, list), allowed, "{referer} by {list}");
        }
        for bad in ["ftp://x", "https://", "a b", "host:80", "user@host", "host/path", "https://x/?q", "*.", "*."] {
            assert_eq!(AllowedOrigins::parse("", bad, ""), Err(UnreadableList::Referers), "{bad}");
        }
    }

    #[test]
    fn who_demands_a_referer_gets_one() {
        let allowed = AllowedOrigins::parse("", "portal.example", "").unwrap();
        assert_eq!(allowed.admit(&origin("127.0.0.1", None, None)), Err(DenyReason::Referer));
    }

    #[test]
    fn the_certificate_has_to_be_one_of_those_named() {
        let named = format!("{}, {}", "0A:".repeat(31) + "0a", "0b".repeat(32));
        let allowed = AllowedOrigins::parse("", "", &named).unwrap();
        for (certificate, admitted) in [(Some(10), true), (Some(11), true), (Some(12), false), (None, false)] {
            assert_eq!(allowed.admit(&origin("127.0.0.1", None, certificate)).is_ok(), admitted, "{certificate:?}");
        }
        for bad in ["ab", &"0g".repeat(32), &"0a".repeat(33), &"0a".repeat(20)] {
            assert_eq!(AllowedOrigins::parse("", "", bad), Err(UnreadableList::Certificates), "{bad}");
        }
    }

    #[test]
    fn the_source_comes_first_then_the_referer() {
        let allowed = AllowedOrigins::parse("10.0.0.1", "a.example", &"0a".repeat(32)).unwrap();
        let refusal = |source, referer, certificate| allowed.admit(&origin(source, referer, certificate)).err();
        assert_eq!(refusal("10.0.0.2", None, None), Some(DenyReason::Source));
        assert_eq!(refusal("10.0.0.1", None, None), Some(DenyReason::Referer));
        assert_eq!(refusal("10.0.0.1", Some("https://a.example/"), None), Some(DenyReason::Certificate));
        assert_eq!(refusal("10.0.0.1", Some("https://a.example/"), Some(10)), None);
        assert!(AllowedOrigins::nowhere().admit(&origin("10.0.0.1", None, None)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(list in any::<String>(), referer in any::<String>()) {
            if let Ok(allowed) = AllowedOrigins::parse("", &list, "") {
                let _ = allowed.admit(&origin("127.0.0.1", Some(&referer), None));
            }
            let _ = AllowedOrigins::parse(&list, "", &list);
        }

        #[test]
        fn another_host_is_never_allowed(host in "[a-z]{1,8}\\.test", other in "[a-z]{1,8}\\.test", path in "[ -~]{0,20}") {
            prop_assume!(host != other);
            let referer = format!("https://{other}/{path}");
            prop_assert!(!referred(&referer, &host));
        }
    }
}
