//! What a new connection gets before its first request.

use std::any::Any;
use std::os::fd::AsFd;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_tcp_user_timeout;

use super::tls;

/// The maximum time for the head of the first request of a connection; actix-http limits no later one.
pub(super) const REQUEST_HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may leave what was sent to it unread or unacknowledged before its connection is closed. Meanwhile the
/// response is in memory, and a list counts as one of the client's.
const MAX_UNREAD_TIME: Duration = Duration::from_secs(60);

/// Prepares a connection, over TLS or without.
pub(super) fn prepare(connection: &dyn Any, data: &mut Extensions) {
    tls::store_certificate(connection, data);
    let tls = connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0);
    if let Some(stream) = connection.downcast_ref::<TcpStream>().or(tls) {
        limit_unread_time(stream);
    }
}

/// Sets `TCP_USER_TIMEOUT` (`tcp(7)`, RFC 5482), which also ends a connection whose peer advertises no window.
fn limit_unread_time(stream: &impl AsFd) {
    let millis = u32::try_from(MAX_UNREAD_TIME.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(stream, millis) {
        log::warn!("the time that a client may leave a response unread cannot be limited: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::tcp_user_timeout;

    use super::*;

    #[actix_web::test]
    async fn a_connection_has_a_limit_on_what_stays_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let server = actix_web::rt::net::TcpStream::from_std(server).unwrap();
        prepare(&server, &mut Extensions::new());
        assert_eq!(tcp_user_timeout(&server).unwrap(), 60_000);
        drop(client);
    }
}
