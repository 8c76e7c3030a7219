//! The addresses that keys are fetched from. An operator names the host, and whoever controls its name could point it at a
//! service of this machine or network (server-side request forgery), so every address is checked when it is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use ipnet::IpNet;

use crate::network;

/// Never a server of keys: this host, link-local addresses and metadata services of clouds, multicast, addresses that lead
/// elsewhere (6to4, Teredo, local NAT64), documentation and reserved ones.
const NEVER: [&str; 24] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "100.100.100.200",
    "168.63.129.16",
    "::/128",
    "::/97",
    "::8000:0/97",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "5f00::/16",
];

/// This machine and private networks: allowed for an issuer that the operator has placed there.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "::1",
    "fc00::/7",
];

/// Whether keys may be fetched from an address.
pub(super) fn is_allowed(address: IpAddr, allow_private: bool) -> bool {
    let address = embedded(address.to_canonical());
    let is_in = |ranges: &[IpNet]| ranges.iter().any(|range| network::contains(range, address));
    if is_in(private()) {
        // Addresses of metadata services lie within private ranges, too.
        return allow_private && (address == IpAddr::V6(Ipv6Addr::LOCALHOST) || !is_in(never()));
    }
    let is_unicast = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    };
    is_unicast && !is_in(never())
}

/// Returns the IPv4 address that a NAT64 gateway translates the well-known prefix to (RFC 6052), as the address that is reached.
fn embedded(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

fn never() -> &'static [IpNet] {
    static RANGES: OnceLock<Vec<IpNet>> = OnceLock::new();
    RANGES.get_or_init(|| NEVER.iter().filter_map(|range| network::parse(range)).collect())
}

fn private() -> &'static [IpNet] {
    static RANGES: OnceLock<Vec<IpNet>> = OnceLock::new();
    RANGES.get_or_init(|| PRIVATE.iter().filter_map(|range| network::parse(range)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowed(address: &str) -> [bool; 2] {
        let address = address.parse().unwrap();
        [false, true].map(|allow_private| is_allowed(address, allow_private))
    }

    #[test]
    fn every_range_is_read() {
        assert_eq!((never().len(), private().len()), (NEVER.len(), PRIVATE.len()));
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in ["1.1.1.1", "140.82.112.3", "172.32.0.1", "192.169.0.1", "100.128.0.1", "223.255.255.255"] {
            assert_eq!(allowed(address), [true, true], "{address}");
        }
        for address in ["2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"] {
            assert_eq!(allowed(address), [true, true], "{address}");
        }
    }

    #[test]
    fn private_addresses_are_allowed_for_an_issuer_that_is_there() {
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fd00::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert_eq!(allowed(address), [false, true], "{address}");
        }
    }

    #[test]
    fn other_addresses_never_are() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::2",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "4000::1",
            "100::1",
        ] {
            assert_eq!(allowed(address), [false, false], "{address}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_or_translated_address_is_judged_by_the_one_that_is_reached(bits: u32, private: bool) {
            let address = Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets().map(u16::from);
            let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
            let expected = is_allowed(address.into(), private);
            prop_assert_eq!(is_allowed(address.to_ipv6_mapped().into(), private), expected);
            prop_assert_eq!(is_allowed(translated.into(), private), expected);
        }

        #[test]
        fn what_is_allowed_stays_so_with_private_addresses(bits: u128) {
            let address = Ipv6Addr::from(bits).into();
            prop_assert!(!is_allowed(address, false) || is_allowed(address, true));
        }
    }
}
