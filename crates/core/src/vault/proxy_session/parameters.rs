//! The parameters of a session, and their syntax.

use std::net::IpAddr;

use super::Protocol;
use crate::vault::{Field, VaultError};

const DEFAULT_SCREEN_SIZE: &str = "1920x1080";

/// Whether a protocol lets the vault choose the credential of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialChoice {
    /// The client has to name the credential.
    Required,
    /// Without a name, the vault chooses a free credential.
    AnyFree,
}

/// Parameters of a request to create a session. `None` or empty: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 9.1")]
pub struct ProxySessionInput {
    pub user: Option<String>,
    pub credential: Option<String>,
    pub device: Option<String>,
    pub protocol: Option<String>,
    pub remote_device: Option<String>,
    pub remote_address: Option<String>,
    /// 0: not sent.
    pub port: Option<i32>,
    /// 0: not sent.
    pub remote_app: Option<i32>,
    pub screen_size: Option<String>,
}

/// The parsed parameters of a request. The objects that they name need not exist.
pub(super) struct ProxySessionParameters<'a> {
    pub(super) user: &'a str,
    /// `None`: any free credential.
    pub(super) username: Option<&'a str>,
    pub(super) device: &'a str,
    pub(super) protocol: Protocol,
    pub(super) remote_device: Option<&'a str>,
    pub(super) bound_to: Option<IpAddr>,
    pub(super) port: Option<i32>,
    pub(super) remote_app: Option<i32>,
    pub(super) screen_size: String,
}

impl<'a> ProxySessionParameters<'a> {
    /// Parses the parameters.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for the first missing parameter, in the documented order; then [`VaultError::Invalid`] for the
    /// first malformed one.
    pub(super) fn parse(input: &'a ProxySessionInput, choice: CredentialChoice) -> Result<Self, VaultError> {
        let required = |parameter: &'a Option<String>, field| given(parameter).ok_or(VaultError::Missing(field));
        let user = required(&input.user, Field::SessionUser)?;
        let username = given(&input.credential);
        if username.is_none() && choice == CredentialChoice::Required {
            return Err(VaultError::Missing(Field::SessionCredential));
        }
        let device = required(&input.device, Field::SessionDevice)?;
        let protocol = given(&input.protocol).and_then(Protocol::by_name);
        let protocol = protocol.ok_or_else(|| VaultError::invalid(Field::Protocol, "expected a supported protocol"))?;
        Ok(Self {
            user,
            username,
            device,
            protocol,
            remote_device: given(&input.remote_device),
            bound_to: given(&input.remote_address).map(address).transpose()?,
            port: input.port.filter(|port| *port != 0).map(port).transpose()?,
            remote_app: input.remote_app.filter(|number| *number != 0),
            screen_size: given(&input.screen_size).map_or_else(|| Ok(DEFAULT_SCREEN_SIZE.into()), screen_size)?,
        })
    }
}

fn given(parameter: &Option<String>) -> Option<&str> {
    parameter.as_deref().filter(|text| !text.is_empty())
}

fn address(text: &str) -> Result<IpAddr, VaultError> {
    let address =
        text.parse::<IpAddr>().map_err(|_| VaultError::invalid(Field::RemoteAddress, "expected an IP address"))?;
    Ok(address.to_canonical())
}

fn port(number: i32) -> Result<i32, VaultError> {
    match u16::try_from(number) {
        Ok(_) => Ok(number),
        Err(_) => Err(VaultError::invalid(Field::Port, "expected a number from 1 to 65535")),
    }
}

/// Parses `WIDTHxHEIGHT`, in whole pixels.
fn screen_size(text: &str) -> Result<String, VaultError> {
    let pixels = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|pixels| digits && *pixels > 0)
    };
    let sides = text.split_once(['x', 'X']).and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)));
    match sides {
        Some((width, height)) => Ok(format!("{width}x{height}")),
        None => Err(VaultError::invalid(Field::ScreenSize, "expected WIDTHxHEIGHT, as in 1920x1080")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn screen_sizes_have_two_sides() {
        assert_eq!(screen_size("1920x1080"), Ok("1920x1080".into()));
        assert_eq!(screen_size("0800X0600"), Ok("800x600".into()));
        for bad in
            ["1920", "x", "1920x", "x1080", "0x1080", "1920x0", "1920x1080x2", "+1x1", "65536x1", "a x b", "1 x1"]
        {
            assert!(screen_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_and_addresses_have_their_form() {
        assert_eq!((port(1), port(65535)), (Ok(1), Ok(65535)));
        assert!(port(65536).is_err() && port(-1).is_err());
        assert_eq!(address("::ffff:10.0.0.1"), Ok("10.0.0.1".parse().unwrap()));
        for bad in ["10.0.0", "10.0.0.0/8", "*", "host", "10.0.0.1 "] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_screen_size_of_another_form(text in any::<String>()) {
            if let Ok(size) = screen_size(&text) {
                let (width, height) = size.split_once('x').unwrap();
                prop_assert!(width.parse::<u16>().is_ok() && height.parse::<u16>().is_ok());
            }
        }
    }
}
