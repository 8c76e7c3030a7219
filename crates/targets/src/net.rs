//! Connections to targets.

use std::time::Duration;

use chaveiro_rotation::{Account, TargetError};
use tokio::net::TcpStream;

use crate::failure;

/// The deadline of a connection: name look-up, TCP, and the handshake of TLS or SSH, each.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// Returns the host without the brackets of an IPv6 address.
pub(crate) fn host(account: &Account) -> &str {
    let host = account.host.trim();
    host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
}

/// Connects to the account's host.
pub(crate) async fn connect(account: &Account, usual_port: u16) -> Result<TcpStream, TargetError> {
    let address = (host(account), account.port.unwrap_or(usual_port));
    if address.0.is_empty() {
        return Err(failure::misconfigured("the host is missing"));
    }
    let stream = within(CONNECT, TcpStream::connect(address)).await?;
    let stream = stream.map_err(|_| failure::unreachable("no connection to the host and port"))?;
    // Only latency depends on it.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Waits for a step that must not take longer.
pub(crate) async fn within<T>(limit: Duration, step: impl Future<Output = T>) -> Result<T, TargetError> {
    tokio::time::timeout(limit, step).await.map_err(|_| failure::unreachable("no answer within the deadline"))
}
