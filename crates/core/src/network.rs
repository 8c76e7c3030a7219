//! IP addresses and CIDR ranges. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is treated as the IPv4 address.

mod budget;

use std::net::{IpAddr, Ipv6Addr};

pub use budget::{NetworkBudget, Share};
use ipnet::IpNet;

/// Parses an address or a CIDR range, IPv4 or IPv6. Bits beyond the prefix length are ignored.
pub fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(range) => Some(canonical_range(range)),
        Err(_) => text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical())),
    }
}

/// Whether `range` contains `address`.
pub fn contains(range: &IpNet, address: IpAddr) -> bool {
    range.contains(&address.to_canonical())
}

/// Returns the canonical spelling of an address (RFC 5952), to compare addresses by. A zone id is kept. Other text, such as a
/// hostname in the place of an address, is unchanged.
pub fn address_key(text: &str) -> String {
    if let Ok(address) = text.parse::<IpAddr>() {
        return address.to_canonical().to_string();
    }
    let scoped = text.split_once('%').and_then(|(address, zone)| Some((address.parse::<Ipv6Addr>().ok()?, zone)));
    scoped.map_or_else(|| text.into(), |(address, zone)| format!("{address}%{zone}"))
}

/// Returns the network that one subscriber usually controls: the /24 of an IPv4 address, the /64 of an IPv6 address.
pub fn subscriber_network(source: IpAddr) -> IpNet {
    let source = source.to_canonical();
    let prefix = if source.is_ipv4() { 24 } else { 64 };
    IpNet::new(source, prefix).map_or_else(|_| source.into(), |network| network.trunc())
}

/// Returns the networks by which attempts of a source are counted, the smallest first: an IPv4 address and its /24; of IPv6 the
/// /64 of one link, and the /56 and /48 that providers give to one customer.
pub fn counted_networks(source: IpAddr) -> impl Iterator<Item = IpNet> {
    let source = source.to_canonical();
    let prefixes: &[u8] = if source.is_ipv4() { &[32, 24] } else { &[64, 56, 48] };
    prefixes.iter().map(move |prefix| IpNet::new(source, *prefix).map_or_else(|_| source.into(), |net| net.trunc()))
}

/// Whether a range is no larger than what [`subscriber_network`] returns.
pub fn is_narrow(range: &IpNet) -> bool {
    range.prefix_len() >= if range.addr().is_ipv4() { 24 } else { 64 }
}

fn canonical_range(range: IpNet) -> IpNet {
    match range.addr().to_canonical() {
        // A range of mapped addresses: its prefix length counts the 96 bits before the IPv4 address.
        IpAddr::V4(address) if range.addr().is_ipv6() && range.prefix_len() >= 96 => {
            IpNet::new(address.into(), range.prefix_len() - 96).map_or(range, |range| range.trunc())
        }
        _ => range.trunc(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn holds(range: &str, address: &str) -> bool {
        contains(&parse(range).unwrap(), address.parse().unwrap())
    }

    #[test]
    fn ranges_hold_what_they_should() {
        assert!(holds("10.0.0.1", "10.0.0.1"));
        assert!(!holds("10.0.0.1", "10.0.0.2"));
        assert!(holds("10.0.0.0/8", "10.255.255.255"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("10.0.0.7/31", "10.0.0.6"));
        assert!(holds("::1", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::/0", "::ffff:10.0.0.1"));
    }

    #[test]
    fn an_address_has_one_key_and_other_text_is_its_own() {
        for (key, spellings) in [
            ("2001:db8::a", &["2001:db8::a", "2001:DB8::A", "2001:0db8:0000:0:0:0:0:000a", "2001:db8::0.0.0.10"][..]),
            ("2001:db8:0:1::", &["2001:db8:0:1:0:0:0:0", "2001:db8::1:0:0:0:0"]),
            ("::", &["0:0:0:0:0:0:0:0", "::0"]),
            ("10.0.0.1", &["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:10.0.0.1"]),
            ("fe80::1%eth0", &["FE80::1%eth0", "fe80:0::1%eth0"]),
        ] {
            for spelling in spellings {
                assert_eq!(address_key(spelling), key, "{spelling}");
            }
        }
        for text in
            ["", "db.example", "DB.example", "010.0.0.1", "10.0.0.1:22", "10.0.0.0/8", "[::1]", "::1::", "x%eth0", "%"]
        {
            assert_eq!(address_key(text), text);
        }
    }

    #[test]
    fn attempts_are_counted_by_what_one_customer_has() {
        let of =
            |source: &str| counted_networks(source.parse().unwrap()).map(|net| net.to_string()).collect::<Vec<_>>();
        assert_eq!(of("10.1.2.3"), ["10.1.2.3/32", "10.1.2.0/24"]);
        assert_eq!(of("::ffff:10.1.2.3"), of("10.1.2.3"));
        assert_eq!(of("2001:db8:1:2ff:3::4"), ["2001:db8:1:2ff::/64", "2001:db8:1:200::/56", "2001:db8:1::/48"]);
        for (range, narrow) in
            [("10.0.0.1", true), ("10.0.0.0/24", true), ("10.0.0.0/23", false), ("::1", true), ("2001:db8::/63", false)]
        {
            assert_eq!(is_narrow(&parse(range).unwrap()), narrow, "{range}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "x", "10.0.0", "10.0.0.0/33", "10.0.0.1/", "::/129", "10.0.0.1,10.0.0.2", "*"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_address_has_its_key(bits: u128) {
            let address = Ipv6Addr::from(bits);
            let full = address.segments().map(|segment| format!("{segment:04X}")).join(":");
            prop_assert_eq!(address_key(&full), address_key(&address.to_string()));
            prop_assert_eq!(address_key(&address_key(&full)), address_key(&full));
        }

        #[test]
        fn an_ipv4_range_is_its_leading_bits(address: u32, prefix in 0u8..=32, other: u32) {
            let range = parse(&format!("{}/{prefix}", Ipv4Addr::from(address))).unwrap();
            let same = prefix == 0 || (address ^ other) >> (32 - prefix) == 0;
            prop_assert_eq!(contains(&range, Ipv4Addr::from(other).into()), same);
            prop_assert_eq!(contains(&range, Ipv4Addr::from(other).to_ipv6_mapped().into()), same);
        }

        #[test]
        fn an_ipv6_range_is_its_leading_bits(address: u128, prefix in 0u8..=128, other: u128) {
            let (address, other) = (address | 1 << 127, other | 1 << 127);
            let range = parse(&format!("{}/{prefix}", Ipv6Addr::from(address))).unwrap();
            let same = prefix == 0 || (address ^ other) >> (128 - prefix) == 0;
            prop_assert_eq!(contains(&range, Ipv6Addr::from(other).into()), same);
        }
    }
}
