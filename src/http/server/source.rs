//! The source address of a request, behind trusted proxies.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use super::forwarded::{self, trimmed};
use super::service::Service;
use crate::config::ForwardedHeader;
use crate::network;

/// The source address in the extensions of a request: the access log, the refusal and the audit record need it.
#[derive(Clone, Copy)]
struct Found(Option<IpAddr>);

/// Returns the source address of a request: the peer's, or the one that a trusted proxy sends. `None` when a trusted proxy
/// sends none that can be read: such a request is refused, because the address of the proxy would let everybody in.
pub(super) fn source_address(request: &HttpRequest, service: &Service) -> Option<IpAddr> {
    let known = request.extensions().get::<Found>().copied();
    let Found(source) = known.unwrap_or_else(|| {
        let found = Found(find(request, service));
        request.extensions_mut().insert(found);
        found
    });
    source
}

fn find(request: &HttpRequest, service: &Service) -> Option<IpAddr> {
    let (peer, settings) = (peer(request), &service.vault.settings().http);
    if !is_trusted(peer, &settings.trusted_proxies) {
        return Some(peer);
    }
    let header = settings.forwarded_header;
    let lines: Vec<&[u8]> = request.headers().get_all(header.as_str()).map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        // A request of the proxy's own, such as a health check; with the other header, one of a client by a wrong setting.
        return (!request.headers().contains_key(header.other().as_str())).then_some(peer);
    }
    // A non-ASCII line is kept: a client must not be able to hide what the proxy appended to it.
    resolve(peer, header, &String::from_utf8_lossy(&lines.join(&b',')), &settings.trusted_proxies)
}

/// Whether the peer is a trusted proxy.
pub(super) fn is_trusted_proxy(request: &HttpRequest, service: &Service) -> bool {
    is_trusted(peer(request), &service.vault.settings().http.trusted_proxies)
}

/// Returns the address at the other end of the connection.
pub(super) fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|range| network::contains(range, address))
}

/// Walks the elements of a header from its end, where the nearest proxy appended, while their writer is trusted. Ignores the
/// elements of untrusted writers. Splitting at every comma, also within quotes, keeps a quote that a client opened from
/// hiding what a proxy appended; no address contains a comma.
fn resolve(peer: IpAddr, header: ForwardedHeader, list: &str, trusted: &[IpNet]) -> Option<IpAddr> {
    // An empty element that a trusted proxy wrote is nobody's address: skipping it would believe what the client wrote.
    let mut elements = list.rsplit(',').map(trimmed);
    let mut source = peer;
    while is_trusted(source, trusted)
        && let Some(element) = elements.next()
    {
        source = forwarded::address(header, element)?;
    }
    Some(source)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: ForwardedHeader = ForwardedHeader::XForwardedFor;

    fn source_by(peer: &str, header: ForwardedHeader, list: &str) -> String {
        let trusted = [network::parse("10.0.0.0/8").unwrap()];
        let source = resolve(peer.parse().unwrap(), header, list, &trusted);
        source.map_or_else(|| "unreadable".into(), |source| source.to_string())
    }

    fn source(peer: &str, list: &str) -> String {
        source_by(peer, LIST, list)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(source("192.0.2.1", "203.0.113.9"), "192.0.2.1");
        assert_eq!(source("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", "10.0.0.2"), "10.0.0.2");
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(source("10.0.0.1", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", "nonsense, unknown,203.0.113.9\t,10.0.0.2:443"), "203.0.113.9");
        assert_eq!(source_by("10.0.0.1", ForwardedHeader::Forwarded, "for=\"x, for=203.0.113.9;by=_p"), "203.0.113.9");
    }

    #[test]
    fn an_entry_of_a_trusted_proxy_that_cannot_be_read_is_nobodys_address() {
        for list in ["", ",", " , ", "nonsense", "198.51.100.1, unknown", "203.0.113.9, nonsense, 10.0.0.3"] {
            assert_eq!(source("10.0.0.1", list), "unreadable", "{list}");
        }
        for list in ["10.0.0.9", "for=unknown", "for=203.0.113.9, for=_hidden", "for=203.0.113.9, proto=https"] {
            assert_eq!(source_by("10.0.0.1", ForwardedHeader::Forwarded, list), "unreadable", "{list}");
        }
    }

    #[test]
    fn an_empty_element_of_a_trusted_proxy_is_nobodys_address() {
        assert_eq!(source("10.0.0.1", ",203.0.113.9"), "203.0.113.9");
        for list in ["203.0.113.9,", "203.0.113.9, ,", ",,", "203.0.113.9,, 10.0.0.2"] {
            assert_eq!(source("10.0.0.1", list), "unreadable", "{list}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert_eq!(source("10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2"), "203.0.113.9");
    }

    proptest! {
        #[test]
        fn no_header_moves_an_untrusted_peer(list in "[^,]{1,9}(,.{0,9}){0,3}") {
            prop_assume!(list.split(',').any(|element| !trimmed(element).is_empty()));
            prop_assert_eq!(source("192.0.2.1", &list), "192.0.2.1");
        }

        #[test]
        fn what_a_trusted_proxy_appended_counts_whatever_comes_before(before in any::<String>()) {
            prop_assert_eq!(source("10.0.0.1", &format!("{before}, 203.0.113.9")), "203.0.113.9");
            let appended = format!("{before}, for=203.0.113.9");
            prop_assert_eq!(source_by("10.0.0.1", ForwardedHeader::Forwarded, &appended), "203.0.113.9");
        }
    }
}
