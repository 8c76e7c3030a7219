//! The source address of a request, behind trusted proxies.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use ipnet::IpNet;

use super::service::Service;
use crate::network;

/// Returns the source address of a request: the peer's, or the one in a trusted proxy's `X-Forwarded-For`.
pub(super) fn source_address(request: &HttpRequest, service: &Service) -> IpAddr {
    let peer = peer(request);
    let trusted = &service.vault.settings().http.trusted_proxies;
    if trusted.is_empty() {
        return peer;
    }
    // A non-ASCII line is kept: a client must not be able to hide what the proxy appended to it.
    let lines: Vec<&[u8]> = request.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes).collect();
    resolve(peer, &String::from_utf8_lossy(&lines.join(&b',')), trusted)
}

/// Whether the peer is a trusted proxy.
pub(super) fn is_trusted_proxy(request: &HttpRequest, service: &Service) -> bool {
    let peer = peer(request);
    service.vault.settings().http.trusted_proxies.iter().any(|range| network::contains(range, peer))
}

fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical())
}

/// Walks `forwarded` from its end, where the nearest proxy appended, while the writer is trusted. Ignores the entries
/// of untrusted writers, and everything before an invalid address.
fn resolve(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| network::contains(range, address));
    let mut source = peer;
    for entry in forwarded.rsplit(',').map(str::trim) {
        if !is_trusted(source) {
            break;
        }
        match entry.parse::<IpAddr>() {
            Ok(address) => source = address.to_canonical(),
            Err(_) => break,
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(peer: &str, forwarded: &str) -> String {
        let trusted = [network::parse("10.0.0.0/8").unwrap()];
        resolve(peer.parse().unwrap(), forwarded, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(source("192.0.2.1", "203.0.113.9"), "192.0.2.1");
        assert_eq!(source("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", ""), "10.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(source("10.0.0.1", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(source("10.0.0.1", "198.51.100.1, nonsense"), "10.0.0.1");
        assert_eq!(source("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.3"), "10.0.0.3");
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert_eq!(source("10.0.0.1", "::ffff:203.0.113.9"), "203.0.113.9");
    }

    proptest! {
        #[test]
        fn no_header_moves_an_untrusted_peer(forwarded in any::<String>()) {
            prop_assert_eq!(source("192.0.2.1", &forwarded), "192.0.2.1");
        }
    }
}
