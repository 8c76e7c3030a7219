//! What a new connection gets before its first request.

use std::any::Any;
use std::os::fd::AsFd;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_user_timeout};

use super::tls;

/// The maximum time for the head of the first request of a connection; actix-http limits no later one.
pub(super) const REQUEST_HEAD_TIME: Duration = Duration::from_secs(10);
/// The memory of the kernel for what a client has not read, in bytes, of which Linux takes twice as much. The kernel would
/// otherwise take some megabytes of each response, beside the memory that this process accounts for.
const SEND_BUFFER: usize = 128 * 1024;

/// Prepares a connection, over TLS or without. A client may leave what was sent to it unread or unacknowledged for `unread`
/// before its connection is closed: meanwhile the response is in memory, and a list counts as one of the client's.
pub(super) fn prepare(connection: &dyn Any, data: &mut Extensions, unread: Duration) {
    tls::store_certificate(connection, data);
    let tls = connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0);
    if let Some(stream) = connection.downcast_ref::<TcpStream>().or(tls) {
        limit_unread(stream, unread);
    }
}

/// Sets `TCP_USER_TIMEOUT` (`tcp(7)`, RFC 5482), which also ends a connection whose peer advertises no window, and the size of
/// the send buffer.
fn limit_unread(stream: &impl AsFd, longest: Duration) {
    let millis = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX).max(1000);
    let limited = set_tcp_user_timeout(stream, millis).and(set_socket_send_buffer_size(stream, SEND_BUFFER));
    if let Err(error) = limited {
        log::warn!("what a client may leave unread cannot be limited: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::{socket_send_buffer_size, tcp_user_timeout};

    use super::*;

    #[actix_web::test]
    async fn a_connection_has_a_limit_on_what_stays_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let server = actix_web::rt::net::TcpStream::from_std(server).unwrap();
        for (seconds, millis) in [(60, 60_000), (0, 1000)] {
            prepare(&server, &mut Extensions::new(), Duration::from_secs(seconds));
            assert_eq!(tcp_user_timeout(&server).unwrap(), millis);
            assert_eq!(socket_send_buffer_size(&server).unwrap(), 2 * SEND_BUFFER);
        }
        drop(client);
    }
}
