//! The addresses that a request may go to: no target may turn the vault against its own machine or its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chaveiro_rotation::{Account, TargetError};
use tokio::net::lookup_host;

use crate::failure;
use crate::net::{CONNECT, within};
use crate::options::option;

/// Services of clouds that give out credentials, outside of the link-local network.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Looks the host of a URL up. Every address must be permitted; the connection is made to one of these, and the name is not asked
/// for again.
pub(super) async fn resolve(account: &Account, host: &str, port: u16) -> Result<Vec<SocketAddr>, TargetError> {
    let found = within(CONNECT, lookup_host((host, port))).await?;
    let addresses: Vec<SocketAddr> = found.map_err(|_| failure::unreachable("the host has no address"))?.collect();
    let allowed = allowed(account)?;
    let is_permitted = |ip: IpAddr| allowed.contains(&ip) || !is_internal(ip);
    if addresses.is_empty() {
        return Err(failure::unreachable("the host has no address"));
    }
    if addresses.iter().all(|address| is_permitted(address.ip())) {
        Ok(addresses)
    } else {
        Err(failure::misconfigured(
            "the host has an address of this machine or its network: see option allowed-addresses",
        ))
    }
}

/// Returns the addresses of the option `allowed-addresses`, separated by commas.
fn allowed(account: &Account) -> Result<Vec<IpAddr>, TargetError> {
    let texts = option(account, "allowed-addresses").into_iter().flat_map(|all| all.split(','));
    let parsed: Result<_, _> = texts.map(|text| text.trim().parse()).collect();
    parsed.map_err(|_| failure::misconfigured("option allowed-addresses must be IP addresses, separated by commas"))
}

/// Whether an address is of this machine, of its link, of everybody, or of the cloud's metadata. Private networks are where
/// targets are.
fn is_internal(ip: IpAddr) -> bool {
    if METADATA.contains(&ip) {
        return true;
    }
    match ip {
        IpAddr::V4(ip) => {
            ip.octets()[0] == 0 || ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || ip.is_multicast()
        }
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => is_internal(IpAddr::V4(inner)),
            None => ip.is_unspecified() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast(),
        },
    }
}

/// Returns the IPv4 address that an IPv6 address stands for: mapped, compatible, by NAT64 or by 6to4.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_found_in_every_form() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(is_internal(text.parse().unwrap()), "{text}");
        }
        for text in
            ["10.0.0.1", "192.168.1.1", "172.16.0.1", "93.184.216.34", "2001:db8::1", "fd12::1", "::ffff:10.0.0.1"]
        {
            assert!(!is_internal(text.parse().unwrap()), "{text}");
        }
    }
}
