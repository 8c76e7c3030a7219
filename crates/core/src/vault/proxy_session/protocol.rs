//! The protocols of a proxy session, and the port of each on a device.

use crate::text::comma_separated;

/// A protocol of a session, as in the settings of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Ssh,
    Telnet,
    Rdp,
    Vnc,
    Http,
    Https,
    MySql,
    SqlServer,
    X11Forward,
}

impl Protocol {
    const ALL: [Protocol; 9] = [
        Protocol::Ssh,
        Protocol::Telnet,
        Protocol::Rdp,
        Protocol::Vnc,
        Protocol::Http,
        Protocol::Https,
        Protocol::MySql,
        Protocol::SqlServer,
        Protocol::X11Forward,
    ];

    /// The name, as stored and listed.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Ssh => "ssh",
            Protocol::Telnet => "telnet",
            Protocol::Rdp => "rdp",
            Protocol::Vnc => "vnc",
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::MySql => "mysql",
            Protocol::SqlServer => "sql server",
            Protocol::X11Forward => "x11 forward",
        }
    }

    /// Finds a protocol by name, ignoring case and spaces.
    pub fn by_name(name: &str) -> Option<Self> {
        let plain = |name: &str| name.to_lowercase().replace(' ', "");
        Self::ALL.into_iter().find(|protocol| plain(protocol.as_str()) == plain(name))
    }

    /// Its port on a device: from the device's connectivity of this name, otherwise the default port.
    pub(super) fn port_on(self, connectivities: &str) -> u16 {
        comma_separated(connectivities)
            .filter_map(|item| item.split_once(':'))
            .find(|(name, _)| Self::by_name(name) == Some(self))
            .and_then(|(_, port)| port.parse().ok())
            .unwrap_or_else(|| self.default_port())
    }

    fn default_port(self) -> u16 {
        match self {
            Protocol::Ssh => 22,
            Protocol::Telnet => 23,
            Protocol::Rdp => 3389,
            Protocol::Vnc => 5900,
            Protocol::Http => 80,
            Protocol::Https => 443,
            Protocol::MySql => 3306,
            Protocol::SqlServer => 1433,
            Protocol::X11Forward => 6000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::by_name(protocol.as_str()), Some(protocol));
            assert_eq!(Protocol::by_name(&protocol.as_str().to_uppercase()), Some(protocol));
        }
        assert_eq!(Protocol::by_name("SqlServer"), Some(Protocol::SqlServer));
        for unknown in ["", " ", "ftp", "ssh2", "ssh:22"] {
            assert_eq!(Protocol::by_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_port_is_the_devices_own_or_the_usual_one() {
        assert_eq!(Protocol::Ssh.port_on("HTTPS:8443,SSH:2222"), 2222);
        assert_eq!(Protocol::Https.port_on("https:8443,SSH:2222"), 8443);
        assert_eq!(Protocol::SqlServer.port_on("SQL Server:1434"), 1434);
        for without in ["", "SSH", "HTTPS:443", "SSH Tunnel:9"] {
            assert_eq!(Protocol::Ssh.port_on(without), 22, "{without}");
        }
    }
}
