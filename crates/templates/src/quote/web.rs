//! JSON strings, forms and URLs.

use std::fmt::Write;
use std::net::Ipv6Addr;

use super::Unquotable;

/// Inside of a JSON string (RFC 8259).
pub(super) fn json(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    for character in value.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if u32::from(control) < 0x20 || control == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out
}

/// A part of a URL or form: everything but the unreserved characters of RFC 3986 is encoded.
pub(super) fn percent_encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The host of a URL: a name, an IPv4 address, or an IPv6 address, which gets its brackets.
pub(super) fn host(value: &str) -> Result<String, Unquotable> {
    if value.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{value}]"));
    }
    let valid =
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if valid { Ok(value.to_owned()) } else { Err(Unquotable::Character("a host name or an IP address")) }
}
