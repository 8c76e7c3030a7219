//! Connections to directories.

use std::net::IpAddr;
use std::time::Duration;

use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use tokio::task::JoinHandle;

use crate::failure::{self, LOST};
use crate::net::{self, CONNECT, within};
use crate::tls::{Protection, Tls};

/// The deadline of one operation.
const OPERATION: Duration = Duration::from_secs(20);
const PORT: u16 = 389;
const TLS_PORT: u16 = 636;

/// An open connection, which ends when dropped.
pub(super) struct Connection {
    ldap: Ldap,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Returns the handle for the next operation.
    pub(super) fn ldap(&mut self) -> &mut Ldap {
        self.ldap.with_timeout(OPERATION)
    }
}

/// Connects with TLS. Plain text is for servers on this machine.
pub(super) async fn connect(account: &Account) -> Result<Connection, TargetError> {
    let protection = Protection::from_account(account)?;
    if protection == Protection::Off && !is_loopback(account) {
        return Err(failure::misconfigured("a directory on another machine must be reached with TLS"));
    }
    let tls = if protection == Protection::Off { None } else { Some(Tls::from_account(account)?) };
    open(account, protection, tls.as_ref()).await
}

/// Returns the identity of the server; `None` without TLS.
pub(super) async fn identify(account: &Account) -> Result<Option<TargetIdentity>, TargetError> {
    let protection = Protection::from_account(account)?;
    if protection == Protection::Off {
        return Ok(None);
    }
    let tls = Tls::to_identify(account)?;
    open(account, protection, Some(&tls)).await?;
    Ok(tls.presented())
}

fn is_loopback(account: &Account) -> bool {
    net::host(account).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn open(account: &Account, protection: Protection, tls: Option<&Tls>) -> Result<Connection, TargetError> {
    let usual = if protection == Protection::Tls { TLS_PORT } else { PORT };
    // Name look-up and TCP as for every other target; the client makes TLS itself.
    let stream = net::connect(account, usual).await?.into_std();
    let stream = stream.map_err(|_| failure::unreachable(LOST))?;
    let mut settings = LdapConnSettings::new()
        .set_conn_timeout(CONNECT)
        .set_starttls(protection == Protection::StartTls)
        .set_std_stream(ldap3::StdStream::Tcp(stream));
    if let Some(tls) = tls {
        settings = settings.set_config(tls.config.clone());
    }
    let url = url(account, protection, usual);
    let opened = within(CONNECT, LdapConnAsync::with_settings(settings, &url)).await?;
    let (driver, ldap) = opened.map_err(|error| match (error, tls.and_then(Tls::refusal)) {
        (_, Some(refusal)) => refusal,
        (LdapError::LdapResult { .. }, None) => failure::misconfigured("the directory has no StartTLS"),
        (_, None) => failure::unreachable("the handshake of TLS failed"),
    })?;
    // Its end is seen by the operation that waits.
    let driver = tokio::spawn(async { drop(driver.drive().await) });
    Ok(Connection { ldap, driver })
}

fn url(account: &Account, protection: Protection, usual: u16) -> String {
    let scheme = if protection == Protection::Tls { "ldaps" } else { "ldap" };
    let host = net::host(account);
    let port = account.port.unwrap_or(usual);
    if host.contains(':') { format!("{scheme}://[{host}]:{port}") } else { format!("{scheme}://{host}:{port}") }
}

/// Returns what a failed operation means that got no answer.
pub(super) fn lost(_: LdapError) -> TargetError {
    failure::unreachable(LOST)
}
