//! The source address in an element of `X-Forwarded-For` or `Forwarded` (RFC 7239), as proxies write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::ForwardedHeader;

/// Returns the address that an element of the header names; `None` when it names none, as `unknown` does.
pub(super) fn address(header: ForwardedHeader, element: &str) -> Option<IpAddr> {
    match header {
        ForwardedHeader::XForwardedFor => node(unquoted(element)?),
        ForwardedHeader::Forwarded => node(parameter(element, "for")?),
    }
}

/// Returns the value of the only parameter of this name of an element of `Forwarded`. The whole element has to be well-formed, so that a quoted
/// value that a client chose, such as its `Host`, cannot be taken for a parameter. An unquoted one can: the proxy must not
/// write it.
pub(super) fn parameter<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    let mut found = None;
    for parameter in element.split(';').map(trimmed).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=')?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case(wanted) && found.replace(value).is_some() {
            return None;
        }
    }
    found
}

/// Removes optional white space (RFC 9110, section 5.6.3).
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Removes the quotes of a quoted string. An address needs no escapes, so they are refused.
fn unquoted(value: &str) -> Option<&str> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inner.contains(['"', '\\'])).then_some(inner)
}

/// Parses a node (RFC 7239, section 6): an address, with a port where the proxy adds it. An IPv6 address with a port is in
/// brackets; without brackets the port could not be told from the address.
fn node(text: &str) -> Option<IpAddr> {
    let (address, port): (IpAddr, _) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (ipv6(address)?.into(), if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
    } else if let Ok(address) = text.parse::<Ipv4Addr>() {
        (address.into(), None)
    } else if let Some(address) = ipv6(text) {
        (address.into(), None)
    } else {
        let (address, port) = text.split_once(':')?;
        (address.parse::<Ipv4Addr>().ok()?.into(), Some(port))
    };
    port.is_none_or(is_port).then(|| address.to_canonical())
}

/// Parses an IPv6 address. Its zone id, which means something on the proxy only, is ignored.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "-"));
    if zone.is_empty() { None } else { address.parse().ok() }
}

/// Whether the text is a port, or an obfuscated one (RFC 7239, section 6.2).
fn is_port(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    match text.strip_prefix('_') {
        Some(name) => is_name(name),
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

/// Parses an element of both headers, for [`crate::fuzz`].
pub(crate) fn fuzz(text: &str) {
    let _ = address(ForwardedHeader::XForwardedFor, text);
    let _ = address(ForwardedHeader::Forwarded, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: ForwardedHeader, element: &str) -> Option<String> {
        address(header, element).map(|address| address.to_string())
    }

    #[test]
    fn x_forwarded_for_is_read_as_proxies_write_it() {
        for (element, expected) in [
            // nginx, HAProxy, Envoy, Traefik, Caddy, Azure Front Door
            ("203.0.113.9", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            // Azure Application Gateway, IIS ARR, AWS ALB with the client port preserved
            ("203.0.113.9:54321", "203.0.113.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
            // Link-local clients of proxies in Go and of nginx
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            // Proxies that quote as in Forwarded
            ("\"203.0.113.9\"", "203.0.113.9"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
        ] {
            assert_eq!(read(ForwardedHeader::XForwardedFor, element).as_deref(), Some(expected), "{element}");
        }
    }

    #[test]
    fn forwarded_is_read_as_the_rfc_writes_it() {
        for (element, expected) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=\"192.0.2.43:4711\"", "192.0.2.43"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("FOR=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("proto=https; by=\"_proxy\"; for=192.0.2.60; host=vault.example", "192.0.2.60"),
            ("for=\"192.0.2.43:_port\"", "192.0.2.43"),
            (";;for=192.0.2.43;", "192.0.2.43"),
            // HAProxy 2.6 with `set-header Forwarded`: neither quotes nor brackets
            ("for=::1", "::1"),
            ("proto=http;for=\"127.0.0.1:56944\"", "127.0.0.1"),
        ] {
            assert_eq!(read(ForwardedHeader::Forwarded, element).as_deref(), Some(expected), "{element}");
        }
    }

    #[test]
    fn what_names_no_address_is_not_read() {
        let nodes = [
            "",
            "unknown",
            "_hidden",
            "-",
            "localhost",
            "unix:",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:x",
            "10.0.0.1:65536",
            "10.0.0.1:+1",
            "10.0.0.1:_",
            "10.0.0.1:1:2",
            "10.0.0.0/8",
            "10.0.0.1%eth0",
            "[10.0.0.1]:1",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]443",
            "[2001:db8::1]:",
            "[]:1",
            "fe80::1%",
            "10.0.0.1 10.0.0.2",
            "2001:db8:1:2:3:4:5:6:443",
            "::1:38172",
            "\"10.0.0.1",
            "10.0.0.1\"",
            "\"\"",
            "\"\\10.0.0.1\"",
            "for=10.0.0.1",
        ];
        for text in nodes {
            assert_eq!(read(ForwardedHeader::XForwardedFor, text), None, "{text}");
        }
        for text in [
            "",
            "by=10.0.0.1",
            "proto=https",
            "10.0.0.1",
            "for=",
            "for",
            "for=unknown",
            "for=_hidden",
            "for=\"_hidden\"",
            "for=10.0.0.1;for=10.0.0.2",
            "for=\"10.0.0.1",
            "for=10.0.0.1;host=\"",
            "host=\";for=10.0.0.1;x=\"",
            "for=10.0.0.1;host",
            "for =10.0.0.1",
            "for= 10.0.0.1",
        ] {
            assert_eq!(read(ForwardedHeader::Forwarded, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_with_and_without_its_port(bits: u128, v4: u32, port: u16) {
            let v6 = Ipv6Addr::from(bits);
            let expected = IpAddr::from(v6).to_canonical();
            let texts = [format!("{v6}"), format!("[{v6}]"), format!("[{v6}]:{port}")];
            for text in texts {
                prop_assert_eq!(node(&text), Some(expected));
            }
            let v4 = Ipv4Addr::from(v4);
            prop_assert_eq!([node(&v4.to_string()), node(&format!("{v4}:{port}"))], [Some(v4.into()); 2]);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = (address(ForwardedHeader::XForwardedFor, &text), address(ForwardedHeader::Forwarded, &text));
        }
    }
}
